"""What definitions of Kubernetes' kind have in common."""

from __future__ import annotations

from typing import Any

from nbdeploy.batch.schedules.exporting.plan import Plan
from nbdeploy.batch.schedules.schedule import Schedule

__all__ = ["container", "document", "name_of", "yaml_text"]


def name_of(schedule: Schedule, longest: int) -> tuple[str, list[str]]:
    """A schedule's name as Kubernetes allows it, and a note if it is another."""
    name = schedule.name.replace(".", "-").replace("_", "-")[:longest].strip("-")
    return name, [] if name == schedule.name else [f"its name there is {name}"]


def container(plan: Plan, image: str, words: list[str], *more: dict[str, Any]) -> dict[str, Any]:
    """The container that runs a schedule's command; secrets come from a Secret of the cluster, by reference.

    Parameters
    ----------
    plan : Plan
        Names the variables.
    image : str
        What to run in.
    words : list of str
        The program and its arguments.
    *more : dict
        Further variables.
    """
    given = {"TZ": plan.schedule.timezone, **plan.variables}
    plain = [{"name": name, "value": value.replace("$", "$$")} for name, value in given.items()]
    reference = {"name": f"nbdeploy-{name_of(plan.schedule, 52)[0]}"}
    secret = [{"name": name, "valueFrom": {"secretKeyRef": {**reference, "key": name}}} for name in plan.secrets]
    return {
        "name": "nbdeploy",
        "image": image,
        "command": words[:1],
        "args": words[1:],
        "env": [*more, *plain, *secret],
    }


def document(body: dict[str, Any], plan: Plan, notes: list[str]) -> str:
    """A definition as a file, with what is different on top."""
    return plan.comment(notes) + yaml_text(body)


def yaml_text(body: dict[str, Any]) -> str:
    """YAML in the order that people write it, with scripts as blocks."""
    import yaml

    dumper: Any = type("Dumper", (yaml.SafeDumper,), {})

    def text(writer: Any, value: str) -> Any:
        return writer.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    dumper.add_representer(str, text)
    dumped: str = yaml.dump(body, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1000)
    return dumped

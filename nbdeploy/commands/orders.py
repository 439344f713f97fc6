"""What every command that runs a notebook can be told of the run."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce, wraps
from typing import Any

import click

from nbdeploy.commands.kinds import FILE, TIME, VALUE, Written
from nbdeploy.commands.syntax import option
from nbdeploy.errors import WrongUsage

__all__ = ["WORDS_HELP", "order_options", "today"]

WORDS_HELP = """\b
Words that become dates:
  {{ ds }} 2026-11-21   {{ ds_nodash }} 20261121   {{ hour }} 06
  {{ ts }} 2026-11-21T06:00:00+01:00
  {{ yesterday }}   {{ tomorrow }}
  {{ week }} 2026-W47   {{ previous_week }}
  {{ month }} 2026-11   {{ previous_month }}   {{ next_month }}
  {{ month_start }} 2026-11-01   {{ month_end }}
  {{ previous_month_start }}   {{ previous_month_end }}
  {{ quarter }} 2026-Q4   {{ previous_quarter }}
  {{ year }} 2026   {{ previous_year }}
"""

Pairs = tuple[tuple[str, object], ...]

_OPTIONS = (
    option("-p", "--parameter", "typed", type=(str, VALUE), multiple=True, metavar="KEY VALUE", help="A parameter."),
    option("-r", "--raw", type=(str, str), multiple=True, metavar="KEY TEXT", help="A parameter that stays text."),
    option("-f", "--file", "files", type=FILE, multiple=True, metavar="FILE", help="A YAML or JSON file of them."),
    option(
        "--from-env",
        "variables",
        type=(str, str),
        multiple=True,
        metavar="KEY VARIABLE",
        help="A parameter with the text of an environment variable.",
    ),
    option(
        "--secret",
        "secrets",
        multiple=True,
        metavar="KEY=SOURCE",
        help="A parameter that is shown nowhere; SOURCE is env:VARIABLE or file:PATH.",
    ),
    option("--timeout", type=TIME, metavar="TIME", help="Stop a run after this time, as 90s or 2h."),
    option("--cell-timeout", type=TIME, metavar="TIME", help="Fail a run of which one cell takes longer."),
    option("--retries", type=click.IntRange(0), metavar="N", help="Try again so often, each time in a fresh kernel."),
    option("--retry-wait", type=TIME, metavar="TIME", help="Wait before the first retry, and twice as long each time."),
    option(
        "--retry-on",
        multiple=True,
        metavar="ERROR",
        help="Retry for this error only, as ConnectionError or DeadKernelError (repeatable).",
    ),
    option("--kernel", metavar="KERNEL", help="The Jupyter kernel; the notebook's own by default."),
    option("--at-once", type=click.IntRange(1), metavar="N", help="So many runs of a notebook at once; others wait."),
    option("--notify", multiple=True, metavar="WHERE[:EVENT,…]", help="Tell how it ends: see `notify`."),
    option("--env-file", "env_files", type=FILE, multiple=True, metavar="FILE", help="Variables of its environment."),
    option("--cwd", type=FILE, metavar="DIR", help="Where it runs; the notebook's folder by default."),
    option("--report", is_flag=True, help="Publish an HTML report, as its output `report`."),
    option("--no-input", is_flag=True, help="Leave the code out of that report."),
    option(
        "--input",
        "inputs",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="A file or folder to copy into a working directory of the run's own (repeatable).",
    ),
)


def order_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a run: it gets ``parameters``, and the others by their names in an order."""

    @wraps(function)
    def asked(
        *args: Any,
        typed: Pairs,
        raw: tuple[tuple[str, str], ...],
        variables: tuple[tuple[str, str], ...],
        secrets: tuple[str, ...],
        **wanted: Any,
    ) -> object:
        parameters = _parameters(typed, variables, secrets)
        return function(*args, parameters=parameters, raw=dict(raw), **wanted)

    return reduce(lambda so_far, one: one(so_far), reversed(_OPTIONS), asked)


def _parameters(typed: Pairs, variables: tuple[tuple[str, str], ...], secrets: tuple[str, ...]) -> dict[str, Any]:
    """Parameters as an order takes them; no name twice in different ways."""
    from nbdeploy.batch import Secret, Text, Variable

    ways = (
        {key: Text(value) if isinstance(value, Written) else value for key, value in typed},
        {key: Variable(name) for key, name in variables},
        {key: Secret(source) for key, source in map(_secret, secrets)},
    )
    given: dict[str, Any] = {}
    for values in ways:
        for key in given.keys() & values:
            raise WrongUsage(f"parameter {key!r} is given twice: by -p, --from-env or --secret")
        given |= values
    return given


def _secret(word: str) -> tuple[str, str]:
    key, equals, source = word.partition("=")
    if not equals:
        raise WrongUsage("a secret is written as KEY=env:VARIABLE or KEY=file:PATH")
    return key, source


def today(parameters: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What was typed, with dates in the place of ``{{ words }}``; objects that were handed over stay as they are."""
    from nbdeploy.batch import Text
    from nbdeploy.batch.parameters.words import meant, render

    typed = {name: value for name, value in parameters.items() if isinstance(value, Text)}
    texts = {name: value for name, value in options.items() if isinstance(value, str | tuple | dict)}
    if "{{" not in repr([typed, texts]):
        return {"parameters": parameters, **options}
    moment = meant()
    return {"parameters": {**parameters, **render(typed, moment)}, **options, **render(texts, moment)}

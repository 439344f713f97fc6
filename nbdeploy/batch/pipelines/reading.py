"""A pipeline file, read and checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.batch.kernels import choose_kernel
from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.parameters import parameters_of
from nbdeploy.batch.pipelines.located import Located
from nbdeploy.batch.pipelines.plan import Plan
from nbdeploy.batch.pipelines.references import Reference, fill, references
from nbdeploy.errors import NotFound, WrongUsage, alternatives
from nbdeploy.notebooks import Notebook

__all__ = ["Pipeline", "Step", "read"]

_NAME = re.compile(r"\w[\w-]{0,62}", re.ASCII)
_OWN = ("notebook", "parameters", "needs", "outputs", "metrics")
_OURS = {"raw", "after", "sweep", "pipeline"}
_OPTIONS = tuple(name for name in Order.__struct_fields__ if name not in _OURS and name not in _OWN)
_PATHS = ("notebook", "output", "cwd", "env_files", "inputs", "files")


@dataclass(frozen=True)
class Step:
    """One notebook of a pipeline.

    Attributes
    ----------
    name : str
        Its name there.
    wanted : mapping
        The notebook, its parameters and how to run it, with references where other steps' results go.
    needs : sequence of str
        Steps that must have succeeded before.
    outputs, metrics : sequence of str or None
        What it publishes for others, if it says so.
    """

    name: str
    wanted: Mapping[str, Any]
    needs: Sequence[str] = ()
    outputs: Sequence[str] | None = None
    metrics: Sequence[str] | None = None

    def order(self, known: Any, folder: Path) -> Order:
        """What to run, once all that it refers to is known.

        Parameters
        ----------
        known : callable
            From a `Reference` to what it stands for.
        folder : Path
            Where relative paths begin.
        """
        options = {name: fill(value, known) for name, value in self.wanted.items() if name != "parameters"}
        for name in _PATHS:
            if name in options:
                options[name] = _below(folder, options[name])
        notebook = options.pop("notebook")
        return Order.of(notebook, fill(self.wanted.get("parameters", {}), known), **options)


@dataclass(frozen=True)
class Pipeline:
    """Steps, and the parameters that they share.

    Attributes
    ----------
    path : Path
        Its file.
    steps : mapping of str to Step
        The steps, in the order of the file.
    parameters : mapping
        Defaults by name; None where one needs a value.
    """

    path: Path
    steps: Mapping[str, Step]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def plan(self) -> Plan:
        """Which step needs which."""
        return Plan({name: step.needs for name, step in self.steps.items()})

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values of its parameters.

        Raises
        ------
        WrongUsage
            If there is no such parameter, or one has no value.
        """
        for name in given:
            if name not in self.parameters:
                problem = NotFound("parameter", name, self.parameters)
                raise WrongUsage(f"{problem} of {self.path.name}", name=name, available=sorted(self.parameters))
        values = {**self.parameters, **given}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            raise WrongUsage(
                f"{self.path.name} needs a value for {', '.join(missing)}: give it with -p", missing=missing
            )
        return values


def read(path: str | Path) -> Pipeline:
    """Read a pipeline, and check all that can be known before it runs.

    Raises
    ------
    NotFound, InvalidData
        If the file is not there, or no YAML.
    WrongUsage
        If something in it cannot work; the message names the line.
    """
    text = Located.read(Path(path).expanduser().absolute())
    text.only(("steps", "parameters"))
    text.only(tuple(text.get("steps") or ()), "steps")
    if text.get("parameters") is not None:
        text.only(tuple(text.get("parameters")), "parameters")
    steps = {str(name): _step(text, str(name)) for name in text.get("steps")}
    pipeline = Pipeline(text.path, steps, text.get("parameters") or {})
    if not steps:
        raise text.error("there are no steps", "steps")
    for name in steps:
        _check_needs(text, pipeline, name)
    cycle = pipeline.plan.cycle()
    if cycle:
        raise text.error(f"steps wait for each other: {' needs '.join(cycle)}", "steps", cycle[0])
    for name in steps:
        _check_notebook(text, pipeline, name)
    return pipeline


def _step(text: Located, name: str) -> Step:
    here = ("steps", name)
    if not _NAME.fullmatch(name):
        raise text.error(f"step name {name!r} is not allowed: use letters, digits, '_' or '-'", *here)
    text.only((*_OWN, *_OPTIONS), *here)
    said = text.get(*here)
    if not isinstance(said.get("notebook"), str):
        raise text.error(f"step {name!r} needs a notebook", *here)
    if said.get("parameters") is not None:
        text.only(tuple(said["parameters"]), *here, "parameters")
    listed = {key: _names(text, *here, key) for key in ("needs", "outputs", "metrics")}
    wanted = {key: said[key] for key in ("notebook", "parameters", *_OPTIONS) if said.get(key) is not None}
    with text.at(*here):
        _check_options(wanted)
    used: list[str] = []
    for key, value in _leaves(wanted):
        with text.at(*here, *key):
            used += [each.step for each in references(value) if each.step]
    needs = tuple(dict.fromkeys([*(listed["needs"] or ()), *used]))
    return Step(name, wanted, needs, listed["outputs"], listed["metrics"])


def _names(text: Located, *keys: str) -> tuple[str, ...] | None:
    found = text.get(*keys)
    if found is None:
        return None
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise text.error(f"{keys[-1]} is a list of names", *keys)
    return tuple(listed)


def _check_options(wanted: Mapping[str, Any]) -> None:
    """Refuse options of a wrong type, as a timeout that is no number."""
    try:
        msgspec.convert(dict(wanted), Order)
    except msgspec.ValidationError as error:
        raise WrongUsage(str(error).replace("`$.", "`")) from error


def _check_needs(text: Located, pipeline: Pipeline, name: str) -> None:
    """Every step, output, metric and parameter that a step refers to is there, as far as that is said."""
    step = pipeline.steps[name]
    for need in (text.get("steps", name, "needs") and _names(text, "steps", name, "needs")) or ():
        if need not in pipeline.steps:
            problem = NotFound("step", need, [other for other in pipeline.steps if other != name])
            raise text.error(f"step {name!r} needs: {problem}", "steps", name, "needs")
    for key, value in _leaves(step.wanted):
        for each in references(value):
            _check_reference(text, pipeline, each, ("steps", name, *key))


def _leaves(wanted: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    """Every option, and every parameter, with the keys that lead there."""
    parameters = [(("parameters", str(name)), value) for name, value in wanted.get("parameters", {}).items()]
    return [*parameters, *(((key,), value) for key, value in wanted.items() if key != "parameters")]


def _check_reference(text: Located, pipeline: Pipeline, each: Reference, place: tuple[str, ...]) -> None:
    if each.kind == "parameters":
        if each.name not in pipeline.parameters:
            raise text.error(f"{NotFound('parameter', each.name, pipeline.parameters)} of the pipeline", *place)
        return
    if each.step not in pipeline.steps:
        raise text.error(str(NotFound("step", each.step, pipeline.steps)), *place)
    declared = getattr(pipeline.steps[each.step], each.kind)
    if declared is not None and each.name not in declared:
        kind = each.kind.removesuffix("s")
        there = alternatives(each.name, declared) or f"it lists no {each.kind}"
        raise text.error(f"step {each.step!r} publishes no {kind} {each.name!r}; {there}", *place)


def _check_notebook(text: Located, pipeline: Pipeline, name: str) -> None:
    """The notebook is there, and takes these parameters."""
    step, here = pipeline.steps[name], ("steps", name)
    if any(references(step.wanted["notebook"])):
        raise text.error(f"which notebook step {name!r} runs must be known before", *here, "notebook")
    with text.at(*here, "notebook"):
        book = Notebook.read(_below(text.path.parent, step.wanted["notebook"]))
        declared = parameters_of(book)
        choose_kernel(book, step.wanted.get("kernel"))
    known = {item.name: item for item in declared}
    given = step.wanted.get("parameters", {})
    for key, value in given.items():
        if declared.closed and key not in known:
            problem = NotFound("parameter", str(key), known)
            raise text.error(f"{problem} in {declared.notebook.name}", *here, "parameters", str(key))
        with text.at(*here, "parameters", str(key)):
            if key in known and not any(references(value)):
                known[key].accept(value)
    missing = [item.declaration for item in declared if item.required and item.name not in given]
    if missing and not step.wanted.get("files"):
        raise text.error(f"{declared.notebook.name} needs a value for {', '.join(missing)}", *here)


def _below(folder: Path, path: Any) -> Any:
    if isinstance(path, list):
        return [_below(folder, each) for each in path]
    return str(folder / Path(str(path)).expanduser())

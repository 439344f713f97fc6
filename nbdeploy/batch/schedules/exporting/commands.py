"""What a schedule runs, as words of ``nbdeploy`` that anybody can say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import singledispatch
from pathlib import Path
from typing import Any

from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.parameters import Secret, Text, Variable, bind, showable
from nbdeploy.batch.schedules.jobs import NotebookJob, PipelineJob, PredictionJob
from nbdeploy.errors import InvalidData, NbdeployError
from nbdeploy.notebooks import Notebook

__all__ = ["Told", "told"]

_OPTIONS = {
    "timeout": "--timeout",
    "cell_timeout": "--cell-timeout",
    "retries": "--retries",
    "retry_wait": "--retry-wait",
    "kernel": "--kernel",
    "cwd": "--cwd",
    "at_once": "--at-once",
}
"""Fields of an order that are an option with a value."""
_LISTED = {"retry_on": "--retry-on", "env_files": "--env-file", "inputs": "--input", "notify": "--notify"}
"""Fields of an order that are an option, repeated."""
_PAPERMILL = {"notebook", "parameters", "raw", "output", "timeout", "kernel"}
"""What papermill's own operator can be told."""
_SAID = {"notebook", "parameters", "raw", "files", "output", *_OPTIONS, *_LISTED}


@dataclass(frozen=True)
class Told:
    """What ``nbdeploy`` is told.

    Attributes
    ----------
    command : list of str
        Its words; those of paths are as in the schedule's folder.
    needs : sequence of str
        Files that it reads.
    writes : str
        Where it writes; empty if only in the home.
    timeout : float or None
        Seconds that it may take, if its own words do not say so.
    secrets : sequence of str
        Environment variables whose values are secrets.
    unsaid : sequence of str
        What its words cannot say.
    values : mapping or None
        Of a notebook, the parameters as papermill carries them, with ``{{ words }}`` in texts; None where their types
        are only known once the words are replaced.
    """

    command: list[str]
    needs: Sequence[str]
    writes: str = ""
    timeout: float | None = None
    secrets: Sequence[str] = ()
    unsaid: Sequence[str] = ()
    values: dict[str, Any] | None = None


@singledispatch
def told(job: Any, due: datetime) -> Told:  # noqa: ARG001
    """What ``nbdeploy`` is told to do the same as a job.

    Parameters
    ----------
    job : Job
        What a schedule runs.
    due : datetime
        A time of it, to try parameters with.

    Raises
    ------
    InvalidData
        If a parameter cannot be written as text.
    """
    raise TypeError(type(job).__name__)


@told.register
def _(job: PredictionJob, due: datetime) -> Told:  # noqa: ARG001
    command = ["predict", f"--out={job.out}", *job.options, "--", job.ref, job.source]
    unsaid = [f"nobody is told how it ends (notify: {', '.join(job.notify)})"] if job.notify else []
    return Told(command, [f"input {job.source}"], job.out, timeout=job.timeout, unsaid=unsaid)


@told.register
def _(job: PipelineJob, due: datetime) -> Told:  # noqa: ARG001
    order = job.order
    file = _below(order.notebook, job.at.cwd)
    needs = [f"pipeline {file}", "the notebooks of its steps"]
    return Told([*job.told()[:-1], file], needs, timeout=order.timeout)


@told.register
def _(job: NotebookJob, due: datetime) -> Told:
    order = job.order
    path = _below(order.notebook, job.at.cwd)
    book = Notebook.read(order.notebook)
    then = job.order_at(due)
    given = [word for name, value in order.values.items() for word in _parameter(book, then, name, value)]
    raw = [word for name, text in order.raw.items() for word in ("--raw", name, text)]
    files = [f"--file={file}" for file in order.files]
    chosen = [f"{option}={_figure(getattr(order, name))}" for name, option in _OPTIONS.items() if name in order.chosen]
    chosen += [f"{option}={each}" for name, option in _LISTED.items() for each in getattr(order, name)]
    places = [path] if order.output is None else [path, order.output]
    command = ["run", *given, *raw, *files, *chosen, "--", *places]
    read = {"parameters": order.files, "variables": order.env_files, "input": order.inputs}
    needs = [f"notebook {path}", *(f"{kind} {file}" for kind, files in read.items() for file in files)]
    named = [each for each in order.notify if "@" not in each and "/" not in each]
    needs += [f"settings with a table for --notify {each}" for each in named]
    needs += [f"variable {value.name}" for value in order.values.values() if isinstance(value, Variable)]
    sources = [value.source.partition(":") for value in order.values.values() if isinstance(value, Secret)]
    needs += [f"secret file {place}" for kind, _, place in sources if kind == "file"]
    secrets = [place for kind, _, place in sources if kind == "env"]
    values = _values(book, order, then)
    return Told(command, needs, order.output or "", secrets=secrets, unsaid=_unsaid(order), values=values)


def _below(path: str, folder: str) -> str:
    """A path as it is written in a folder, if it is below it."""
    return str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path


def _parameter(book: Notebook, then: Order, name: str, value: Any) -> list[str]:
    """A parameter as it is typed: a text that stays one, else a text that the notebook's types read as the value."""
    if isinstance(value, Text):
        return ["--parameter", name, str(value)]
    if isinstance(value, Variable):
        return ["--from-env", name, value.name]
    if isinstance(value, Secret):
        return ["--secret", f"{name}={value.source}"]
    if isinstance(value, str):
        return ["--raw", name, value]
    for text in (str(value), json.dumps(showable(value)), repr(value)):
        read = _reads(book, then, name, text)
        if type(read) is type(value) and read == value:
            return ["--parameter", name, text]
    raise InvalidData(
        f"parameter {name!r} is {value!r}, which the notebook's types do not read from text: "
        "give it to the schedule as text (-p), or in a file (-f)",
        name=name,
    )


def _reads(book: Notebook, then: Order, name: str, text: str) -> Any:
    try:
        return bind(book, {**then.values, name: Text(text)}, then.raw, then.files)[name]
    except NbdeployError:
        return None


def _unsaid(order: Order) -> list[str]:
    """Options of the order that are none of the command's."""
    left = sorted(order.chosen - _SAID)
    return [f"the run's {name.replace('_', ' ')} ({getattr(order, name)}) is left out" for name in left]


def _values(book: Notebook, order: Order, then: Order) -> dict[str, Any] | None:
    """Parameters with their types; those with words only if they stay the texts that they are."""
    if order.chosen - _PAPERMILL or any(isinstance(value, Variable | Secret) for value in order.values.values()):
        return None
    bound = bind(book, then.values, then.raw)
    given = {**order.values, **order.raw}
    dated = {**then.values, **then.raw}
    changed = {name for name in given if dated[name] != given[name]}
    if any(bound[name] != dated[name] for name in changed) or not _plain(bound):
        return None
    return {name: given[name] if name in changed else bound[name] for name in bound}


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and _plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_plain, value))
    return value is None or type(value) in {str, int, float, bool}


def _figure(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

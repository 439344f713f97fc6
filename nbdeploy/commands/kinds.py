"""Kinds of arguments: live objects, data, references, targets, parameter values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click
from click.shell_completion import CompletionItem

from nbdeploy.commands import suggestions
from nbdeploy.commands.door import Door
from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.types import Ref, check_name

__all__ = [
    "COMPILER",
    "DATA",
    "DURATION",
    "FILE",
    "KEY",
    "METHOD",
    "NAME",
    "OBJECT",
    "PLACE",
    "REF",
    "REF_OR_FILE",
    "RUN",
    "SAMPLE",
    "SECONDS",
    "SIZE",
    "TARGET",
    "TIME",
    "VALUE",
    "VARIABLE",
    "Expression",
    "Live",
    "Unexpanded",
    "Written",
    "is_file",
]

_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|\"[^\"]*\"|'[^']*'")
_DATA_FILE = re.compile(r"\.(csv|tsv|parquet|json|jsonl|ndjson|arrow|feather|ipc|xlsx)(\.(gz|zst))?$", re.IGNORECASE)
_NAME_TAIL = re.compile(r"(?:[^\W\d][\w.]*)?$")
_DURATION_RULE = re.compile(r"(\d{1,6}(?:\.\d+)?)\s*([smhd]?)")
_SIZE_RULE = re.compile(r"(\d{1,12}(?:\.\d+)?)\s*(?:([KMG])(i)?)?B?", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
VARIABLE_ITEM = "variable"


def is_file(word: str) -> bool:
    """Whether a word in a data slot names a file: it has a slash, or a data suffix.

    A slash inside brackets or quotes belongs to an expression.

    Examples
    --------
    >>> is_file("inbox/"), is_file("rows.csv.gz"), is_file("./rows"), is_file("df[df.a / df.b > 1]")
    (True, True, True, False)
    """
    if _DATA_FILE.search(word):
        return True
    outside = word
    while (shorter := _BRACKETED.sub("", outside)) != outside:
        outside = shorter
    return "/" in outside


@dataclass(frozen=True)
class Live:
    """An object, and the words that it was written with."""

    value: Any
    source: str


class Unexpanded(click.ParamType[Any]):
    """A kind that asks the door itself what its words stand for."""


class Expression(Unexpanded):
    """A Python expression in the user's namespace."""

    name = "expression"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        """The object that the expression stands for."""
        return _door(ctx).evaluate(value) if isinstance(value, str) else value

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Variables, and attributes after a dot."""
        found = _NAME_TAIL.search(incomplete)
        start = found.start() if found else len(incomplete)
        names = _door(ctx).complete(incomplete[start:])
        return [CompletionItem(incomplete[:start] + name, type=VARIABLE_ITEM) for name in names]


class _Variable(Expression):
    """An expression that is remembered with its source, because it may name something."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Live:
        return Live(super().convert(value, param, ctx), str(value))


class _Data(Expression):
    """In a notebook an expression or a file, in a shell a file."""

    name = "data"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        door = _door(ctx)
        if isinstance(value, str) and (not door.live or is_file(value)):
            return door.expand(value)
        try:
            return super().convert(value, param, ctx)
        except NotFound as error:
            raise WrongUsage(f"{error}; for a file write ./{value}", **error.facts) from error

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [*super().shell_complete(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


_SAMPLES = ("none", "synthetic")


class _Sample(Expression):
    """A number of rows, ``synthetic``, ``none``, or an expression for rows."""

    name = "sample"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            return int(value)
        if isinstance(value, str) and value in _SAMPLES:
            return value
        try:
            return super().convert(value, param, ctx)
        except NotFound as error:
            kinds = ", ".join(_SAMPLES)
            raise WrongUsage(f"{error}; a sample is: a number of rows, a table, {kinds}", **error.facts) from error

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        words = [word for word in _SAMPLES if word.startswith(incomplete)]
        return [*map(CompletionItem, words), *super().shell_complete(ctx, param, incomplete)]


class Written(str):
    """Text that was written on the line, and stands for the value that it spells."""

    __slots__ = ()


class _Value(Unexpanded):
    """A parameter's value: an object as it is, or a word to be read by the parameter's type."""

    name = "value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        door = _door(ctx)
        if not isinstance(value, str) or door.is_object(value):
            return door.expand(value)
        return Written(door.expand(value))


class _Kind(click.ParamType[Any]):
    """A word that is read by one function, and completed by another.

    Parameters
    ----------
    name : str
        What it is.
    read : callable
        From the word, or the object that it stands for, to the value.
    suggest : callable, optional
        From a half-typed word to whole ones.
    """

    def __init__(
        self, name: str, read: Callable[[Any], Any], suggest: Callable[[str], list[str]] = lambda _: []
    ) -> None:
        self.name = name
        self._read = read
        self._suggest = suggest

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        return self._read(value)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        return [CompletionItem(text) for text in self._suggest(incomplete)]


class _Method(click.ParamType[Any]):
    """A method of the model or snapshot that stands before it on the line."""

    name = "method"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Methods that answer for rows."""
        subject = next(known for known in ctx.command.params if isinstance(known, click.Argument))
        # Without the option's value click has not told arguments apart yet.
        word = str(ctx.params.get(str(subject.name)) or next(iter(ctx.args), ""))
        if isinstance(subject.type, _Variable):
            from nbdeploy.flavors.asking import METHODS

            has = {name.rpartition(".")[2] for name in _door(ctx).complete(f"{word}.{incomplete}")}
            found = [name for name in METHODS if name in has]
        else:
            found = suggestions.methods(word.partition("/")[2] if subject.type is PLACE else word, incomplete)
        return [CompletionItem(name) for name in found]


class _Key(_Kind):
    """A key by its name, or its file."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [*super().shell_complete(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


def _reference(value: Any) -> str:
    """A reference's text; a snapshot knows its own."""
    text = str(value if isinstance(value, str | Ref) else getattr(value, "ref", value))
    Ref.parse(text)
    return text


def _named(value: Any) -> Any:
    """A reference that is not read yet, because it may be a file."""
    return str(value) if isinstance(value, str | Ref) else getattr(value, "ref", str(value))


def _duration(value: Any) -> timedelta:
    """A time span as 90s, 30m, 24h or 7d; 0 needs no unit."""
    if isinstance(value, timedelta):
        return value
    found = _DURATION_RULE.fullmatch(str(value).strip())
    if found is None or (found[2] == "" and float(found[1])):
        raise WrongUsage(f"{value!r} is no time span; write it as 90s, 30m, 24h or 7d")
    return timedelta(**{_UNITS.get(found[2], "seconds"): float(found[1])})


def _seconds(value: Any) -> float:
    """A time span in seconds."""
    return _duration(value).total_seconds()


def _time(value: Any) -> float:
    """A time span in seconds; a number without a unit is one of seconds."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return _seconds(value)


def _size(value: Any) -> int:
    """A number of bytes as 64MiB, 500KB or 1000."""
    found = _SIZE_RULE.fullmatch(str(value).strip())
    if found is None:
        raise WrongUsage(f"{value!r} is no size; write it as 64MiB, 2GB or 1000 (bytes)")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** " KMG".index((found[2] or " ").upper()))


def _run(value: Any) -> str:
    """A run's id; a run knows its own."""
    return str(getattr(value, "id", value))


def _target(value: Any) -> str:
    return check_name(str(value), "target")


def _door(ctx: click.Context | None) -> Door:
    return ctx.ensure_object(Door) if ctx is not None else Door()


OBJECT = Expression()
SAMPLE = _Sample()
VARIABLE = _Variable()
DATA = _Data()
REF = _Kind("ref", _reference, suggestions.references)
REF_OR_FILE = _Kind("ref", _named, suggestions.references)
TARGET = _Kind("target", _target, suggestions.targets)
PLACE = _Kind("place", str, suggestions.places)
VALUE = _Value()
DURATION = _Kind("duration", _duration)
SECONDS = _Kind("seconds", _seconds)
TIME = _Kind("time", _time)
SIZE = _Kind("size", _size)
FILE = click.Path()
NAME = _Kind("name", str, suggestions.names)
RUN = _Kind("run", _run, suggestions.runs)
KEY = _Key("key", str, suggestions.keys)
COMPILER = _Kind("compiler", str, suggestions.compilers)
METHOD = _Method()

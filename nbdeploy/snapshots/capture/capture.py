"""Everything of the user's own that a model reaches, as one readable module and the helper modules below it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.modules import EARLY, LATE, VALUE
from nbdeploy.flavors.pickling import dumps, naming
from nbdeploy.manifest import CODE, sha256
from nbdeploy.snapshots.capture.cells import Text
from nbdeploy.snapshots.capture.collecting import Collection
from nbdeploy.snapshots.capture.helpers import Helpers, follow
from nbdeploy.snapshots.capture.literals import literal
from nbdeploy.snapshots.capture.statements import CapturedStatement

__all__ = ["Captured", "Piece", "capture"]

_PLACEHOLDER = "nbdeploy_captured"
_LAZY = "from __future__ import annotations\n\n"


@dataclass(frozen=True)
class Piece:
    """Captured source, and where it was written.

    Attributes
    ----------
    source : str
        The source as it is captured.
    text : Text or None
        Where it comes from; None for a value that is written down.
    first : int
        The line there with which `source` begins.
    name : str
        What it defines.
    """

    source: str
    text: Text | None
    first: int
    name: str


@dataclass(frozen=True)
class Captured:
    """What has to travel with a model besides the model.

    Attributes
    ----------
    module : str or None
        Name of the captured module; None if the model uses nothing of the user's own.
    files : mapping of str to bytes
        Source and values, by path below the bundle.
    packages : frozenset of str
        Top-level modules that the model and the captured source use.
    names : mapping of int to str
        By the ``id`` of a live class or function, its name in the captured module.
    pieces : tuple of Piece
        The captured source, piece by piece.
    values : mapping of str to object
        The values carried beside the source, by name.
    alive : tuple of object
        Keeps the classes and functions in `names`, whose ``id`` is theirs only as long as they live.
    """

    module: str | None
    files: Mapping[str, bytes]
    packages: frozenset[str]
    names: Mapping[int, str] = field(default_factory=dict, repr=False)
    pieces: tuple[Piece, ...] = field(default=(), repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    alive: tuple[Any, ...] = field(default=(), repr=False)


def capture(model: Any, where: str = "the model") -> Captured:
    """Collect the source that a model needs from the notebook, and from the helper modules beside it.

    Parameters
    ----------
    model : object
        The live model.
    where : str
        What to call it in messages.

    Raises
    ------
    NotCapturable
        Naming what cannot be carried, and where it was found.
    """
    # Source is parsed again, and objects are looked through: the user has seen what they warn of.
    with warnings.catch_warnings(action="ignore"):
        return _captured(model, where)


def _captured(model: Any, where: str) -> Captured:
    found = Collection()
    found.reach(model, where)
    if found.unused():
        # What was defined anew and is not used here is no reason for another name, and so for another version.
        found = Collection(spare=found.unused())
        found.reach(model, where)
    helpers = follow(found.local)
    packages = frozenset(found.packages | helpers.packages)
    if not found.statements and not helpers.files:
        return Captured(None, {}, packages)
    _place_early_values(found)
    for name, value in helpers.changed.items():
        module = name.rpartition(".")[0]
        found.statements[name] = CapturedStatement(f"import {module}\n\n{name} = {literal(value)}\n")
    source = _source(found).encode()
    with naming(found.names):
        state = [*_pickles(found, _PLACEHOLDER).values(), *_listed(helpers)]
        module = f"nbdeploy_{sha256(b''.join([source, *state]))[:12]}"
        pickles = _pickles(found, module)
    files = {
        f"{CODE}{module}.py": source,
        **{f"{CODE}{module}{suffix}": content for suffix, content in pickles.items()},
        **{f"{CODE}{path}": content for path, content in sorted(helpers.files.items())},
    }
    values = {**found.early, **found.values}
    return Captured(module, files, packages, found.names, _pieces(found, helpers), values, found.kept())


def _pickles(found: Collection, module: str) -> dict[str, bytes]:
    """The values beside the source, by suffix of their file."""
    early = {name: dumps(value, module) for name, value in sorted(found.early.items())}
    groups = {EARLY: early, LATE: dict(sorted(found.values.items()))}
    return {suffix: dumps(group, module) for suffix, group in groups.items() if group}


def _listed(helpers: Helpers) -> list[bytes]:
    return [f"\0{path}\0".encode() + content for path, content in sorted(helpers.files.items())]


def _place_early_values(found: Collection) -> None:
    """Let values that are needed while definitions are made be asked for where they are needed first."""
    now = frozenset[str]().union(*(statement.now for statement in found.statements.values()))
    for name in sorted(now & found.values.keys()):
        value = found.values.pop(name)
        found.early[name] = value
        needs = frozenset(one.partition(".")[0] for one in found.reach(value, f"the variable {name}"))
        found.statements[name] = CapturedStatement(f"{name} = {VALUE}({name!r})  # {_kind(value)}\n", needs)


def _kind(value: Any) -> str:
    return type(value).__name__


def _source(found: Collection) -> str:
    """The module: imports, literals, then definitions, each after those it needs while being defined."""
    graph = {name: sorted(s.now & found.statements.keys() - {name}) for name, s in sorted(found.statements.items())}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        names = " → ".join(error.args[1])
        raise NotCapturable(
            f"these definitions need each other while they are being made: {names}; define them at the top level of a "
            "cell, so that they meet only when they are called",
            names=list(error.args[1]),
        ) from error
    head = ["\n".join(lines) for lines in (sorted(set(found.imports.values())), _assignments(found)) if lines]
    values = [f"# {name}: a {_kind(value)}, carried beside this file\n" for name, value in sorted(found.values.items())]
    parts = [
        "\n\n".join(head) + "\n" if head else "",
        *(found.statements[name].source for name in order),
        "".join(values),
    ]
    title = '"""Captured from a notebook by nbdeploy."""\n\n'
    return title + (_LAZY if found.lazy else "") + "\n\n".join(filter(None, parts))


def _assignments(found: Collection) -> list[str]:
    return [f"{name} = {literal(value)}" for name, value in sorted(found.literals.items())]


def _pieces(found: Collection, helpers: Helpers) -> tuple[Piece, ...]:
    statements = [
        Piece(statement.source, statement.found.text if statement.found else None, statement.first, name)
        for name, statement in sorted(found.statements.items())
    ]
    literals = [Piece(text, None, 1, text.partition(" ")[0]) for text in _assignments(found)]
    return (*statements, *literals, *(Piece(text.source, text, 1, text.filename) for text in helpers.texts))

"""Enumerations that a notebook defines, read from its cells without executing them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, get_args

from nbdeploy.batch.parameters.values import Member

__all__ = ["Enumeration", "enumerations", "mentioned"]

_BASES = {"Enum", "Flag", "IntEnum", "IntFlag", "ReprEnum", "StrEnum"}


@dataclass(frozen=True)
class Enumeration:
    """An enumeration.

    Attributes
    ----------
    name : str
        The class.
    members : tuple of (str, str or None)
        Names, each with the text of its value where that is written out; empty if they are not known.
    """

    name: str
    members: tuple[tuple[str, str | None], ...] = ()

    @property
    def names(self) -> list[str]:
        """The members' names."""
        return [name for name, _ in self.members]

    def find(self, text: str) -> Member:
        """A member by its name, else by its value; ``Color.RED`` is read too.

        Raises
        ------
        ValueError
            If there is none.
        """
        name = text.removeprefix(f"{self.name}.")
        by_value = (name for name, value in self.members if value == text)
        found = name if name in self.names else next(by_value, None)
        if found is None:
            raise ValueError(text)
        return Member(self.name, found)


def enumerations(trees: Iterable[ast.Module]) -> Mapping[str, Enumeration]:
    """The enumerations that cells define, by name; a later one takes the place of an earlier one."""
    found: dict[str, Enumeration] = {}
    for tree in trees:
        for node in tree.body:
            match node:
                case ast.ClassDef(name=name, bases=bases) if any(_tail(base) in _BASES for base in bases):
                    found[name] = Enumeration(name, tuple(_members(node)))
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function, args=[_, names])) if (
                    _tail(function) in _BASES
                ):
                    found[name] = Enumeration(name, tuple(_listed(names)))
                case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                    found.pop(name, None)
    return found


def _tail(node: ast.expr) -> str:
    """The last name of a dotted one."""
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _members(node: ast.ClassDef) -> Iterator[tuple[str, str | None]]:
    for statement in node.body:
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        match statement:
            case ast.Assign():
                targets, value = statement.targets, statement.value
            case ast.AnnAssign(value=ast.expr()):
                targets, value = [statement.target], statement.value
        for target in targets:
            if isinstance(target, ast.Name) and not target.id.startswith("_") and not isinstance(value, ast.Lambda):
                yield target.id, _text_of(value)


def _text_of(value: ast.expr | None) -> str | None:
    return str(value.value) if isinstance(value, ast.Constant) else None


def _listed(names: ast.expr) -> Iterator[tuple[str, str | None]]:
    """The second argument of ``Enum("Color", …)``: a text, a list of names or pairs, or a dict."""
    try:
        given = ast.literal_eval(names)
    except (ValueError, TypeError):
        return
    if isinstance(given, str):
        given = given.replace(",", " ").split()
    pairs = (
        given.items() if isinstance(given, dict) else [item if isinstance(item, tuple) else (item,) for item in given]
    )
    for name, *value in pairs:
        yield str(name), str(value[0]) if value else None


def mentioned(value: Any, type_: Any) -> Any:
    """The value with members of the classes that the type mentions as `Member`: the notebook has its own class.

    Examples
    --------
    >>> from typing import Annotated
    >>> Color = Enum("Color", "RED GREEN")
    >>> mentioned([Color.RED], list[Annotated[Member, Enumeration("Color")]])
    [Color.RED]
    """
    names = set(_mentioned(type_))
    return _replaced(value, names) if names else value


def _mentioned(type_: Any) -> Iterator[str]:
    for part in get_args(type_):
        if isinstance(part, Enumeration):
            yield part.name
        else:
            yield from _mentioned(part)


def _replaced(value: Any, names: set[str]) -> Any:
    match value:
        case Enum() if type(value).__name__ in names:
            return Member(type(value).__name__, value.name)
        case list() | tuple() | set() | frozenset():
            return type(value)(_replaced(item, names) for item in value)
        case dict():
            return {_replaced(key, names): _replaced(item, names) for key, item in value.items()}
    return value

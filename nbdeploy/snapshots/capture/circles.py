"""Nested functions that call each other: made together, as they were, by one function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbdeploy.flavors.pickling import from_main
from nbdeploy.snapshots.capture.finding import Found, find_function
from nbdeploy.snapshots.capture.live import cells_of, free_of, is_lazy
from nbdeploy.snapshots.capture.rewriting import cut, indented

if TYPE_CHECKING:
    from nbdeploy.snapshots.capture.collecting import Collection

__all__ = ["Circle", "circle_of", "take_circle"]


@dataclass(frozen=True)
class Circle:
    """Functions of one call of the function around them.

    Attributes
    ----------
    members : mapping of str to function
        By the variable through which they find each other.
    found : mapping of str to Found
        Their definitions.
    free : mapping of str to object
        What else they use of the variables around them.
    """

    members: Mapping[str, FunctionType]
    found: Mapping[str, Found]
    free: Mapping[str, Any]


def circle_of(function: FunctionType) -> Circle | None:
    """Find the functions that a function calls and that call it; None if there are no others."""
    around = {id(one): one for one in _reached(function) if any(other is function for other in _reached(one))}
    if len(around) < 2:
        return None
    cells = [(name, cell) for one in around.values() for name, cell in cells_of(one).items()]
    named = {name: cell for name, cell in cells if id(cell) in around}
    found = {name: find_function(one) for name, one in named.items()}
    sound = {name: one for name, one in found.items() if one is not None}
    free = {name: cell for one in sound for name, cell in free_of(named[one], sound[one]).items() if name not in named}
    places = {(one.text, one.trail[:-1]) for one in sound.values()}
    one_each = len(sound) == len(around) and all(cell is {**free, **named}[name] for name, cell in cells)
    return Circle(named, sound, free) if one_each and len(places) == 1 else None


def _reached(function: FunctionType) -> list[FunctionType]:
    """The notebook's functions that a function has in the variables around it, and those that they have."""
    found: dict[int, FunctionType] = {}
    todo = [function]
    while todo:
        for cell in cells_of(todo.pop()).values():
            if isinstance(cell, FunctionType) and from_main(cell) and id(cell) not in found:
                found[id(cell)] = cell
                todo.append(cell)
    return list(found.values())


def take_circle(into: Collection, circle: Circle, function: FunctionType) -> None:
    """Write a function that makes all of them, and call it."""
    for variable, member in circle.members.items():
        into.keep(member)
        into.names[id(member)] = into.name(member, variable)
    own = into.names[id(function)]
    needs: set[str] = set()
    definitions = []
    for variable, member in circle.members.items():
        around = {*circle.free, *circle.members}
        replaced, used = into.defaults(circle.found[variable], member, around)
        needs |= used
        definitions.append(indented(cut(circle.found[variable], replaced, name=variable, decorated=False)))
    given, used = into.arguments(own, circle.free)
    names = [into.names[id(member)] for member in circle.members.values()]
    source = (
        f"def make_{own}({', '.join(circle.free)}):\n{''.join(definitions)}"
        f"    return {', '.join(circle.members)}\n\n\n{', '.join(names)} = make_{own}({given})\n"
    )
    found = next(one for name, one in circle.found.items() if circle.members[name] is function)
    into.add(own, source, found, function.__globals__, needs=needs | used, lazy=is_lazy(function), also=names)

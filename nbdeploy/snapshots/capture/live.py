"""What live functions and classes know of themselves: what is around them, and how they were made."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Mapping
from types import FunctionType
from typing import Any

from nbdeploy.errors import NotCapturable
from nbdeploy.snapshots.capture.finding import Found, find_class, find_function
from nbdeploy.snapshots.capture.literals import is_literal
from nbdeploy.snapshots.capture.rewriting import local_names
from nbdeploy.snapshots.capture.uses import uses

__all__ = [
    "cells_of",
    "free_of",
    "free_of_class",
    "is_lazy",
    "means",
    "namespace_of",
    "no_source",
    "require_known",
    "resolves",
    "same_text",
    "still_decorates",
    "undecorated",
]

_LAZY = 0x1000000  # CO_FUTURE_ANNOTATIONS


def namespace_of(thing: Any) -> Mapping[str, Any]:
    """The globals in which a thing was defined."""
    module = sys.modules.get(str(getattr(thing, "__module__", "")))
    return vars(module or sys.modules["__main__"])


def resolves(found: Any, path: list[str], thing: Any) -> bool:
    """Whether a way of attributes leads to a thing."""
    for part in path:
        found = getattr(found, part, None)
    return found is thing


def undecorated(thing: Any) -> list[FunctionType]:
    """The functions of which a thing may be the decorated form, itself included."""
    chain = [thing]
    while hasattr(chain[-1], "__wrapped__") and len(chain) < 20:
        chain.append(chain[-1].__wrapped__)
    around = [cell for cell in cells_of(thing).values() if isinstance(cell, FunctionType)]
    return [one for one in [*chain, *around] if isinstance(one, FunctionType)]


def still_decorates(found: Found, thing: Any, raw: Any, namespace: Mapping[str, Any]) -> bool:
    """Whether what the decorators were given is what their arguments still mean."""
    if thing is raw:
        return True
    if not found.node.decorator_list:
        return False
    cells = list(cells_of(thing).values())
    for decorator in found.node.decorator_list:
        for given in (
            [*decorator.args, *(k.value for k in decorator.keywords)] if isinstance(decorator, ast.Call) else []
        ):
            if isinstance(given, ast.Name) and cells and not any(namespace.get(given.id) is cell for cell in cells):
                return False
    return True


def cells_of(thing: Any) -> dict[str, Any]:
    """The variables of enclosing functions that a function uses, as far as they have values."""
    found = {}
    code = getattr(thing, "__code__", None)
    for name, cell in zip(code.co_freevars if code else (), getattr(thing, "__closure__", None) or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def free_of(thing: FunctionType, found: Found) -> dict[str, Any]:
    """What a nested function needs from around it; itself it has by its own name."""
    cells = cells_of(thing)
    if "__class__" in cells:
        raise NotCapturable(
            f"{thing.__qualname__} uses super() or __class__, but is no method of its class any more; "
            "keep the object in the model instead of its function",
            name=thing.__qualname__,
        )
    return {k: v for k, v in cells.items() if not (v is thing and k == getattr(found.node, "name", None))}


def free_of_class(cls: type, found: Found) -> dict[str, Any]:
    """What a class inside a function needs from around it: its methods remember, its bases are known."""
    free: dict[str, Any] = {}
    for value in vars(cls).values():
        for part in (value, *(getattr(value, name, None) for name in ("fget", "__func__", "__wrapped__"))):
            free |= {k: v for k, v in cells_of(part).items() if k != "__class__" and v is not cls}
    written = [base for base in found.node.bases if not isinstance(base, ast.Starred)]
    bases = vars(cls).get("__orig_bases__", cls.__bases__)
    free |= {b.id: live for b, live in zip(written, bases, strict=False) if isinstance(b, ast.Name)}
    around = local_names(found)
    return {name: value for name, value in free.items() if name in around}


def require_known(cls: type, source: str, found: Found, free: Collection[str]) -> None:
    """Require that what a class body uses of the variables around it is known.

    Raises
    ------
    NotCapturable
        Naming the first variable that is not.
    """
    missing = sorted((uses(source, lazy_annotations=False).now & local_names(found)) - set(free))
    if missing:
        raise NotCapturable(
            f"the class {cls.__qualname__} uses {missing[0]}, a variable of the function that it is defined in; "
            "define the class at the top level of a cell",
            name=cls.__qualname__,
        )


def means(expr: ast.expr, live: Any, namespace: Mapping[str, Any], free: set[str]) -> bool:
    """Whether a default's expression would give the live value again."""
    if isinstance(expr, ast.Name) and expr.id not in free and expr.id in namespace:
        return namespace[expr.id] is live
    try:
        return is_literal(live) and bool(ast.literal_eval(expr) == live)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return False


def same_text(other: Any, found: Found | None) -> bool:
    """Whether what has a name in the notebook was defined by the same text: the cell was only run again."""
    if found is None or not found.is_top_level:
        return False
    latest = find_class(other) if isinstance(other, type) else None
    if isinstance(other, FunctionType):
        latest = find_function(other)
    return latest is not None and ast.dump(latest.node) == ast.dump(found.node)


def is_lazy(thing: Any) -> bool:
    """Whether annotations were kept as text where a function or class was defined."""
    if isinstance(thing, FunctionType):
        return bool(thing.__code__.co_flags & _LAZY)
    functions = [value for value in vars(thing).values() if isinstance(value, FunctionType)]
    annotations = list(vars(thing).get("__annotations__", {}).values())
    return any(map(is_lazy, functions)) or (bool(annotations) and all(isinstance(a, str) for a in annotations))


def no_source(thing: Any) -> NotCapturable:
    """The error for what has no source."""
    name = getattr(thing, "__qualname__", None) or thing.__name__
    if name == "<lambda>":
        return NotCapturable("the source of a lambda was not found; define it with def and a name", name=name)
    kind = "class" if isinstance(thing, type) else "function"
    how = f"{name} was made by a call, not by a {kind} statement, or its file was edited since it ran"
    return NotCapturable(
        f"the source of {name} was not found: {how}; define it with a statement in a cell, and run the cell", name=name
    )

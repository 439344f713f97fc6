"""Functions, lambdas and closures, as statements of the captured module.

Closures that share a variable each get it as it is: what one of them would assign to it while it answers, the others
would not see. Such answers depend on earlier ones, and are refused before.
"""

from __future__ import annotations

import ast
import inspect
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbdeploy.snapshots.capture.circles import circle_of, take_circle
from nbdeploy.snapshots.capture.finding import Found, find_function
from nbdeploy.snapshots.capture.literals import is_literal, literal
from nbdeploy.snapshots.capture.live import (
    free_of,
    is_lazy,
    namespace_of,
    no_source,
    still_decorates,
    undecorated,
)
from nbdeploy.snapshots.capture.rewriting import Replaced, cut, wrapped
from nbdeploy.snapshots.capture.statements import CapturedStatement

if TYPE_CHECKING:
    from nbdeploy.snapshots.capture.collecting import Collection

__all__ = ["take_cached", "take_function", "take_made"]


def take_function(into: Collection, thing: FunctionType) -> None:
    """Take the definition of a function, or of the class whose method it is."""
    if _as_written(into, thing):
        return
    found = find_function(thing)
    if found is None:
        raise no_source(thing)
    if len(found.trail) > 1 and isinstance(found.trail[-2], ast.ClassDef) and _method(into, thing):
        return
    circle = circle_of(thing)
    if circle is not None:
        take_circle(into, circle, thing)
        return
    free = free_of(thing, found)
    replaced, needs = into.defaults(found, thing, set(free))
    name = into.name(thing, free_to_share=None if replaced or thing.__closure__ else found)
    into.names[id(thing)] = name
    if name in into.statements:
        return
    if found.is_top_level and not free:
        more, used = _afterwards(into, thing, name)
        source = cut(found, replaced, name=name, decorated=False) + more
        into.add(name, source, found, thing.__globals__, needs=needs | used, lazy=is_lazy(thing))
    else:
        take_made(into, name, found, free, replaced, thing, needs)


def _as_written(into: Collection, thing: Any) -> bool:
    """Take a definition with its decorators, where they made what its name means in the notebook."""
    namespace = namespace_of(thing)
    for raw in undecorated(thing):
        name = raw.__code__.co_name
        if namespace.get(name) is not thing or raw.__globals__ is not vars(sys.modules["__main__"]):
            continue
        found = find_function(raw)
        if found is None or not found.is_top_level or not still_decorates(found, thing, raw, namespace):
            continue
        into.names[id(thing)] = name
        replaced, needs = into.defaults(found, raw, set())
        more, used = _afterwards(into, thing, name)
        source = cut(found, replaced, name=name, decorated=True) + more
        into.add(name, source, found, raw.__globals__, needs=needs | used, lazy=is_lazy(raw))
        return True
    return False


def _afterwards(into: Collection, thing: Any, name: str) -> tuple[str, set[str]]:
    """What was done to a function after its definition: attributes, and what it does for other types."""
    lines = [f"{name}.{key} = {literal(value)}\n" for key, value in vars(thing).items() if is_literal(value)]
    needs: set[str] = set()
    registered = getattr(thing, "registry", {}) if hasattr(thing, "dispatch") else {}
    for kind, function in registered.items():
        target = into.collect(function) if function is not getattr(thing, "__wrapped__", None) else ""
        # A definition that comes with its decorator registers itself.
        if target and name not in into.statements[target.partition(".")[0]].now:
            text, used = into.expression(kind, f"{name} {kind.__name__}", f"a type that {name} is for")
            lines.append(f"{name}.register({text}, {target})\n")
            needs |= used | {target.partition(".")[0]}
    return ("\n\n" + "".join(lines) if lines else ""), needs


def take_cached(into: Collection, thing: Any) -> None:
    """Take a function behind a cache, without what the cache holds."""
    if _as_written(into, thing):
        return
    inner = into.collect(thing.__wrapped__)
    name = into.names[id(thing)] = into.name(thing)
    into.imports.setdefault("functools", "import functools")
    given = ", ".join(f"{key}={value!r}" for key, value in thing.cache_parameters().items())
    into.statements[name] = CapturedStatement(
        f"{name} = functools.lru_cache({given})({inner})\n", frozenset({inner.partition(".")[0]})
    )


def _method(into: Collection, thing: FunctionType) -> bool:
    """A function that is reached by itself, and is a method of a class."""
    top, *path = thing.__qualname__.split(".")
    owner: Any = namespace_of(thing).get(top)
    found = owner
    for part in path:
        found = inspect.getattr_static(found, part, None)
        found = getattr(found, "__func__", found)
    if found is not thing:
        return False
    into.names[id(thing)] = ".".join([into.collect(owner), *path])
    return True


def take_made(
    into: Collection, name: str, found: Found, free: dict[str, Any], replaced: Replaced, thing: Any, needs: set[str]
) -> None:
    """Write a function that makes what was defined inside a function, and call it."""
    given, used = into.arguments(name, free)
    source = f"{wrapped(found, list(free), replaced, name)}\n\n{name} = make_{name}({given})\n"
    namespace = thing.__globals__ if isinstance(thing, FunctionType) else namespace_of(thing)
    into.add(name, source, found, namespace, needs=needs | used, lazy=is_lazy(thing))

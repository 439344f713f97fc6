"""Classes, and what calls make of them, as statements of the captured module."""

from __future__ import annotations

import ast
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbdeploy.flavors.pickling import from_main
from nbdeploy.snapshots.capture.finding import Found, find_assignment, find_class
from nbdeploy.snapshots.capture.functions import take_made
from nbdeploy.snapshots.capture.literals import is_literal, literal
from nbdeploy.snapshots.capture.live import free_of_class, is_lazy, namespace_of, no_source, require_known, resolves
from nbdeploy.snapshots.capture.rewriting import cut, local_names

if TYPE_CHECKING:
    from nbdeploy.snapshots.capture.collecting import Collection

__all__ = ["take_assigned", "take_class"]


def take_class(into: Collection, cls: type) -> None:
    """Take the definition of a class, or of the class that it is defined in."""
    namespace = namespace_of(cls)
    top, *path = cls.__qualname__.rpartition("<locals>.")[2].split(".")
    if path and "<locals>" not in cls.__qualname__ and resolves(namespace.get(top), path, cls):
        into.names[id(cls)] = ".".join([into.collect(namespace[top]), *path])
        return
    found = find_class(cls)
    if found is None:
        take_assigned(into, cls, cls.__name__)
        return
    outer = Found(found.text, found.trail[: len(found.trail) - len(path)])
    free = {} if outer.is_top_level else free_of_class(cls, outer)
    replaced, needs = ({}, set[str]()) if path else _method_defaults(into, outer, cls, set(free))
    if not outer.is_top_level:
        values, used = _class_values(into, outer, cls, set(free))
        replaced, needs = {**values, **replaced}, needs | used
        require_known(cls, cut(outer, replaced, name=top, decorated=True), outer, free)
    name = into.name(cls, top, free_to_share=None if replaced else outer)
    into.names[id(cls)] = ".".join([name, *path])
    if name in into.statements:
        return
    if outer.is_top_level:
        source = cut(outer, replaced, name=name, decorated=True)
        patches, more = ("", set[str]()) if path else _patches(into, outer, cls, name)
        into.add(name, source + patches, outer, namespace, needs=needs | more, lazy=is_lazy(cls))
    else:
        take_made(into, name, outer, free, replaced, cls, needs)


def _method_defaults(into: Collection, found: Found, cls: type, free: set[str]) -> tuple[dict[ast.expr, str], set[str]]:
    replaced: dict[ast.expr, str] = {}
    needs: set[str] = set()
    for node in found.node.body:
        method = vars(cls).get(getattr(node, "name", ""))
        method = getattr(method, "__func__", method)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and isinstance(method, FunctionType):
            inner = Found(found.text, (*found.trail, node))
            if not node.decorator_list or method.__code__.co_name == node.name:
                more, used = into.defaults(inner, method, free)
                replaced |= more
                needs |= used
    return replaced, needs


def _class_values(into: Collection, found: Found, cls: type, free: set[str]) -> tuple[dict[ast.expr, str], set[str]]:
    """What a class body made of variables of the function around it, which are gone: the class has the results."""
    replaced: dict[ast.expr, str] = {}
    needs: set[str] = set()
    gone = local_names(found) - free
    for statement in found.node.body:
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
            continue
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        used = {node.id for node in ast.walk(statement.value) if isinstance(node, ast.Name)}
        if used & gone and isinstance(target, ast.Name) and target.id in vars(cls):
            where = f"{cls.__qualname__}.{target.id}"
            text, more = into.expression(vars(cls)[target.id], where, f"the attribute {where}")
            replaced[statement.value] = text
            needs |= more
    return replaced, needs


def _patches(into: Collection, found: Found, cls: type, name: str) -> tuple[str, set[str]]:
    """What was assigned to a class after its definition: methods, and plain values."""
    assigned = [statement for statement in found.node.body if isinstance(statement, ast.Assign)]
    written = {t.id: s.value for s in assigned for t in s.targets if isinstance(t, ast.Name)}
    span = range(found.line, (found.node.end_lineno or 0) + 1)
    lines, needs = [], set()
    for attribute, value in vars(cls).items():
        if isinstance(value, FunctionType) and from_main(value) and "<locals>" not in value.__qualname__:
            code = value.__code__
            inside = code.co_filename == found.text.filename and code.co_firstlineno in span
            if not inside and value.__qualname__ in {code.co_name, "<lambda>"} and attribute not in written:
                function = into.collect(value)
                needs.add(function.partition(".")[0])
                lines.append(f"{name}.{attribute} = {function}\n")
        elif is_literal(value) and _is_other(written.get(attribute), value):
            lines.append(f"{name}.{attribute} = {literal(value)}\n")
    return ("\n\n" + "".join(lines) if lines else ""), needs


def take_assigned(into: Collection, thing: Any, name: str) -> None:
    """What a call made: a namedtuple, an enumeration, a type variable."""
    found = find_assignment(name) if namespace_of(thing).get(name) is thing else None
    if found is None:
        raise no_source(thing)
    into.names[id(thing)] = name
    source = ast.get_source_segment(found.text.source, found.node) or ""
    into.add(name, f"{source}\n", found, namespace_of(thing))


def _is_other(written: ast.expr | None, value: Any) -> bool:
    """Whether a plain value is not the constant that the class was defined with."""
    return isinstance(written, ast.Constant) and (type(written.value) is not type(value) or written.value != value)

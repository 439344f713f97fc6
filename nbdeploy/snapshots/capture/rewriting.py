"""Source of one definition, cut out of its text so that it stands alone."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from nbdeploy.snapshots.capture.finding import Found, first_line

__all__ = ["Replaced", "called", "cut", "defaults", "indented", "local_names", "wrapped"]

Replaced = Mapping[ast.expr, str]
"""Expressions, and what to write in their place."""

_LINES = re.compile(r"[^\n]*\n|[^\n]+")


def cut(found: Found, replaced: Replaced, *, name: str, decorated: bool) -> str:
    """Cut a definition out of its text, without the indentation that it has there.

    Parameters
    ----------
    found : Found
        The definition.
    replaced : mapping
        Expressions in it to write differently.
    name : str
        The name to give it.
    decorated : bool
        Whether its decorators come along.
    """
    node = found.node
    if isinstance(node, ast.Lambda):
        return f"{name} = {called(found, replaced)}\n"
    lines = found.text.source.encode().splitlines(keepends=True)
    edits = [(_start(expr, lines), _end(expr, lines), text) for expr, text in replaced.items()]
    if node.name != name:
        offset = sum(map(len, lines[: node.lineno - 1]))
        at = re.compile(rb"(?:def|class)\s+(%s)\b" % node.name.encode()).search(b"".join(lines), offset)
        if at is not None:
            edits.append((at.start(1), at.end(1), name))
    start = sum(map(len, lines[: (first_line(node) if decorated else node.lineno) - 1]))
    content = b"".join(lines)[: _end(node, lines)]
    for begin, end, text in sorted(edits, reverse=True):
        content = content[:begin] + text.encode() + content[end:]
    return _dedented(content[start:].decode(), node.col_offset) + "\n"


def called(found: Found, replaced: Replaced) -> str:
    """A lambda's own text."""
    node = found.node
    places = {id(expr): text for expr, text in replaced.items()}
    changed = copy.copy(node)
    changed.args = copy.copy(node.args)
    for field in ("defaults", "kw_defaults"):
        given = [
            ast.parse(places[id(e)], mode="eval").body if id(e) in places else e for e in getattr(node.args, field)
        ]
        setattr(changed.args, field, given)
    return ast.unparse(changed)


def _start(node: Any, lines: list[bytes]) -> int:
    return sum(map(len, lines[: node.lineno - 1])) + int(node.col_offset)


def _end(node: Any, lines: list[bytes]) -> int:
    return sum(map(len, lines[: node.end_lineno - 1])) + int(node.end_col_offset)


def _dedented(source: str, by: int) -> str:
    """Take indentation from the lines, except from those inside of text that goes over several lines."""
    if not by:
        return source
    lines = _LINES.findall(source)
    lines[0] = lines[0].lstrip(" \t")
    inside = _lines_of_texts("if True:\n" + " " * by + source.lstrip(" \t"))
    return "".join(
        line if i == 0 or i in inside or not line[:by].isspace() else line[by:] for i, line in enumerate(lines)
    )


def _lines_of_texts(source: str) -> set[int]:
    """Lines that begin inside a string, counted from the second line of `source`."""
    return {
        line - 2
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and node.end_lineno is not None
        for line in range(node.lineno + 1, node.end_lineno + 1)
    }


def wrapped(found: Found, free: list[str], replaced: Replaced, name: str) -> str:
    """A function that makes what was defined inside a function, given the variables around it."""
    node = found.node
    head = f"def make_{name}({', '.join(free)}):\n"
    if isinstance(node, ast.Lambda):
        return f"{head}    return {called(found, replaced)}\n"
    decorated = isinstance(node, ast.ClassDef)
    body = cut(found, replaced, name=node.name, decorated=decorated)
    return f"{head}{indented(body)}    return {node.name}\n"


def indented(source: str) -> str:
    """Indent the lines, except those inside of text that goes over several lines."""
    inside = _lines_of_texts(f"if True:\n    pass\n{source}")
    lines = _LINES.findall(source)
    return "".join(line if i + 1 in inside or not line.strip() else f"    {line}" for i, line in enumerate(lines))


def defaults(node: Any, function: Any) -> Iterator[tuple[ast.expr, Any]]:
    """The expressions of a function's defaults, each with the value that the live function has."""
    positional = node.args.defaults
    live = function.__defaults__ or ()
    yield from zip(positional[-len(live) :] if live else [], live, strict=False)
    named = function.__kwdefaults__ or {}
    for argument, expr in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if expr is not None and argument.arg in named:
            yield expr, named[argument.arg]


def local_names(found: Found) -> set[str]:
    """Names that the functions around a definition have as their own."""
    names: set[str] = set()
    for scope in found.trail[:-1]:
        if not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        arguments = scope.args
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        names |= {argument.arg for argument in given if argument is not None}
        for node in _own(scope):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return names


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Everything in a function that is not inside another one in it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _own(child)

"""The source of a live class or function: its own, whatever its name means by now."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from nbdeploy.snapshots.capture.cells import Text, Trail, text_of, texts

__all__ = ["Found", "codes_of", "find_assignment", "find_class", "find_function", "first_line", "is_outdated"]

_Named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Found:
    """A definition in a text.

    Attributes
    ----------
    text : Text
        Where it is.
    trail : tuple of ast.AST
        What it is defined in, and itself.
    """

    text: Text
    trail: Trail

    @property
    def node(self) -> Any:
        """The definition."""
        return self.trail[-1]

    @property
    def is_top_level(self) -> bool:
        """Whether it is in no class or function."""
        return len(self.trail) == 1

    @property
    def line(self) -> int:
        """Its first line, decorators included."""
        return first_line(self.node)

    @property
    def place(self) -> str:
        """Where it is, for a reader."""
        return self.text.place(self.line)


def first_line(node: Any) -> int:
    """The line where a definition begins, decorators included."""
    return int(min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]))


def find_function(function: FunctionType) -> Found | None:
    """Find a function or lambda by the place that its code remembers."""
    code = function.__code__
    text = text_of(code)
    if text is None:
        return None
    is_it = _is_lambda if code.co_name == "<lambda>" else _is_def
    found = [trail for trail in text.trails() if is_it(trail[-1], code)]
    return Found(text, found[0]) if len(found) == 1 else None


def _is_def(node: ast.AST, code: CodeType) -> bool:
    return (
        isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name == code.co_name
        and first_line(node) == code.co_firstlineno
    )


def _is_lambda(node: ast.AST, code: CodeType) -> bool:
    """Several lambdas may be on one line: the column tells them apart."""
    if not isinstance(node, ast.Lambda) or node.lineno != code.co_firstlineno:
        return False
    body = node.body
    return (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset) in set(code.co_positions())


def find_class(cls: type) -> Found | None:
    """Find a class: in the text that its methods came from, else in the latest one that defines such a class."""
    names = [part for part in cls.__qualname__.split(".") if part != "<locals>"]
    for code in codes_of(cls):
        text = text_of(code)
        for trail in text.trails() if text else ():
            if _names(trail) == names and _spans(trail[-1], code.co_firstlineno):
                return Found(text, trail)  # type: ignore[arg-type]
    found = [
        Found(text, trail)
        for text in reversed(texts())
        for trail in reversed(list(text.trails()))
        if _names(trail) == names and isinstance(trail[-1], ast.ClassDef)
    ]
    alike = [one for one in found if _is_alike(one.node, cls)]
    return next(iter([*alike, *found]), None)


def _names(trail: Trail) -> list[str]:
    return [node.name if isinstance(node, _Named) else "<lambda>" for node in trail]


def _spans(node: ast.AST, line: int) -> bool:
    return isinstance(node, ast.ClassDef) and node.lineno <= line <= (node.end_lineno or 0)


def codes_of(cls: type) -> Iterator[CodeType]:
    """Code of the methods in a class's own body; those that dataclasses generate come from no text."""
    for value in vars(cls).values():
        for part in (value, *(getattr(value, name, None) for name in ("fget", "func", "__func__", "__wrapped__"))):
            function = inspect.unwrap(part) if callable(part) else None
            code = getattr(function, "__code__", None)
            if isinstance(code, CodeType) and getattr(function, "__module__", None) == cls.__module__:
                yield code


def is_outdated(cls: type) -> bool:
    """Whether a class of a helper module has other code than the file, which was edited and loaded again since."""
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    own = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return found is not cls and any(text_of(code) is None for code in codes_of(cls) if code.co_filename == own)


def _is_alike(node: ast.ClassDef, cls: type) -> bool:
    """Whether a class without methods of its own could have come from a definition: same fields, same constants."""
    assigned: dict[str, ast.expr | None] = {}
    annotated: dict[str, ast.expr | None] = {}
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            assigned |= {target.id: statement.value for target in statement.targets if isinstance(target, ast.Name)}
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            annotated[statement.target.id] = statement.value
    fields = vars(cls).get("__annotations__", {})
    if set(fields) != set(annotated) and (fields or not hasattr(cls, "__annotate__")):
        return False
    for name, value in {**assigned, **annotated}.items():
        live = vars(cls).get(name)
        live = getattr(live, "value", live)
        if isinstance(value, ast.Constant) and name in vars(cls) and type(live) is type(value.value):
            if live != value.value:
                return False
        elif name not in vars(cls) and name in assigned:
            return False
    return True


@functools.lru_cache(maxsize=256)
def _assignments(text: Text) -> dict[str, ast.Assign]:
    """Top-level assignments of calls, by name; the last counts."""
    return {
        node.targets[0].id: node
        for node in text.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call)
    }


def find_assignment(name: str) -> Found | None:
    """Find the statement that made a class or type by calling something: ``Point = namedtuple("Point", "x y")``.

    A call of ``type`` does not count: what it is given is made by other statements, and may have changed since.
    """
    for text in reversed(texts()):
        node = _assignments(text).get(name)
        if node is not None and getattr(node.value.func, "id", "") != "type":  # type: ignore[attr-defined]
            return Found(text, (node,))
    return None

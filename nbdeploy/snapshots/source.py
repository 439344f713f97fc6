"""The source of what a notebook defines, and the names it uses."""

from __future__ import annotations

import ast
import linecache
import symtable
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.pickling import exported_name

__all__ = ["Definition", "definition"]


@dataclass(frozen=True)
class Definition:
    """The source of one function or class.

    Attributes
    ----------
    name : str
        The name it has in the captured module.
    source : str
        Its source, readable, without indentation.
    now, later : frozenset of str
        Global names used while defining it, and those used only when it is called.
    """

    name: str
    source: str
    now: frozenset[str]
    later: frozenset[str]


def definition(thing: Any) -> Definition:
    """Find the source of a function or class that was defined in a notebook or script.

    Raises
    ------
    NotCapturable
        If there is no source, or it depends on the variables of an enclosing function.
    """
    if "<locals>" in thing.__qualname__:
        raise NotCapturable(
            f"{thing.__qualname__} is defined inside a function, so its source does not stand alone; "
            "define it at the top level of a cell",
            name=thing.__qualname__,
        )
    if isinstance(thing, FunctionType):
        if thing.__name__ == "<lambda>":
            return _lambda(thing)
        source = _named(_lines(thing.__code__.co_filename), thing.__name__, thing.__code__.co_firstlineno)
        name = thing.__name__
    else:
        name = thing.__qualname__.partition(".")[0]
        source = _class(getattr(sys.modules["__main__"], name, thing), name)
    if source is None:
        raise NotCapturable(
            f"the source of {thing.__qualname__} was not found; define it in a cell of this notebook, and run the cell",
            name=thing.__qualname__,
        )
    return _analysed(name, source)


def _analysed(name: str, source: str) -> Definition:
    table = symtable.symtable(source, name, "exec")
    now: set[str] = set(_used(table))
    later: set[str] = set()
    for child in _descendants(table):
        in_class = child.get_type() == "class" and _only_classes_above(child, table)
        (now if in_class else later).update(_used(child))
    return Definition(name, source, frozenset(now - {name}), frozenset(later - now - {name}))


def _descendants(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _descendants(child)


def _only_classes_above(child: symtable.SymbolTable, top: symtable.SymbolTable) -> bool:
    """A class body inside a function runs when the function does, not before."""
    return any(child is c or (c.get_type() == "class" and _only_classes_above(child, c)) for c in top.get_children())


def _used(table: symtable.SymbolTable) -> list[str]:
    """Names that a scope looks up in its module."""
    at_module_level = table.get_type() == "module"
    return [s.get_name() for s in table.get_symbols() if s.is_referenced() and (at_module_level or s.is_global())]


def _lines(filename: str) -> list[str]:
    return linecache.getlines(filename)


def _tree(lines: list[str]) -> ast.Module | None:
    try:
        return ast.parse("".join(lines))
    except SyntaxError:
        return None


def _named(lines: list[str], name: str, line: int) -> str | None:
    """Source of the definition of `name` whose first line (decorators included) is `line`."""
    for node in ast.walk(_tree(lines) or ast.Module([], [])):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name and _first(node) == line:
            return _text(lines, node)
    return None


def _class(cls: type, name: str) -> str | None:
    """Source of a class: in the cell that its methods came from, else in the latest cell that defines it."""
    for code in _codes(cls):
        lines = _lines(code.co_filename)
        for node in ast.walk(_tree(lines) or ast.Module([], [])):
            if isinstance(node, ast.ClassDef) and node.name == name and _spans(node, code.co_firstlineno):
                return _text(lines, node)
    for filename in reversed(_cells()):
        lines = _lines(filename)
        found = [
            n for n in ast.walk(_tree(lines) or ast.Module([], [])) if isinstance(n, ast.ClassDef) and n.name == name
        ]
        if found:
            return _text(lines, found[-1])
    return None


def _spans(node: ast.ClassDef, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or 0)


def _codes(cls: type) -> Iterator[CodeType]:
    for value in vars(cls).values():
        function = getattr(value, "fget", None) or getattr(value, "__func__", None) or value
        code = getattr(function, "__code__", None)
        # Methods that dataclasses generate come from no file.
        if isinstance(code, CodeType) and function.__module__ == "__main__" and code.co_filename != "<string>":
            yield code


def _cells() -> list[str]:
    """Files that the interactive shell or the running script has compiled, oldest first."""
    cells = [name for name in linecache.cache if "ipykernel" in name or name.startswith("<ipython-input")]
    script = getattr(sys.modules["__main__"], "__file__", None)
    return [script, *cells] if script else cells


def _first(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


def _text(lines: list[str], node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    return textwrap.dedent("".join(lines[_first(node) - 1 : node.end_lineno])).rstrip() + "\n"


def _lambda(function: FunctionType) -> Definition:
    """Find the lambda by the place that its code remembers, down to the column."""
    tree = _tree(_lines(function.__code__.co_filename)) or ast.Module([], [])
    line, places = function.__code__.co_firstlineno, set(function.__code__.co_positions())
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Lambda) and node.lineno == line and _place(node.body) in places
    ]
    if len(found) != 1:
        raise NotCapturable("the source of a lambda was not found; define it with def and a name")
    name = exported_name(function)
    return _analysed(name, f"{name} = {ast.unparse(found[0])}\n")


def _place(node: ast.expr) -> tuple[int, int | None, int, int | None]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset

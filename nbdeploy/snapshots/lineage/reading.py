"""What one statement reads, binds and changes, told from its syntax tree."""

# ruff: noqa: D102 - the methods are those of ast.NodeVisitor

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from nbdeploy.snapshots.capture.uses import uses
from nbdeploy.snapshots.lineage.methods import accumulates, changes

__all__ = ["Call", "Effect", "Read", "Reader"]

Read = tuple[str, str | None]
"""A name, and the one column (``['age']``) or attribute (``.age``) that is read of it; None for all of it."""


@dataclass(frozen=True)
class Effect:
    """A name that means something else afterwards.

    Attributes
    ----------
    name : str
        The name.
    slot : str or None
        What is replaced in it: a column, an attribute, what was learned by ``fit``; None if all of it is.
    settled : bool
        Whether doing it again with what it made changes nothing more.
    """

    name: str
    slot: str | None = None
    settled: bool = False


@dataclass(frozen=True)
class Call:
    """A function, and the names given to it by position and by keyword."""

    function: str
    positional: tuple[str | None, ...]
    keywords: tuple[tuple[str, str], ...]


class Reader(ast.NodeVisitor):
    """Walks through one statement in the order in which it runs.

    Attributes
    ----------
    reads : set of Read
        What it reads of what was there before.
    effects : list of Effect
        What it binds and changes, in order.
    calls : list of Call
        The functions that it gives names to.
    later : dict of str to frozenset of str
        Of each function or class that it defines: the names that it will read when it is called.
    alters : dict of str to frozenset
        Of each function that it defines: the parameters that it changes.
    bound : set of str
        The names that it has bound so far, whichever way it went.
    """

    def __init__(self) -> None:
        self.reads: set[Read] = set()
        self.effects: list[Effect] = []
        self.calls: list[Call] = []
        self.later: dict[str, frozenset[str]] = {}
        self.alters: dict[str, frozenset[int | str]] = {}
        self.bound: set[str] = set()
        self._hidden: list[Collection[str]] = []
        self._perhaps = ""

    # Names

    def _see(self, name: str, key: str | None = None) -> None:
        if name not in self.bound and not any(name in names for names in self._hidden):
            self.reads.add((name, key))

    def _change(self, name: str, slot: str | None) -> None:
        if name in self.bound or any(name in names for names in self._hidden):
            return
        self.effects.append(Effect(name, slot))

    def _bind(self, name: str) -> None:
        if any(name in names for names in self._hidden):
            return
        self.effects.append(Effect(name, self._perhaps or None))
        self.bound.add(name)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._see(node.id)
        else:
            self._bind(node.id)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        column = f"[{key!r}]" if isinstance(key, str) else None
        if not isinstance(node.ctx, ast.Load):
            self._store(node, column)
        elif isinstance(node.value, ast.Name) and column is not None:
            self._see(node.value.id, column)
        else:
            self.visit(node.value)
        self.visit(node.slice)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._store(node, f".{node.attr}")
        elif isinstance(node.value, ast.Name):
            self._see(node.value.id, f".{node.attr}")
        else:
            self.visit(node.value)

    def _store(self, node: ast.Subscript | ast.Attribute, column: str | None) -> None:
        root = _root(node)
        if root is None:
            self.visit(node.value)
        elif isinstance(node.value, ast.Name):
            self._change(root, column or ast.unparse(node))
        else:  # df.loc[rows, "x"] = …: of some rows
            self._change(root, ast.unparse(node))

    def _assign(self, targets: Sequence[ast.expr], value: ast.expr | None) -> None:
        if value is not None:
            self.visit(value)
        for target in targets:
            self.visit(target)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assign(node.targets, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign([node.target], node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self.visit(_loaded(node.target))
        self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._assign([node.target], node.value)

    def visit_For(self, node: ast.For) -> None:
        self._assign([node.target], node.iter)
        for inner in (*node.body, *node.orelse):
            self.visit(inner)

    def visit_If(self, node: ast.If) -> None:
        """What only one branch binds may mean what it meant before."""
        self.visit(node.test)
        before, perhaps = set(self.bound), self._perhaps
        branches = []
        self._perhaps = perhaps or ast.unparse(node)
        for branch in (node.body, node.orelse):
            self.bound = set(before)
            for inner in branch:
                self.visit(inner)
            branches.append(self.bound)
        self.bound, self._perhaps = before | (branches[0] & branches[1]), perhaps

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.visit(node.type)
        for inner in node.body:
            self.visit(inner)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            for name in _public(node.module or "") if alias.name == "*" else [alias.asname or alias.name]:
                self._bind(name)

    # Calls

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name):
            positional = tuple(arg.id if isinstance(arg, ast.Name) else None for arg in node.args)
            keywords = tuple((k.arg, k.value.id) for k in node.keywords if k.arg and isinstance(k.value, ast.Name))
            self.calls.append(Call(node.func.id, positional, keywords))
        elif isinstance(node.func, ast.Attribute):
            root, slot = _root(node.func), changes(node)
            if node.func.attr == "shuffle" and node.args and isinstance(node.args[0], ast.Name):
                root = node.args[0].id
            if root is not None and accumulates(node.func.attr):
                self._change(root, None)
            elif root is not None and slot is not None:
                self._change(root, slot)

    # Scopes of their own

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = node.args
        for expression in (*node.decorator_list, *arguments.defaults, *filter(None, arguments.kw_defaults)):
            self.visit(expression)
        self.later[node.name] = _free(node)
        self.alters[node.name] = _altered(node)
        self._bind(node.name)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - ast's own names

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for expression in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self.visit(expression)
        self.later[node.name] = _free(node)
        self._bind(node.name)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        self._inside(_parameters(node.args), [node.body])

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        names = {name for part in node.generators for name in _stored(part.target)}
        inner = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        tests = [test for part in node.generators for test in part.ifs]
        self._inside(names, [*(part.iter for part in node.generators), *tests, *inner])

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension  # noqa: N815 - ast's own names

    def _inside(self, names: Collection[str], nodes: Sequence[ast.AST]) -> None:
        self._hidden.append(names)
        for node in nodes:
            self.visit(node)
        self._hidden.pop()


def _root(node: ast.AST) -> str | None:
    """The name that an attribute, an item or a chain of methods belongs to."""
    while not isinstance(node, ast.Name):
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func
        else:
            return None
    return node.id


def _loaded(node: ast.expr) -> ast.expr:
    """The target of ``x += 1`` as it is read first."""
    return ast.parse(ast.unparse(node), mode="eval").body


def _stored(node: ast.AST) -> Iterator[str]:
    return (part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))


def _parameters(arguments: ast.arguments) -> list[str]:
    every = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
    return [argument.arg for argument in every if argument is not None]


def _free(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> frozenset[str]:
    """Names that a function or class looks up outside of itself, sooner or later."""
    found = uses(ast.unparse(node), lazy_annotations=False)
    return found.now | found.later


def _altered(node: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[int | str]:
    """The parameters that a function changes, by position and by name."""
    inside = Reader()
    for statement in node.body:
        inside.visit(statement)
    changed = {effect.name for effect in inside.effects if effect.slot is not None or effect.name not in inside.bound}
    names = _parameters(node.args)
    return frozenset({*(name for name in names if name in changed), *(i for i, n in enumerate(names) if n in changed)})


def _public(module: str) -> list[str]:
    """What ``from module import *`` binds."""
    found = sys.modules.get(module)
    return list(getattr(found, "__all__", None) or [name for name in vars(found or sys) if not name.startswith("_")])

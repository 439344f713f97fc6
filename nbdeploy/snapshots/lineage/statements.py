"""The statements of a cell, and what each reads, binds and changes."""

from __future__ import annotations

import ast
import contextlib
import warnings
from dataclasses import dataclass, field, replace
from functools import lru_cache

from nbdeploy.notebooks import without_mark
from nbdeploy.snapshots.lineage.methods import settles
from nbdeploy.snapshots.lineage.reading import Call, Effect, Read, Reader

__all__ = ["Statement", "statements"]

_PYTHON_MAGICS = frozenset({"time", "capture", "prun", "memit", "lprun", "mprun"})


@dataclass(frozen=True)
class Statement:
    """One statement at the top level of a cell.

    Attributes
    ----------
    text : str
        Its source without comments, formatted.
    node : ast.stmt
        Its syntax tree.
    reads : frozenset of Read
        What it reads of what was there before.
    effects : tuple of Effect
        What it binds and changes.
    calls : tuple of Call
        The functions that it gives names to.
    later : mapping of str to frozenset of str
        Of each function or class that it defines: the names that it will read when it is called.
    alters : mapping of str to frozenset of str
        Of each function that it defines: the parameters that it changes.
    """

    text: str
    node: ast.stmt
    reads: frozenset[Read]
    effects: tuple[Effect, ...]
    calls: tuple[Call, ...] = ()
    later: dict[str, frozenset[str]] = field(default_factory=dict)
    alters: dict[str, frozenset[int | str]] = field(default_factory=dict)


@lru_cache(maxsize=2048)
def statements(source: str) -> tuple[Statement, ...]:
    """Read the statements of a cell; none where it is not Python.

    Examples
    --------
    >>> [first] = statements("X = df[columns]  # all of them")
    >>> sorted(first.reads), first.effects[0].name
    ([('columns', None), ('df', None)], 'X')
    """
    with warnings.catch_warnings(action="ignore"):  # about the user's own source, which she has seen
        return tuple(_read(node) for node in _python(without_mark(source)))


def _python(source: str) -> list[ast.stmt]:
    """Parse a cell; magics that run Python stand for what they run."""
    tree = _parsed(source) or _parsed(_transformed(source))
    return [inner for node in (tree.body if tree else []) for inner in _unwrapped(node)]


def _parsed(source: str) -> ast.Module | None:
    with contextlib.suppress(SyntaxError, ValueError):
        return ast.parse(source)
    return None


def _transformed(source: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]
    except (SyntaxError, ValueError):
        return ""


def _unwrapped(node: ast.stmt) -> list[ast.stmt]:
    call = node.value if isinstance(node, ast.Expr) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return [node]
    words = [part.value for part in call.args if isinstance(part, ast.Constant)]
    if call.func.attr not in {"run_line_magic", "run_cell_magic"} or not words or words[0] not in _PYTHON_MAGICS:
        return [node]
    return [ast.copy_location(inner, node) for inner in _python(str(words[-1]))]


def _read(node: ast.stmt) -> Statement:
    reader = Reader()
    reader.visit(node)
    effects = tuple(dict.fromkeys(_settled(node, effect) for effect in reader.effects))
    return Statement(
        ast.unparse(node), node, frozenset(reader.reads), effects, tuple(reader.calls), reader.later, reader.alters
    )


def _settled(node: ast.stmt, effect: Effect) -> Effect:
    """``df = df.dropna()`` and ``df["day"] = pd.to_datetime(df["day"])``: a second time changes nothing more."""
    if not isinstance(node, ast.Assign) or not settles(node.value, effect.name):
        return effect
    if effect.slot is None and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return Effect(effect.name, ast.unparse(node), settled=True)
    return replace(effect, settled=True)

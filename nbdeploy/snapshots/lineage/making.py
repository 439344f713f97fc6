"""The transformers and functions that made a variable, read from the statements that it came from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdeploy.snapshots.lineage.provenance import Node, Value

if TYPE_CHECKING:
    from nbdeploy.snapshots.lineage.tracing import Past

__all__ = ["LAMBDA", "Making", "is_plain", "origin_of"]

_TRANSFORMS = frozenset({"transform", "fit_transform"})
_WRAPPERS = frozenset({"DataFrame", "Series", "asarray", "array", "csr_matrix"})
_SELECTIONS = frozenset(
    {
        *("copy", "drop", "dropna", "drop_duplicates", "filter", "head", "loc", "query", "reset_index", "sample"),
        *("select", "slice", "tail", "to_numpy", "toarray", "astype", "to_pandas", "sort_values", "sort_index"),
    }
)
_SAME_ROWS = frozenset({"copy", "to_numpy", "toarray", "astype", "to_pandas"})
_DEPTH = 6

LAMBDA = "lambda rows: "
"""How a maker begins that is a function of more than the rows."""


@dataclass(frozen=True)
class MadeColumns:
    """Columns of a table that were made: by which transformer, in which statement; None if nobody knows which."""

    node: Node
    maker: str
    columns: tuple[str, ...] | None


@dataclass(frozen=True)
class Making:
    """How a variable was made.

    Attributes
    ----------
    node : Node
        The statement of the last step.
    makers : tuple of str
        Expressions of the transformers and functions, in the order in which they were applied.
    source : str or None
        An expression of what they were applied to; None if nothing in the kernel is that any more.
    selected : bool
        Whether only some of the rows were taken, before or after.
    whole : bool
        Whether the whole table was made, and not only columns of it.
    parts : tuple of MadeColumns
        If only columns were made: which, and by what.
    library, library_call : str
        The function of a library that made it, and its call, where that is no function of rows alone.
    """

    node: Node
    makers: tuple[str, ...]
    source: str | None
    selected: bool = False
    whole: bool = True
    parts: tuple[MadeColumns, ...] = ()
    library: str = ""
    library_call: str = ""

    @property
    def nameless(self) -> tuple[str, ...]:
        """The makers that no variable holds."""
        return tuple(maker for maker in self.makers if maker.endswith(")") and not maker.startswith(LAMBDA))


def origin_of(value: Value, known: Past, depth: int = _DEPTH) -> Making | None:
    """Find out whether transformers or functions of the notebook made a value of another table.

    Parameters
    ----------
    value : Value
        Where it came from.
    known : Past
        What ran, and the variables now.
    depth : int
        How many statements to follow.
    """
    parts = tuple(part for node in value.slots.values() for part in _parts(node, known))
    if parts:
        return _of_parts(parts)
    expression = _expression(value.base)
    return None if expression is None or not depth else _read(expression, value.base, known, depth)


def _of_parts(parts: tuple[MadeColumns, ...]) -> Making:
    makers = tuple(dict.fromkeys(part.maker for part in parts))
    return Making(parts[-1].node, makers, None, whole=False, parts=parts)


def _parts(node: Node, known: Past) -> Iterator[MadeColumns]:
    """The columns that a statement replaces by what a transformer makes, also in a loop over their names."""
    statement = node.step.statement.node if node.step is not None else None
    loop = statement if isinstance(statement, ast.For) else None
    for inner in ast.walk(loop) if loop is not None else [statement]:
        target = inner.targets[0] if isinstance(inner, ast.Assign) else None
        maker = _transformer(inner.value, known) if isinstance(inner, ast.Assign) else None
        if maker is None or not isinstance(target, ast.Subscript):
            continue
        chosen = target.slice.elts[-1] if isinstance(target.slice, ast.Tuple) else target.slice
        if loop is not None and ast.unparse(chosen) == ast.unparse(loop.target):
            chosen = loop.iter
        yield MadeColumns(node, maker, _names(known.evaluate(ast.unparse(chosen)) if is_plain(chosen) else None))


def _names(chosen: Any) -> tuple[str, ...] | None:
    if isinstance(chosen, str):
        return (chosen,)
    listed = list(chosen) if isinstance(chosen, (list, tuple)) or hasattr(chosen, "tolist") else []
    return tuple(listed) if listed and all(isinstance(name, str) for name in listed) else None


def _concatenated(expression: ast.Call, node: Node, known: Past, depth: int) -> Making | None:
    """Tables side by side, some of which a transformer made."""
    tables = expression.args[0]
    parts: list[MadeColumns] = []
    for table in tables.elts if isinstance(tables, (ast.List, ast.Tuple)) else ():
        found = _read(table, node, known, depth)
        if found is not None and found.makers:
            made = known.evaluate(ast.unparse(table)) if is_plain(table) else None
            columns = _names(getattr(made, "columns", None))
            parts += found.parts or [MadeColumns(found.node, " and ".join(found.makers), columns)]
    return _of_parts(tuple(parts)) if parts else None


def _read(expression: ast.expr, node: Node, known: Past, depth: int) -> Making | None:
    """Read one expression from the outside inwards."""
    inner = _unwrapped(expression)
    if inner is not None:
        found = _read(inner[0], node, known, depth)
        return replace(found, selected=found.selected or inner[1]) if found is not None else None
    if isinstance(expression, ast.Name):
        # Of a method's owner the method is what was read: ``D.drop``.
        earlier = node.inputs.get(expression.id) or next(
            (node.inputs[label] for label in _labels(expression, node)), None
        )
        return origin_of(earlier, known, depth - 1) if earlier is not None else None
    if not isinstance(expression, ast.Call) or not expression.args:
        return None
    expression = _piped(expression)
    given = expression.args[0]
    called = expression.func.attr if isinstance(expression.func, ast.Attribute) else ""
    if called in {"concat", "hstack"}:
        return _concatenated(expression, node, known, depth)
    if called == "get_dummies":
        source = _now(given, node, known, depth)
        call = ast.unparse(expression)
        return Making(node, (), source, library="pandas.get_dummies", library_call=call) if source else None
    maker = _transformer(expression, known) or _own_function(expression, known)
    if maker is None:
        return None
    before = _read(given, node, known, depth)
    if before is not None and before.whole and not before.library:
        return replace(before, makers=(*before.makers, maker))
    return Making(node, (maker,), _now(given, node, known, depth))


def _labels(name: ast.Name, node: Node) -> list[str]:
    """What a statement read of a name: all of it, or attributes and columns."""
    return [label for label in node.inputs if label.split("[")[0].split(".")[0] == name.id]


def _piped(expression: ast.Call) -> ast.Call:
    """``rows.pipe(f, x)`` as ``f(rows, x)``."""
    called = expression.func
    if not isinstance(called, ast.Attribute) or called.attr != "pipe":
        return expression
    return ast.Call(expression.args[0], [called.value, *expression.args[1:]], expression.keywords)


def _unwrapped(expression: ast.expr) -> tuple[ast.expr, bool] | None:
    """What a wrapper or a selection is of, and whether that leaves out rows."""
    if isinstance(expression, ast.Subscript):
        inner = expression.value
        located = isinstance(inner, ast.Attribute) and inner.attr in {"loc", "iloc"}
        return (inner.value if located else inner), True  # type: ignore[attr-defined]
    if not isinstance(expression, ast.Call):
        return None
    called = expression.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name == "train_test_split" and expression.args:
        return expression.args[0], True
    if name in _WRAPPERS and expression.args:
        return expression.args[0], False
    if name in _SELECTIONS and isinstance(called, ast.Attribute):
        return called.value, name not in _SAME_ROWS
    return None


def _expression(node: Node) -> ast.expr | None:
    """What a statement assigns: of a split, the part that its variable is from."""
    statement = node.step.statement.node if node.step is not None else None
    return statement.value if isinstance(statement, ast.Assign) else None


def _transformer(expression: ast.expr, known: Past) -> str | None:
    inner = _unwrapped(expression)
    if inner is not None:
        return _transformer(inner[0], known)
    if not isinstance(expression, ast.Call) or not isinstance(expression.func, ast.Attribute):
        return None
    owner = expression.func.value
    if expression.func.attr not in _TRANSFORMS:
        return None
    if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Attribute) and owner.func.attr == "fit":
        owner = owner.func.value
    # One without a name (``StandardScaler().fit_transform(X)``) is known by its class.
    known_by = owner.func if isinstance(owner, ast.Call) else owner
    transforms = is_plain(known_by) and hasattr(known.evaluate(ast.unparse(known_by)), "transform")
    return ast.unparse(owner) if transforms else None


def _own_function(expression: ast.Call, known: Past) -> str | None:
    """A function of the notebook, or one of NumPy that goes value by value; of the rows, and of what is plain."""
    if not is_plain(expression.func):
        return None
    name = ast.unparse(expression.func)
    function: Any = known.evaluate(name)
    own = isinstance(function, FunctionType) and function.__globals__ is known.history.names
    if not own and not isinstance(function, np.ufunc):
        return None
    rest = [*expression.args[1:], *(keyword.value for keyword in expression.keywords)]
    if not rest:
        return name
    given = ast.Call(expression.func, [ast.Name("rows"), *expression.args[1:]], expression.keywords)
    return f"{LAMBDA}{ast.unparse(ast.fix_missing_locations(given))}" if own and all(map(is_plain, rest)) else None


def _now(expression: ast.expr, node: Node, known: Past, depth: int) -> str | None:
    """An expression of the same table with the variables as they are now; None if there is none."""
    if not is_plain(expression) or not depth:
        return None
    replaced: dict[str, ast.expr] = {}
    for part in ast.walk(expression):
        if not isinstance(part, ast.Name):
            continue
        values = [node.inputs[label] for label in _labels(part, node)]
        current = known.state.get(part.id)
        if current is not None and all(value.base.key == current.base.key for value in values):
            continue
        text = _before(values[0], known, depth) if values else None
        if text is None:
            return None
        replaced[part.id] = ast.parse(text, mode="eval").body
    return ast.unparse(_Replacing(replaced).visit(ast.parse(ast.unparse(expression), mode="eval").body))


def _before(value: Value, known: Past, depth: int) -> str | None:
    """What a value was, if a selection of a table that is still there says so."""
    expression = _expression(value.base)
    if expression is None or value.slots:
        return None
    return _now(expression, value.base, known, depth - 1)


class _Replacing(ast.NodeTransformer):
    def __init__(self, replaced: dict[str, ast.expr]) -> None:
        self._replaced = replaced

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._replaced.get(node.id, node)


def is_plain(expression: ast.expr) -> bool:
    """Whether evaluating an expression only looks: names, items, attributes, and methods that select.

    Examples
    --------
    >>> is_plain(ast.parse("df.drop(columns='y')[['a', 'b']]", mode="eval").body)
    True
    >>> is_plain(ast.parse("load('file')", mode="eval").body)
    False
    """
    allowed = (ast.Name, ast.Constant, ast.List, ast.Tuple, ast.Slice, ast.Subscript, ast.Attribute, ast.Compare)
    allowed = (*allowed, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)  # type: ignore[assignment]
    for part in ast.walk(expression):
        if isinstance(part, ast.Call):
            selects = isinstance(part.func, ast.Attribute) and part.func.attr in _SELECTIONS - {"sample"}
            if not selects:
                return False
        elif not isinstance(part, (*allowed, ast.keyword, ast.expr_context)):
            return False
    return True

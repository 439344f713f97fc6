"""Which methods change their object, and which may be repeated without changing more."""

from __future__ import annotations

import ast

__all__ = ["accumulates", "changes", "settles"]

_FIT = frozenset({"fit", "fit_transform", "fit_predict", "fit_resample", "fit_generator"})
_CHANGING = frozenset(
    {
        *("add", "build", "clear", "compile", "discard", "fill", "itemset", "learn", "partition", "put", "resize"),
        *("setdefault", "sort", "train", "train_on_batch", "update", "zero_"),
    }
)
_CHANGING_PREFIXES = ("add_", "load_", "register_", "set_", "train_")
_ACCUMULATING = frozenset(
    {
        *("append", "appendleft", "backward", "extend", "insert", "partial_fit", "pop", "popitem", "popleft"),
        *("remove", "reverse", "shuffle", "step"),
    }
)
_SETTLING = frozenset(
    {
        *("abs", "astype", "capitalize", "casefold", "clip", "convert_dtypes", "copy", "drop_duplicates", "dropna"),
        *("drop_nulls", "fill_nan", "fill_null", "fillna", "filter", "infer_objects", "isin", "lower", "normalize"),
        *("notna", "notnull", "isna", "isnull", "query", "ravel", "reindex", "rename", "select", "select_dtypes"),
        *("sort", "sort_index", "sort_values", "squeeze", "strip", "strip_chars", "title", "to_datetime", "to_frame"),
        *("to_list", "to_numeric", "to_numpy", "to_pandas", "tolist", "unique", "upper", "asarray", "array"),
        *("DataFrame", "Series", "list", "mean", "median", "mode", "max", "min", "sum", "std", "quantile", "between"),
    }
)
"""Applied to what they answered, they answer the same; or they only measure."""


def changes(call: ast.Call) -> str | None:
    """What a method replaces in its object; None where it is not known to change it.

    Whatever ``fit`` learned before is gone after it; other changes are told apart by their source.
    """
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in _FIT:
        return "fit()"
    in_place = any(k.arg == "inplace" and isinstance(k.value, ast.Constant) and k.value.value for k in call.keywords)
    known = name in _CHANGING or name.startswith(_CHANGING_PREFIXES)
    return ast.unparse(call) if in_place or known else None


def accumulates(method: str) -> bool:
    """Whether a method changes its object once more each time that it is called."""
    return method in _ACCUMULATING


def settles(value: ast.expr, name: str) -> bool:
    """Whether computing `name` anew from itself changes nothing the second time.

    Selections of rows and columns and methods like ``dropna`` and ``astype`` do not; arithmetic, ``map``, ``drop``,
    and everything unknown may.

    Examples
    --------
    >>> settles(ast.parse("df[df.age > 0].dropna()", mode="eval").body, "df")
    True
    >>> settles(ast.parse("df * 2", mode="eval").body, "df")
    False
    """
    if not any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(value)):
        return False
    return _settling(value, name)


def _settling(node: ast.expr, name: str) -> bool:
    if isinstance(node, (ast.Name, ast.Constant)):
        return True
    if isinstance(node, ast.Attribute):
        return _settling(node.value, name)
    if isinstance(node, ast.Subscript):
        # A selection by labels or conditions; by position, a second time takes others.
        positions = any(isinstance(part, ast.Slice) for part in ast.walk(node.slice))
        iloc = isinstance(node.value, ast.Attribute) and node.value.attr in {"iloc", "iat"}
        return not positions and not iloc and _settling(node.value, name)
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        forgiving = called == "drop" and any(k.arg == "errors" for k in node.keywords)
        keeps_index = called == "reset_index" and any(k.arg == "drop" for k in node.keywords)
        owner = not isinstance(node.func, ast.Attribute) or _settling(node.func.value, name)
        return (called in _SETTLING or forgiving or keeps_index) and owner and all(_unmixed(a, name) for a in node.args)
    return not any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node))


def _unmixed(argument: ast.expr, name: str) -> bool:
    """An argument that is the object itself, or has settled, or is a condition on it."""
    return isinstance(argument, ast.Compare) or _settling(argument, name)

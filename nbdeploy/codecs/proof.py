"""Does data come back from the wire as it was given? Types, labels, values and what stands for a missing one."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.frames import rebuild
from nbdeploy.errors import InvalidData, NbdeployError
from nbdeploy.types import Signature

__all__ = ["prove"]


def prove(data: Any, wire: pl.DataFrame, signature: Signature) -> None:
    """Check that a model would be given exactly this data again.

    Row numbers may take the place of an index that is no input, and integers among floats may become floats.

    Parameters
    ----------
    data : table, n rows
        The data.
    wire : polars.DataFrame, n rows
        The same rows, bound to the signature.
    signature : Signature
        What :func:`nbdeploy.codecs.describe` said of the data.

    Raises
    ------
    InvalidData
        Naming the first column, row and value that would come back differently.
    """
    try:
        back = rebuild(wire, signature)
    except NbdeployError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise InvalidData(f"the data cannot be rebuilt outside of the notebook: {error}") from error
    for what, before, after in _COMPARED[signature.container](data, back, signature):
        row = _first_difference(before, after)
        if row is not None:
            shown = f"row {row}: {_item(before, row)!r:.60} would become {_item(after, row)!r:.60}" if row >= 0 else ""
            raise InvalidData(
                f"{what} would not come back as it was given: {shown or f'{before!r:.80} would become {after!r:.80}'}; "
                "give it in one plain type",
                column=what,
            )


def _of_pandas(data: Any, back: Any, signature: Signature) -> Any:
    if data.ndim == 1:
        data, back = data.to_frame("values"), back.to_frame("values")
    elif list(data.columns.names) != list(back.columns.names) or data.columns.dtype != back.columns.dtype:
        yield "the header", (data.columns.names, data.columns.dtype), (back.columns.names, back.columns.dtype)
    yield "the list of columns", list(data.columns), list(back.columns)
    if any(column.level for column in signature.columns):
        yield "the index's names", list(data.index.names), list(back.index.names)
        yield "the index", data.index.tolist(), back.index.tolist()
    for i, label in enumerate(data.columns):
        before, after = data.iloc[:, i], back.iloc[:, i]
        yield f"the type of column {label!r}", before.dtype, after.dtype
        yield f"column {label!r}", _plain(before), _plain(after)


def _of_numpy(data: Any, back: Any, _: Signature) -> Any:
    yield "the array's type", (data.dtype, data.shape), (back.dtype, back.shape)
    yield "the array", np.asarray(data), back


def _of_polars(data: Any, back: Any, _: Signature) -> Any:
    data = data.collect() if isinstance(data, pl.LazyFrame) else data
    if isinstance(data, pl.Series):
        data, back = data.to_frame(), back.to_frame()
    yield "the schema", data.schema, back.schema
    for before, after in zip(data.get_columns(), back.get_columns(), strict=True):
        yield f"column {before.name!r}", before.to_list(), after.to_list()


def _of_arrow(data: Any, back: Any, _: Signature) -> Any:
    yield "the kind of table", type(data), type(back)
    for name, before, after in zip(data.schema.names, data.columns, back.columns, strict=True):
        yield f"the type of column {name!r}", before.type, after.type
        yield f"column {name!r}", before.to_pylist(), after.to_pylist()


def _of_scipy(data: Any, back: Any, _: Signature) -> Any:
    yield "the matrix's type", (type(data), data.dtype, data.shape), (type(back), back.dtype, back.shape)
    before, after = data.tocsr(copy=True), back.tocsr(copy=True)
    before.sum_duplicates()
    for part in ("indptr", "indices", "data"):
        yield f"the matrix's {part}", getattr(before, part), getattr(after, part)


def _of_torch(data: Any, back: Any, _: Signature) -> Any:
    from nbdeploy.codecs.torch_tables import array_of

    yield "the tensor's type", (data.dtype, data.shape), (back.dtype, back.shape)
    yield "the tensor", array_of(data), array_of(back)


def _of_builtins(data: Any, back: Any, _: Signature) -> Any:
    if isinstance(data, dict) and isinstance(back, dict):
        for name, values in data.items():
            yield f"column {name!r}", values, back[name]
    else:
        yield "the list", [data] if isinstance(data, dict) else list(data), back


_COMPARED: dict[str, Any] = {
    "builtins": _of_builtins,
    "numpy": _of_numpy,
    "pandas": _of_pandas,
    "polars": _of_polars,
    "pyarrow": _of_arrow,
    "scipy": _of_scipy,
    "torch": _of_torch,
}


def _plain(series: Any) -> Any:
    """Values of a pandas column: the plain array where there is one."""
    kind = getattr(series.dtype, "kind", "O")
    plain = isinstance(series.dtype, np.dtype) and kind != "O"
    return series.to_numpy() if plain else series.tolist()


def _first_difference(before: Any, after: Any) -> int | None:
    """Number of the first item that differs, -1 if the whole does, None if nothing does."""
    if isinstance(before, np.ndarray) and isinstance(after, np.ndarray) and before.dtype.kind not in "OUS":
        equal = (before == after) | ((before != before) & (after != after))
        return None if equal.all() else int(np.argwhere(~equal)[0][0])
    if not isinstance(before, (list, tuple, np.ndarray)) or len(before) != len(after):
        return None if before == after else -1
    return next((row for row, pair in enumerate(zip(before, after, strict=True)) if not _alike(*pair)), None)


def _alike(before: Any, after: Any) -> bool:
    """Whether two values are the same to a model."""
    if isinstance(before, (list, tuple, np.ndarray)):
        same = type(before) is type(after) and len(before) == len(after)
        if same and isinstance(before, np.ndarray) and before.dtype != after.dtype:
            return False
        return same and all(_alike(*pair) for pair in zip(before, after, strict=True))
    if isinstance(before, dict):
        same = isinstance(after, dict) and before.keys() == after.keys()
        return same and all(_alike(value, after[key]) for key, value in before.items())
    if before is None or after is None or str(before) in {"<NA>", "NaT"}:
        return before is after or str(before) == str(after)
    return bool(before == after) or bool(before != before and after != after)


def _item(values: Any, row: int) -> Any:
    return values[row] if row >= 0 else values

"""Tables of any library: described as a signature, bound to one, rebuilt from the wire."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

import polars as pl

from nbdeploy.codecs.columns import typed, wire_dtype
from nbdeploy.codecs.conforming import conform, parse
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.plugins import Registry
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINERS", "Container", "bind", "bind_text", "container_of", "describe", "like", "rebuild"]


class Container(Protocol):
    """How one library's tables are taken apart and put together."""

    def columns(self, data: Any) -> list[tuple[Column, pl.Series]]:
        """Take a table apart: each column described, with its values. Column names need not be unique."""

    def shape(self, data: Any) -> tuple[int, str | None]:
        """Return the signature's ``dims`` and ``dtype``."""

    def take(self, data: Any, rows: list[int]) -> Any:
        """Return some rows of a table, as the same kind of table."""

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        """Put a table together exactly as the model was given it."""


CONTAINERS: Registry[Container] = Registry(
    "container",
    {
        "builtins": "nbdeploy.codecs.builtin_tables:CONTAINER",
        "numpy": "nbdeploy.codecs.numpy_tables:CONTAINER",
        "pandas": "nbdeploy.codecs.pandas_tables:CONTAINER",
        "polars": "nbdeploy.codecs.polars_tables:CONTAINER",
        "pyarrow": "nbdeploy.codecs.arrow_tables:CONTAINER",
    },
)


def container_of(data: Any) -> str:
    """Name of the container that knows this data, by the package its class comes from.

    Raises
    ------
    InvalidData
        If none does.
    """
    for cls in type(data).__mro__:
        root = cls.__module__.partition(".")[0]
        if root in CONTAINERS and cls is not object:
            return root
    raise InvalidData(
        f"data of type {type(data).__name__} is not a table; there are: pandas, Polars, Arrow, NumPy, "
        "a list of dicts, a dict of lists"
    )


def describe(data: Any) -> Signature:
    """Infer the signature's inputs from data.

    Examples
    --------
    >>> describe([{"age": 41, "plan": "gold"}]).names
    ['age', 'plan']
    """
    name = container_of(data)
    container = CONTAINERS[name]
    parts = container.columns(data)
    if not parts:
        raise InvalidData("the data has no columns")
    if not len(parts[0][1]):
        raise InvalidData("the data has no rows, so its types are unknown; give at least one row")
    dims, dtype = container.shape(data)
    names = _unique([column.name for column, _ in parts])
    columns = [_renamed(typed(column), name) for (column, _), name in zip(parts, names, strict=True)]
    return Signature(container=name, columns=columns, dims=dims, dtype=dtype)


def bind(data: Any, signature: Signature) -> pl.DataFrame:
    """Fit data of any kind to a signature: its columns by name, in its order and types.

    Parameters
    ----------
    data : table
        pandas, Polars, Arrow, NumPy, a list of dicts or a dict of lists. Columns that the
        signature does not name are ignored; NumPy columns go by position.
    signature : Signature
        What the model takes.

    Returns
    -------
    polars.DataFrame
        One column per input of the signature.

    Raises
    ------
    InvalidData
        Naming the missing columns, or the row, column, value and expected type.
    """
    name = container_of(data)
    if isinstance(data, (list, tuple)) and not data:
        return pl.DataFrame(schema={column.name: wire_dtype(column) for column in signature.columns})
    parts = CONTAINERS[name].columns(data)
    if name == "numpy" or (signature.dims == 1 and len(parts) == 1):
        chosen = _by_position([series for _, series in parts], signature)
    else:
        chosen = _by_name(parts, signature)
    return pl.DataFrame({c.name: conform(series, c) for series, c in zip(chosen, signature.columns, strict=True)})


def bind_text(frame: pl.DataFrame, signature: Signature) -> pl.DataFrame:
    """Fit a frame of text, as read from a CSV file, to a signature. See :func:`bind`."""
    _refuse_missing(signature, frame.columns)
    return pl.DataFrame({column.name: parse(frame[column.name], column) for column in signature.columns})


def rebuild(wire: pl.DataFrame, signature: Signature) -> Any:
    """Turn wire rows into exactly the kind of data that the model was given."""
    return CONTAINERS[signature.container].rebuild(wire, signature)


def like(data: Any, answers: pl.DataFrame) -> Any:
    """Return answers as a table of the library that the data came in: Polars, Arrow, and pandas for all others.

    The index of a pandas input is kept.
    """
    container = container_of(data)
    if container == "polars":
        return answers
    if container == "pyarrow":
        return answers.to_arrow()
    frame = answers.to_pandas()
    return frame.set_axis(data.index) if container == "pandas" else frame


def _by_position(series: list[pl.Series], signature: Signature) -> list[pl.Series]:
    if len(series) != len(signature.columns):
        raise InvalidData(
            f"the data has {len(series)} columns, but the model takes {len(signature.columns)}: "
            f"{', '.join(signature.names[:12])}{' …' if len(signature.names) > 12 else ''}",
            expected=signature.names,
        )
    return series


def _by_name(parts: list[tuple[Column, pl.Series]], signature: Signature) -> list[pl.Series]:
    names = _unique([column.name for column, _ in parts])
    found = dict(zip(names, (series for _, series in parts), strict=True))
    _refuse_missing(signature, found)
    return [found[name] for name in signature.names]


def _refuse_missing(signature: Signature, available: Collection[str]) -> None:
    missing = [name for name in signature.names if name not in available]
    if missing:
        told = str(NotFound("column", missing[0], available))
        if signature.container == "numpy":
            told = "the model was given an array, so its columns are x0, x1 …: give an array, or columns of those names"
        raise InvalidData(
            f"missing columns: {', '.join(missing)}; {told}", missing=missing, available=sorted(available)
        )


def _unique(names: list[str]) -> list[str]:
    """Number repeated names: ``x``, ``x.1``, ``x.2``, as pandas reads them from a file."""
    taken: set[str] = set()
    out = []
    for name in names:
        candidate, n = name, 0
        while candidate in taken or (candidate != name and candidate in names):
            n += 1
            candidate = f"{name}.{n}"
        taken.add(candidate)
        out.append(candidate)
    return out


def _renamed(column: Column, name: str) -> Column:
    import msgspec

    label = column.label if column.label is not None or name == column.name else column.name
    return msgspec.structs.replace(column, name=name, label=label)

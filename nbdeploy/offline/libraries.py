"""Tables in memory as their callers' libraries have them."""

from __future__ import annotations

from typing import Any

import polars as pl

from nbdeploy.codecs.frames import container_of
from nbdeploy.errors import InvalidData
from nbdeploy.offline.options import Options

__all__ = ["as_polars", "beside", "columns_of", "renamed", "with_index"]


def as_polars(data: Any) -> pl.DataFrame:
    """Return a table of any kind as a Polars frame; columns of mixed objects as text."""
    if isinstance(data, pl.Series):
        return data.to_frame()
    try:
        return pl.DataFrame(data, strict=False, infer_schema_length=None)
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        import pandas as pd

        frame = pd.DataFrame(data)
        return pl.DataFrame({str(name): [str(value) for value in frame[name]] for name in frame.columns})


def beside(data: Any, container: str, kept: list[str], answers: pl.DataFrame) -> Any:
    """Return kept columns and answers in the caller's library."""
    if container in {"polars", "pyarrow"}:
        frame = pl.DataFrame(data) if not isinstance(data, pl.Series) else data.to_frame()
        columns = [frame.get_column(name) for name in kept]
        together = pl.DataFrame([*columns, *answers.get_columns()])
        return together if container == "polars" else together.to_arrow()
    import pandas as pd

    table = answers.to_pandas()
    if container == "pandas":
        table.index = data.index
        return pd.concat([data[[c for c in data.columns if str(c) in kept]], table], axis=1) if kept else table
    if kept:
        records = pl.DataFrame(data, strict=False, infer_schema_length=None).select(kept).to_pandas()
        return pd.concat([records, table], axis=1)
    return table


def with_index(table: Any, data: Any) -> Any:
    """Return a table with the index of the data it was made of as columns, if that is more than row numbers.

    Raises
    ------
    InvalidData
        If a column has the index's name already.
    """
    index = getattr(data, "index", None) if container_of(data) == "pandas" else None
    if index is None or (index.names == [None] and index.equals(type(table)(index=range(len(data))).index)):
        return table
    try:
        return table.reset_index()
    except ValueError as error:
        raise InvalidData(f"the index cannot become columns beside the others: {error}; rename the index") from error


def columns_of(data: Any, container: str) -> list[str]:
    """Return the names of a table's columns; none of what has no names."""
    if container == "builtins":
        return (
            list(data)
            if isinstance(data, dict)
            else list(dict.fromkeys(k for r in data if isinstance(r, dict) for k in r))
        )
    if container == "pyarrow":
        return list(data.schema.names)
    return [str(name) for name in getattr(data, "columns", ())]


def renamed(data: Any, container: str, options: Options) -> Any:
    """Return a table with the names that its columns are to have.

    Raises
    ------
    InvalidData
        If its columns have no names.
    """
    if container not in {"pandas", "polars", "pyarrow"}:
        raise InvalidData("--rename needs a table with column names: pandas, Polars or Arrow")
    columns = columns_of(data, container)
    names = options.renamed(columns)
    if container == "pandas":
        new = options.rename or {}
        return data.rename(columns=lambda label: new.get(str(label), label))
    return data.rename_columns(names) if container == "pyarrow" else data.rename(dict(zip(columns, names, strict=True)))

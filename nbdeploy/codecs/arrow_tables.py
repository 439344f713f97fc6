"""Arrow tables and record batches."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from nbdeploy.codecs.columns import column_of
from nbdeploy.codecs.polars_tables import native
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER"]


class Arrow:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def columns(self, data: Any) -> list[tuple[Column, pl.Series]]:
        if not isinstance(data, (pa.Table, pa.RecordBatch)):
            raise InvalidData(f"an Arrow {type(data).__name__} is not a table; give a Table or a RecordBatch")
        frame = pl.DataFrame(data)
        return [
            (column_of(series, str(field.type)), series)
            for series, field in zip(frame.get_columns(), data.schema, strict=True)
        ]

    def shape(self, data: Any) -> tuple[int, str | None]:
        return len(data.shape), None

    def take(self, data: Any, rows: list[int]) -> Any:
        return data.take(pa.array(rows))

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        table = native(wire, signature).to_arrow()
        types = {column.name: column.dtype for column in signature.columns}
        plain = {"string": pa.string(), "large_string": pa.large_string()}
        fields = [field.with_type(plain.get(types[field.name], field.type)) for field in table.schema]
        return table.cast(pa.schema(fields))


CONTAINER = Arrow()

"""Arrow tables and record batches."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from nbdeploy.codecs.arrow_columns import ArrowPart, arrow_type, arrow_values
from nbdeploy.codecs.columns import nameless
from nbdeploy.codecs.labels import labels
from nbdeploy.codecs.parts import Part
from nbdeploy.errors import InvalidData
from nbdeploy.types import Signature

__all__ = ["CONTAINER"]


class Arrow:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def parts(self, data: Any) -> list[Part]:
        if not isinstance(data, (pa.Table, pa.RecordBatch)):
            raise InvalidData(f"an Arrow {type(data).__name__} is not a table; give a Table or a RecordBatch")
        return [ArrowPart(name, data.column(i)) for i, name in enumerate(data.schema.names)]

    def form(self, data: Any) -> dict[str, Any]:
        return {"dtype": "RecordBatch"} if isinstance(data, pa.RecordBatch) else {}

    def take(self, data: Any, rows: list[int]) -> Any:
        return data.take(pa.array(rows, pa.int64()))

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        together = zip(nameless(wire), signature.columns, strict=True)
        arrays = [arrow_values(series, column, arrow_type(column.dtype)) for series, column in together]
        made = pa.RecordBatch if signature.dtype == "RecordBatch" else pa.Table
        return made.from_arrays(arrays, names=labels(signature.columns))


CONTAINER = Arrow()

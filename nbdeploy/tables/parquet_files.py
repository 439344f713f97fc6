"""Parquet, in row groups."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from nbdeploy.errors import InvalidData
from nbdeploy.tables.blocks import BlockSink, rows_at_once
from nbdeploy.tables.names import checked_names
from nbdeploy.tables.origins import Origin, for_arrow
from nbdeploy.tables.protocol import Identity, Rows, Span

__all__ = ["ParquetSink", "ParquetSource"]

_BATCH = 65_536


class ParquetSource:
    """See :class:`nbdeploy.tables.Source`."""

    text = False
    separator = None

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.name = origin.name
        self._forward: _Forward | None = None

    def __reduce__(self) -> Any:
        return ParquetSource, (self.origin,)

    def identity(self) -> Identity:
        """See :class:`nbdeploy.tables.Source`."""
        return self.origin.identity()

    def sha256(self) -> str | None:
        """See :class:`nbdeploy.tables.Source`."""
        return self.origin.sha256()

    def rows(self) -> int | None:
        """Rows, as the file's footer says."""
        return int(self._file.metadata.num_rows)

    def columns(self) -> list[str]:
        """Names in the file's schema."""
        return checked_names(list(self._file.schema_arrow.names), self.name)

    def empty(self) -> pl.DataFrame:
        """Return the file's types."""
        with _readable(self.name):
            return pl.DataFrame(self._file.schema_arrow.empty_table())

    def spans(self, size: int) -> Iterator[Span]:
        """Cut the rows by their numbers."""
        total = int(self._file.metadata.num_rows)
        size = min(size, rows_at_once(len(self.columns())))
        for index, first in enumerate(range(0, total, size)):
            stop = min(first + size, total)
            yield Span(index, first, stop - first, None, stop / total)

    def read(self, span: Span, columns: Sequence[str] | None = None, *_: Any, **__: Any) -> Rows:
        """Read rows: on from where the last ones ended in their row group, or from the beginning of another one."""
        first, rows = span.first, span.rows or 0
        wanted = self.columns() if columns is None else list(columns)
        with _readable(self.name):
            if self._forward is None or not self._forward.leads_to(first, wanted):
                self._forward = _Forward(self._file, first, wanted)
            table = self._forward.take(first, rows)
        return Rows(pl.DataFrame(table)[wanted], lambda: range(first, first + rows))

    @cached_property
    def _file(self) -> Any:
        with _readable(self.name):
            return pq.ParquetFile(for_arrow(self.origin), pre_buffer=False, buffer_size=2**20)


class _Forward:
    """Reads rows in order without decoding a row group again for each few of them."""

    def __init__(self, file: Any, first: int, columns: list[str]) -> None:
        meta = file.metadata
        self._columns = columns
        self._starts = [0, *accumulate(meta.row_group(i).num_rows for i in range(meta.num_row_groups))]
        group = self._group(first)
        self._place = self._starts[group]
        self._batches = file.iter_batches(
            min(_BATCH, rows_at_once(len(columns))),
            row_groups=range(group, meta.num_row_groups),
            columns=columns,
            use_threads=True,
        )
        self._rest: Any = None

    def leads_to(self, first: int, columns: list[str]) -> bool:
        """Whether a row is the next one, or further on in its row group: others may read those between."""
        near = self._place == first or (self._place < first and self._group(self._place) == self._group(first))
        return near and self._columns == columns

    def take(self, first: int, rows: int) -> Any:
        taken, missing = [], rows
        skipped, self._place = first - self._place, first + rows
        while missing:
            batch = self._rest if self._rest is not None else next(self._batches)
            start = min(skipped, batch.num_rows)
            skipped -= start
            piece = batch.slice(start, missing)
            end = start + piece.num_rows
            missing -= piece.num_rows
            taken.append(piece)
            self._rest = batch.slice(end) if end < batch.num_rows else None
        return pa.Table.from_batches(taken)

    def _group(self, row: int) -> int:
        return bisect_right(self._starts, row) - 1


class ParquetSink(BlockSink):
    """See :class:`nbdeploy.tables.Sink`. Row groups have a fixed number of rows, so many as fit in little memory."""

    def _opened(self, empty: pl.DataFrame) -> Any:
        # Floats seldom repeat: looking for those that do takes longer than all else.
        repeating = [name for name, kind in empty.schema.items() if not kind.is_numeric()]
        schema = empty.to_arrow().schema
        return pq.ParquetWriter(self._out, schema, compression="snappy", use_dictionary=repeating or False)

    def _append(self, block: pl.DataFrame) -> None:
        self._writer.write_table(block.to_arrow().cast(self._writer.schema), row_group_size=block.height)


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turn the reader's errors into ours."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidData(f"{name} cannot be read as Parquet; is it whole? {reason}", path=name) from error

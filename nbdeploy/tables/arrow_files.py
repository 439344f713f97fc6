"""Arrow IPC files, also known as Feather, and Arrow streams."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import IO, Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from nbdeploy.errors import InvalidData
from nbdeploy.tables.blocks import BlockSink, rows_at_once
from nbdeploy.tables.names import checked_names
from nbdeploy.tables.origins import Origin, seekable
from nbdeploy.tables.protocol import Identity, Rows, Span

__all__ = ["ArrowSink", "ArrowSource"]

_MAGIC = b"ARROW1"


class ArrowSource:
    """See :class:`nbdeploy.tables.Source`. A record batch of the file is held in memory whole."""

    text = False
    separator = None

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.name = origin.name
        self._batch: tuple[int, Any] | None = None

    def __reduce__(self) -> Any:
        return ArrowSource, (self.origin,)

    def identity(self) -> Identity:
        """See :class:`nbdeploy.tables.Source`."""
        return self.origin.identity()

    def sha256(self) -> str | None:
        """See :class:`nbdeploy.tables.Source`."""
        return self.origin.sha256()

    def rows(self) -> int | None:
        """Return nothing: batches say it one by one."""
        return None

    def columns(self) -> list[str]:
        """Names in the file's schema."""
        return checked_names(list(self._schema.names), self.name)

    def empty(self) -> pl.DataFrame:
        """Return the file's types."""
        with _readable(self.name):
            return pl.DataFrame(self._schema.empty_table())

    def spans(self, size: int) -> Iterator[Span]:
        """Cut each record batch."""
        size = min(size, rows_at_once(len(self.columns())))
        index = first = 0
        for number in self._numbers():
            height = self._at(number).num_rows
            for start in range(0, height, size):
                rows = min(size, height - start)
                place = (number, start, self._at(number).slice(start, rows) if self._streamed else None)
                yield Span(index, first, rows, place)
                index, first = index + 1, first + rows

    def read(self, span: Span, columns: Sequence[str] | None = None, *_: Any, **__: Any) -> Rows:
        """Cut the rows out of their batch."""
        number, start, given = span.place
        rows = span.rows or 0
        batch = self._at(number).slice(start, rows) if given is None else given
        with _readable(self.name):
            frame = pl.DataFrame(pa.Table.from_batches([batch]))
        return Rows(frame if columns is None else frame[columns], lambda: range(span.first, span.first + rows))

    def _numbers(self) -> Iterator[int]:
        if not self._streamed:
            yield from range(self._file.num_record_batches)
            return
        with _readable(self.name):
            for number, batch in enumerate(pa.ipc.open_stream(self._opened)):
                self._batch = (number, batch)
                yield number

    def _at(self, number: int) -> Any:
        if self._batch is None or self._batch[0] != number:
            with _readable(self.name):
                self._batch = (number, self._file.get_batch(number))
        return self._batch[1]

    @cached_property
    def _bytes(self) -> IO[bytes]:
        return seekable(self.origin)

    @property
    def _opened(self) -> IO[bytes]:
        self._bytes.seek(0)
        return self._bytes

    @cached_property
    def _streamed(self) -> bool:
        return self._opened.read(len(_MAGIC)) != _MAGIC

    @cached_property
    def _file(self) -> Any:
        with _readable(self.name):
            return pa.ipc.open_file(self._opened)

    @cached_property
    def _schema(self) -> Any:
        with _readable(self.name):
            return pa.ipc.open_stream(self._opened).schema if self._streamed else self._file.schema


class ArrowSink(BlockSink):
    """See :class:`nbdeploy.tables.Sink`. Record batches have a fixed number of rows."""

    def _opened(self, empty: pl.DataFrame) -> Any:
        return pa.ipc.new_file(self._out, empty.to_arrow().schema)

    def _append(self, block: pl.DataFrame) -> None:
        table = block.to_arrow().cast(self._writer_schema(block)).combine_chunks()
        # What stands in memory under a missing value is anything; taking the rows writes it anew.
        self._writer.write_table(table.take(pc.cumulative_sum(pa.repeat(1, len(table)), start=-1)))

    def _writer_schema(self, block: pl.DataFrame) -> Any:
        return block.clear().to_arrow().schema


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turn the reader's errors into ours."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidData(f"{name} cannot be read as Arrow IPC; is it whole? {reason}", path=name) from error

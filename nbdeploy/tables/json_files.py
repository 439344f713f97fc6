"""JSON lines. Types are those that the values of a column have in common, in the whole file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO, Any

import polars as pl

from nbdeploy.codecs.strict_json import plain
from nbdeploy.errors import InvalidData
from nbdeploy.tables.line_files import LineFile, Piece
from nbdeploy.tables.protocol import BadLine, Rows, Span
from nbdeploy.tables.records import Cut, Window, cuts

__all__ = ["JsonSink", "JsonSource"]

_FIRST = 4 * 2**20  # bytes of what can be read only once that tell the types
_ROWS = 20_000
_SHOWN = 2000


class JsonSource(LineFile):
    """See :class:`nbdeploy.tables.Source`.

    A column of whole numbers and others is one of floats; of anything else that differs, one of text. Of what
    can be read only once, the first 4 MB tell the types; a later line that does not fit is malformed.
    """

    text = False

    def rows(self) -> int | None:
        """Return nothing."""
        return None

    def columns(self) -> list[str]:
        """Keys, in the order in which they are met."""
        return list(self._schema)

    def empty(self) -> pl.DataFrame:
        """Return the types of the file."""
        return pl.DataFrame(schema=self._schema)

    def begin(self, window: Window, start: int) -> tuple[dict[str, Any], int, int]:
        """Find the types."""
        schema = dict[str, Any]()
        whole: Window = window
        if not self.origin.once:
            whole = window if self.origin.ranged else self._opened(0)
        for cut in cuts(whole, start, _ROWS, None, 1):
            for name, kind in _schema_of(whole.look(cut.start, cut.stop - cut.start).tobytes()).items():
                schema[name] = _common(schema[name], kind) if name in schema else kind
            if self.origin.once and cut.stop > _FIRST:
                break
        if not schema:
            raise InvalidData(f"{self.name} is empty: it has no line with a JSON object", path=self.name)
        # Columns of nothing but null could be anything, and text can be anything too.
        return {name: pl.String if kind == pl.Null else kind for name, kind in schema.items()}, start, 1

    def read(self, span: Span, columns: Sequence[str] | None = None, *_: Any, **__: Any) -> Rows:
        """Read a range of bytes."""
        piece: Piece = span.place
        content = self.content(piece)
        wanted = self.columns() if columns is None else list(columns)
        try:
            frame = self._parsed(content, wanted)
            return Rows(frame, lambda: self._lines(self.content(piece), piece.cut)[1], "line")
        except pl.exceptions.PolarsError:
            good, numbers, bad = self._lines(content, piece.cut)
            return Rows(self._parsed(b"\n".join(good), wanted), lambda: numbers, "line", tuple(bad))

    def _parsed(self, content: bytes, wanted: list[str]) -> pl.DataFrame:
        return pl.read_ndjson(content, schema=self._schema)[wanted] if content else self.empty()[wanted]

    def _lines(self, content: bytes, cut: Cut) -> tuple[list[bytes], list[int], list[BadLine]]:
        """The lines that are rows, the number of each, and the others."""
        good, numbers, bad = list[bytes](), list[int](), list[BadLine]()
        for number, line in enumerate(content.split(b"\n"), cut.line):
            if not line.strip():
                continue
            fault = self._fault(line)
            if fault is None:
                good.append(line)
                numbers.append(number)
            else:
                bad.append(BadLine(number, *fault, line.decode(errors="replace").rstrip("\r")[:_SHOWN]))
        return good, numbers, bad

    def _fault(self, line: bytes) -> tuple[str, str] | None:
        """The column in which a line fails, and why."""
        try:
            pl.read_ndjson(line, schema=self._schema)
        except pl.exceptions.PolarsError:
            try:
                record = json.loads(line)
            except ValueError as error:
                return "", f"no JSON: {error}"
            if not isinstance(record, dict):
                return "", "no JSON object"
            for name in {*record} & {*self._schema}:
                try:
                    pl.read_ndjson(json.dumps({name: record[name]}).encode(), schema={name: self._schema[name]})
                except pl.exceptions.PolarsError:
                    kind = self._schema[name]
                    return name, f"{record[name]!r:.120} is no {kind}, of which the column is in what was read first"
            return "", "no JSON"
        return None

    @property
    def _schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = self.began()[0]
        return schema


class JsonSink:
    """See :class:`nbdeploy.tables.Sink`. JSON has no NaN and no infinities: they become ``null``."""

    spreadsheet = False
    separator = None

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        if frame.height:
            plain(frame).write_ndjson(self._file)

    def close(self) -> None:
        """Do nothing: all is written."""


def _schema_of(content: bytes) -> dict[str, Any]:
    try:
        return dict(pl.read_ndjson(content, infer_schema_length=None).schema)
    except pl.exceptions.PolarsError:
        lines = [line for line in content.split(b"\n") if line.strip()]
        if len(lines) < 2:
            return {}
        found = dict[str, Any]()
        for half in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
            for name, kind in _schema_of(b"\n".join(half)).items():
                found[name] = _common(found[name], kind) if name in found else kind
        return found


def _common(one: Any, other: Any) -> Any:
    """The type that holds the values of both."""
    if one == other or other == pl.Null:
        return one
    if one == pl.Null:
        return other
    if one.is_numeric() and other.is_numeric():
        return pl.Float64 if one.is_float() or other.is_float() else pl.Int128
    if isinstance(one, pl.List) and isinstance(other, pl.List):
        return pl.List(_common(one.inner, other.inner))
    if isinstance(one, pl.Struct) and isinstance(other, pl.Struct):
        fields = {field.name: field.dtype for field in one.fields}
        for field in other.fields:
            fields[field.name] = _common(fields[field.name], field.dtype) if field.name in fields else field.dtype
        return pl.Struct(fields)
    return pl.String

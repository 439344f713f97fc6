"""Tables in bodies, by media type."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
from starlette.exceptions import HTTPException

from nbdeploy.codecs import Text, number_types
from nbdeploy.codecs.csv_values import csv_plain
from nbdeploy.codecs.json_rows import of_records
from nbdeploy.codecs.strict_json import decode, encode, records
from nbdeploy.errors import InvalidData
from nbdeploy.tables.csv_files import CsvSource
from nbdeploy.tables.origins import Content
from nbdeploy.types import Signature

__all__ = ["FORMATS", "Format", "format_accepted", "format_sent"]


@dataclass(frozen=True)
class Format:
    """One way to write a table.

    Attributes
    ----------
    media_type : str
        Its name in ``Content-Type`` and ``Accept``.
    read : callable
        Makes rows of a body, knowing the signature.
    write : callable
        Makes a body of rows.
    """

    media_type: str
    read: Callable[[bytes, Signature], Any]
    write: Callable[[pl.DataFrame], bytes]


def format_sent(content_type: str | None) -> Format:
    """Return the format of a request's body; JSON if it does not say.

    Raises
    ------
    HTTPException
        415 if it is none of ours.
    """
    media_type = (content_type or _JSON).partition(";")[0].strip().lower()
    if media_type not in FORMATS:
        raise HTTPException(415, f"Content-Type {media_type!r} is not understood; there are: {', '.join(FORMATS)}")
    return FORMATS[media_type]


def format_accepted(accept: str | None) -> Format:
    """Return the format to answer in: the first acceptable one; JSON if anything is.

    Raises
    ------
    HTTPException
        406 if none of ours is acceptable.
    """
    ranges = [part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")]
    for media_type in ranges:
        if media_type in FORMATS:
            return FORMATS[media_type]
        if media_type in {"*/*", "application/*"}:
            return FORMATS[_JSON]
        if media_type == "text/*":
            return FORMATS[_CSV]
    raise HTTPException(406, f"Accept {accept!r} cannot be met; there are: {', '.join(FORMATS)}")


def _read_json(body: bytes, signature: Signature) -> Any:
    return of_records(decode(body, _Records), signature)


def _write_json(frame: pl.DataFrame) -> bytes:
    return encode(records(frame))


def _read_csv(body: bytes, signature: Signature) -> Text:
    """Read as a CSV file is, so that both are understood alike; a row is named by its line."""
    source, types = CsvSource(Content(body, "the CSV")), number_types(signature)
    found = [source.read(span, types=types) for span in source.spans(len(body) + 1)]
    for rows in found:
        if rows.bad:
            raise InvalidData(f"line {rows.bad[0].number}: {rows.bad[0].reason}", line=rows.bad[0].number)
    if len(found) == 1:
        return Text(found[0].frame, found[0].where)
    frame = pl.concat([source.empty(), *(rows.frame.cast(pl.String) for rows in found)])
    return Text(frame, lambda row: f"line {[number for rows in found for number in rows.numbers][row]}")


def _write_csv(frame: pl.DataFrame) -> bytes:
    return csv_plain(frame).write_csv().encode()


def _read_arrow(body: bytes, _: Signature) -> pl.DataFrame:
    reader = pl.read_ipc if body.startswith(b"ARROW1") else pl.read_ipc_stream
    return _refusing("Arrow IPC", lambda: reader(io.BytesIO(body)))


def _write_arrow(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()


def _read_parquet(body: bytes, _: Signature) -> pl.DataFrame:
    return _refusing("Parquet", lambda: pl.read_parquet(io.BytesIO(body)))


def _write_parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _refusing(name: str, read: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Bytes from outside can be anything; Polars panics at some of them, which is no ordinary exception."""
    try:
        return read()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidData(f"the body cannot be read as {name}: {reason[:300]}") from error


_Records: Any = list[dict[str, Any]] | dict[str, Any]
_JSON = "application/json"
_CSV = "text/csv"

FORMATS = {
    made.media_type: made
    for made in (
        Format(_JSON, _read_json, _write_json),
        Format(_CSV, _read_csv, _write_csv),
        Format("application/vnd.apache.arrow.stream", _read_arrow, _write_arrow),
        Format("application/vnd.apache.parquet", _read_parquet, _write_parquet),
    )
}
"""Every format, by media type."""

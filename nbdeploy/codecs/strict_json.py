"""JSON as the standard has it: no NaN, no Infinity, and messages that say where and why not."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
import polars as pl

from nbdeploy.errors import InvalidData

__all__ = ["decode", "encode", "plain", "plain_series"]

T = TypeVar("T")
_LITERAL = re.compile(rb"-?(nan|inf(inity)?)", re.IGNORECASE)
_POSITION = re.compile(r"\(byte (\d+)\)")


def decode(body: bytes, kind: type[T]) -> T:
    """Read JSON of a given shape.

    Parameters
    ----------
    body : bytes
        UTF-8 text.
    kind : type
        The shape: any type that msgspec knows.

    Raises
    ------
    InvalidData
        If it is not JSON, has another shape, or holds NaN or Infinity.

    Examples
    --------
    >>> decode(b'[1, null]', list)
    [1, None]
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidData(f"the JSON has not the shape expected here: {error}") from error
    except msgspec.DecodeError as error:
        raise InvalidData(_explain(body, str(error))) from error
    except UnicodeDecodeError as error:
        raise InvalidData("the body is not JSON: it is not UTF-8 text") from error
    except RecursionError as error:
        raise InvalidData("the JSON is nested too deeply") from error


def encode(document: Any) -> bytes:
    """Write JSON; numbers that JSON does not have (NaN, infinities) become ``null``.

    Examples
    --------
    >>> encode([1.5, float("nan")])
    b'[1.5,null]'
    """
    return msgspec.json.encode(document)


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table whose values JSON can hold: times as ISO 8601 text, bytes as base64, decimals as text.

    Examples
    --------
    >>> from datetime import date
    >>> plain(pl.DataFrame({"day": [date(2026, 1, 31)]})).to_dicts()
    [{'day': '2026-01-31'}]
    """
    special = [plain_series(series) for series in frame.get_columns() if series.dtype.base_type() in _SPECIAL]
    return frame.with_columns(special)


def plain_series(series: pl.Series) -> pl.Series:
    """Return values that JSON can hold. See :func:`plain`."""
    kind = series.dtype
    if isinstance(kind, pl.Datetime):
        return series.dt.to_string("%Y-%m-%dT%H:%M:%S%.f%:z" if kind.time_zone else "%Y-%m-%dT%H:%M:%S%.f")
    if isinstance(kind, pl.Duration):
        return series.dt.to_string("iso")
    if kind == pl.Time:
        return series.dt.to_string("%H:%M:%S%.f")
    if kind == pl.Binary:
        return series.bin.encode("base64")
    return series.cast(pl.String) if kind.base_type() in _SPECIAL else series


def _explain(body: bytes, message: str) -> str:
    found = _POSITION.search(message)
    if found:
        at = int(found[1])
        for start in (at, at - 1):
            literal = _LITERAL.match(body, max(start, 0))
            if literal:
                return (
                    f"the body is not JSON: {literal[0].decode()} at byte {start} is not a JSON value; "
                    "send null for a missing value"
                )
    return f"the body is not JSON: {'it is empty' if not body.strip() else message.removeprefix('JSON is malformed: ')}"


_SPECIAL = {pl.Binary, pl.Categorical, pl.Date, pl.Datetime, pl.Decimal, pl.Duration, pl.Enum, pl.Time}

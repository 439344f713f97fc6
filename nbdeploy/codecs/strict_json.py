"""JSON as the standard has it: no NaN, no Infinity, and messages that say where and why not.

NaN is a missing value, and ``null``. Infinities in tables are the text ``"Infinity"`` and ``"-Infinity"``, as in
Protocol Buffers' JSON [1]_: ``null`` would make another value of them in silence.

References
----------
.. [1] https://protobuf.dev/programming-guides/json/
"""

from __future__ import annotations

import json
import re
from math import isinf
from typing import Any, TypeVar

import msgspec
import polars as pl

from nbdeploy.errors import InvalidData

__all__ = ["INFINITE", "decode", "encode", "listed", "plain", "plain_series", "records"]

T = TypeVar("T")
_LITERAL = re.compile(rb"-?(nan|inf(inity)?)", re.IGNORECASE)
_POSITION = re.compile(r"\(byte (\d+)\)")
INFINITE = {"Infinity": float("inf"), "-Infinity": float("-inf"), "NaN": float("nan")}
"""How JSON's text names the floats that its numbers lack."""


def decode(body: bytes, kind: type[T], *, literals: bool = False) -> T:
    """Read JSON of a given shape.

    Parameters
    ----------
    body : bytes
        UTF-8 text.
    kind : type
        The shape: any type that msgspec knows.
    literals : bool
        Whether to take ``NaN`` and ``Infinity``, which are no JSON, but what Python's own writer makes, and with it
        several clients of other servers.

    Raises
    ------
    InvalidData
        If it is not JSON, has another shape, or holds NaN or Infinity where `literals` are not taken.

    Examples
    --------
    >>> decode(b'[1, null]', list)
    [1, None]
    """
    try:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError as error:
            if not literals or _literal(body, str(error)) is None:
                raise
            return msgspec.convert(json.loads(body), kind)
    except msgspec.ValidationError as error:
        raise InvalidData(f"the JSON has not the shape expected here: {error}") from error
    except msgspec.DecodeError as error:
        raise InvalidData(_explain(body, str(error))) from error
    except json.JSONDecodeError as error:
        raise InvalidData(f"the body is not JSON: {error}") from error
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


def listed(series: pl.Series) -> list[Any]:
    """Return the values of a series as JSON holds them.

    Examples
    --------
    >>> listed(pl.Series([1.5, None, float("-inf")]))
    [1.5, None, '-Infinity']
    """
    values = plain_series(series).to_list()
    return [_named(value) for value in values] if _is_infinite(series) else values


def records(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON holds them.

    Examples
    --------
    >>> records(pl.DataFrame({"a": [1, 2], "b": [0.5, float("inf")]}))
    [{'a': 1, 'b': 0.5}, {'a': 2, 'b': 'Infinity'}]
    """
    if not any(_is_infinite(series) for series in frame.get_columns()):
        return plain(frame).to_dicts()
    values = zip(*[listed(series) for series in frame.get_columns()], strict=True)
    return [dict(zip(frame.columns, row, strict=True)) for row in values]


def _is_infinite(series: pl.Series) -> bool:
    """Whether there is an infinity in a series of floats, or in its lists."""
    while isinstance(series.dtype, (pl.List, pl.Array)):
        series = series.explode(empty_as_null=False, keep_nulls=False)
    return series.dtype.is_float() and bool(series.is_infinite().any())


def _named(value: Any) -> Any:
    if isinstance(value, list):
        return [_named(item) for item in value]
    return ("Infinity" if value > 0 else "-Infinity") if isinstance(value, float) and isinf(value) else value


def _literal(body: bytes, message: str) -> tuple[str, int] | None:
    """The literal at which reading ended, which is no JSON, and where it is."""
    found = _POSITION.search(message)
    for start in (int(found[1]), int(found[1]) - 1) if found else ():
        literal = _LITERAL.match(body, max(start, 0))
        if literal:
            return literal[0].decode(), start
    return None


def _explain(body: bytes, message: str) -> str:
    literal = _literal(body, message)
    if literal is not None:
        name, start = literal
        return f"the body is not JSON: {name} at byte {start} is not a JSON value; send null for a missing value" + (
            f', or the text "{"-" * name.startswith("-")}Infinity"' if "inf" in name.lower() else ""
        )
    return f"the body is not JSON: {'it is empty' if not body.strip() else message.removeprefix('JSON is malformed: ')}"


_SPECIAL = {pl.Binary, pl.Categorical, pl.Date, pl.Datetime, pl.Decimal, pl.Duration, pl.Enum, pl.Time}

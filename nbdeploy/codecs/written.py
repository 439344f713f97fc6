"""Values that stand in a file or a request as text: times, durations, decimals, bytes and lists."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
import polars as pl

from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.signatures import PER_SECOND
from nbdeploy.types import Column

__all__ = ["read_text"]

_DATE = r"(\d{4}-\d{2}-\d{2})"
_CLOCK = r"(\d{2}:\d{2})(?::?(:\d{2}))?(?:\.(\d{1,9})0*)?"
_STAMP = rf"^{_DATE}(?:[T ]{_CLOCK})?\s?(Z|[+-]\d{{2}}:?\d{{2}})?$"
_TIME = rf"^{_CLOCK}$"
_CLOCKED = r"(?:(?P<hours>\d+):(?P<minutes>\d{2}):(?P<seconds>\d{2}(?:\.\d{1,9})?))"
_DURATION = re.compile(rf"(?P<sign>-)?(?:(?P<days>\d+) days?,?)?(?:\s*(?P<clock>[+-])?{_CLOCKED})?", re.ASCII)
_ISO_DURATION = re.compile(
    r"(?P<sign>-)?P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d{1,9})?)S)?)?",
    re.ASCII,
)
_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_NANOS = 1_000_000_000


def read_text(text: pl.Series, column: Column) -> pl.Series:
    """Read text as the type of a column that JSON has no other form for; null where it is not such text.

    Datetimes are ISO 8601 with ``T`` or a space, dates ``YYYY-MM-DD``, times of day ``HH:MM[:SS[.f]]``,
    durations ISO 8601 (``P1DT2H``) or as pandas and Python write them (``1 days 02:00:00``), decimals
    digits with a point, bytes base64, lists JSON. Nothing is rounded: a nanosecond that the column cannot
    hold makes it no such text.
    """
    read = _READERS.get(column.type)
    if read is None:
        return pl.Series([None], dtype=wire_dtype(column)).new_from_index(0, len(text))
    return read(text, column).alias("")


def _datetimes(text: pl.Series, column: Column) -> pl.Series:
    target = wire_dtype(column)
    aware = target.time_zone is not None
    parts = text.str.extract_groups(_STAMP).struct.rename_fields(["day", "minute", "second", "fraction", "zone"])
    clock = pl.col("minute").fill_null("00:00") + pl.col("second").fill_null(":00")
    zone = pl.col("zone").str.replace("Z", "+0000").str.replace(":", "")
    stamp = pl.col("day") + "T" + clock + (zone if aware else pl.when(pl.col("zone").is_null()).then(pl.lit("")))
    whole = stamp.str.to_datetime("%Y-%m-%dT%H:%M:%S" + ("%z" if aware else ""), time_unit="us", strict=False)
    seconds = whole.cast(pl.Int64) // 1_000_000
    per_second = PER_SECOND[target.time_unit]
    nanos = pl.col("fraction").fill_null("0").str.pad_end(9, "0").cast(pl.Int64)
    # 64 bits of nanoseconds end in 2262, and overflow in silence.
    held = (nanos % (_NANOS // per_second) == 0) & (seconds.abs() < 2**63 // per_second)
    ticks = pl.when(held).then(seconds * per_second + nanos // (_NANOS // per_second))
    times = ticks.cast(pl.Datetime(target.time_unit))
    if aware:
        times = times.dt.replace_time_zone("UTC").dt.convert_time_zone(target.time_zone)
    return parts.struct.unnest().select(times).to_series()


def _dates(text: pl.Series, _: Column) -> pl.Series:
    """Dates, and datetimes at midnight, as pandas writes them."""
    return text.str.replace(r"[T ]00:00(:00(\.0+)?)?$", "").str.to_date("%Y-%m-%d", strict=False)


def _times(text: pl.Series, _: Column) -> pl.Series:
    parts = text.str.extract_groups(_TIME).struct.rename_fields(["minute", "second", "fraction"]).struct.unnest()
    whole = (pl.col("minute") + pl.col("second").fill_null(":00")).str.to_time("%H:%M:%S", strict=False)
    nanos = pl.col("fraction").fill_null("0").str.pad_end(9, "0").cast(pl.Int64)
    return parts.select((whole.cast(pl.Int64) + nanos).cast(pl.Time)).to_series()


def _one_by_one(read: Callable[[str, Column], Any]) -> Callable[[pl.Series, Column], pl.Series]:
    def readers(text: pl.Series, column: Column) -> pl.Series:
        values = [None if value is None else read(value, column) for value in text.to_list()]
        return pl.Series(column.name, values, dtype=wire_dtype(column), strict=True)

    return readers


def _durations(text: pl.Series, column: Column) -> pl.Series:
    target = wire_dtype(column)
    ticks = [None if value is None else _duration(value.strip(), target.time_unit) for value in text.to_list()]
    return pl.Series(column.name, ticks, dtype=pl.Int64).cast(target)


def _duration(text: str, unit: str) -> int | None:
    found = _ISO_DURATION.fullmatch(text) or _DURATION.fullmatch(text)
    if found is None or not any(found[name] for name in found.groupdict() if name not in {"sign", "clock"}):
        return None
    groups = found.groupdict()
    amounts = {name: Decimal(groups[name]) * seconds for name, seconds in _SECONDS.items() if groups.get(name)}
    days = amounts.pop("days", Decimal(0)) * (-1 if groups["sign"] else 1)
    rest = sum(amounts.values(), Decimal(0))
    # pandas writes "-1 days +23:59:59", Python "-1 day, 23:59:59": the minus is of the days alone.
    of_days = "clock" in groups and groups["days"]
    backward = groups["clock"] == "-" if of_days else bool(groups["sign"])
    ticks = (days + (-rest if backward else rest)) * PER_SECOND[unit]
    return int(ticks) if ticks == int(ticks) and -(2**63) < ticks < 2**63 else None


def _decimal(text: str, column: Column) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    if not number.is_finite() or number.adjusted() >= (column.precision or 0) - (column.scale or 0):
        return None
    shift = number.scaleb(column.scale or 0)
    return number if shift == shift.to_integral_value() else None


def _bytes(text: str, _: Column) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


_READERS: dict[str, Callable[[pl.Series, Column], pl.Series]] = {
    "binary": _one_by_one(_bytes),
    "date": _dates,
    "datetime": _datetimes,
    "decimal": _one_by_one(_decimal),
    "duration": _durations,
    "time": _times,
}


def read_lists(text: pl.Series) -> list[Any]:
    """Read JSON lists; text that is none stays text."""
    return [_list(value) for value in text.to_list()]


def _list(text: str | None) -> Any:
    try:
        found = None if text is None else msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return found if isinstance(found, list) or text is None else text

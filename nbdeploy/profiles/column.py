"""What the values of one column are like."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import polars as pl

from nbdeploy.profiles.frequencies import Frequencies
from nbdeploy.profiles.numbers import LARGEST, Numbers
from nbdeploy.signatures import PER_SECOND

__all__ = ["ColumnProfile", "measured"]

Kind = Literal["category", "datetime", "duration", "list", "number", "unknown"]
Count = Annotated[int, msgspec.Meta(ge=0)]

_FEW = 32
_DAY = 86_400.0


class ColumnProfile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the values of one column are like.

    Attributes
    ----------
    kind : str
        ``number``; ``datetime`` (seconds since 1970, UTC); ``duration`` (seconds); ``list`` (numbers are the
        lengths); ``category`` (text, booleans as ``true`` and ``false``; numbers are the lengths of texts);
        or ``unknown``, of which only missing values are counted.
    rows, missing, infinite : int
        Rows; those without a value (NaN too); and those with an infinite one.
    numbers : Numbers or None
        The distribution of finite numbers or lengths, if there are enough of them.
    values : Frequencies or None
        How often each value occurs: of a category, and of numbers that take few distinct values.
    """

    kind: Kind
    rows: Count
    missing: Count = 0
    infinite: Count = 0
    numbers: Numbers | None = None
    values: Frequencies | None = None

    def __post_init__(self) -> None:
        if self.missing + self.infinite > self.rows:
            raise ValueError(f"{self.missing} missing and {self.infinite} infinite of {self.rows} rows are too many")

    @classmethod
    def of(cls, series: pl.Series, anonymity: int) -> ColumnProfile:
        """Profile a column; nothing that fewer than `anonymity` rows share is kept."""
        kind, found = measured(series)
        present = found.drop_nulls()
        rows, missing = len(series), found.null_count()
        if kind == "category":
            texts = Frequencies.of(present, anonymity)
            return cls(kind, rows, missing, numbers=_numbers(present.str.len_chars(), anonymity), values=texts)
        if kind == "unknown":
            return cls(kind, rows, missing)
        finite = present.filter(present.abs() < LARGEST)
        values = Frequencies.of(_texts(finite), anonymity) if finite.n_unique() <= _FEW else None
        return cls(kind, rows, missing, len(present) - len(finite), _numbers(finite, anonymity), values)

    def merge(self, other: ColumnProfile) -> ColumnProfile:
        """Profile both together.

        Raises
        ------
        ValueError
            If they are of different kinds.
        """
        if self.kind != other.kind:
            raise ValueError(f"a {self.kind} and a {other.kind} have no profile in common")
        digests = [part.numbers for part in (self, other) if part.numbers is not None]
        values = self.values.merge(other.values) if self.values is not None and other.values is not None else None
        if values is not None and self.kind != "category" and len(values.counts) > _FEW:
            values = None
        return ColumnProfile(
            self.kind,
            self.rows + other.rows,
            self.missing + other.missing,
            self.infinite + other.infinite,
            digests[0].merge(digests[1]) if len(digests) == 2 else next(iter(digests), None),
            values,
        )

    @property
    def missing_rate(self) -> float:
        """Share of rows without a value."""
        return self.missing / self.rows if self.rows else 0.0


def _numbers(values: pl.Series, anonymity: int) -> Numbers | None:
    return Numbers.of(values.cast(pl.Float64).to_numpy(), anonymity)


def _texts(numbers: pl.Series) -> pl.Series:
    """Write numbers, few different ones, as JSON does; 3.0 as 3."""
    numbers = numbers + 0.0  # -0.0 is 0
    few = numbers.unique()
    if not len(few):
        return numbers.cast(pl.String)
    return numbers.replace_strict(few, [repr(v).removesuffix(".0") for v in few.to_list()], return_dtype=pl.String)


def measured(series: pl.Series) -> tuple[Kind, pl.Series]:
    """Return the kind of a column, and what is counted or measured of it; missing is null."""
    dtype: Any = series.dtype
    if dtype == pl.Boolean:
        return "category", series.replace_strict({True: "true", False: "false"}, default=None, return_dtype=pl.String)
    if isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)):
        return "category", series.cast(pl.String)
    if dtype.is_numeric():
        return "number", series.cast(pl.Float64).fill_nan(None)
    if isinstance(dtype, (pl.Datetime, pl.Duration)):
        kind: Kind = "datetime" if isinstance(dtype, pl.Datetime) else "duration"
        return kind, series.to_physical().cast(pl.Float64) / PER_SECOND[dtype.time_unit]
    if isinstance(dtype, pl.Date):
        return "datetime", series.to_physical().cast(pl.Float64) * _DAY
    if isinstance(dtype, pl.List):
        return "list", series.list.len().cast(pl.Float64)
    if isinstance(dtype, pl.Array):
        return "list", series.arr.len().cast(pl.Float64)
    return "unknown", series

"""How the values of a column differ from those of a profile: missing, never seen, or distributed otherwise.

A difference is told of when it is both large enough to matter and too large for chance. For shares, chance is judged
by the two-proportion z-test; for distributions, by the population stability index (PSI), the sum of
``(p - q) ln(p / q)`` over bins. Without a shift, PSI is about ``(1/n + 1/m)`` times a chi-squared number with one
degree of freedom less than there are bins (B. Yurdakul, "Statistical properties of population stability index", 2018);
above 0.25 a distribution is by custom called another one (N. Siddiqi, "Credit risk scorecards", 2006).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.profiles import ANONYMITY, ColumnProfile, Numbers, Profile
from nbdeploy.serving.diagnosis.conditions import column_name, one_of

__all__ = ["Shift", "shifts"]

MISSING = 0.02
"""Least difference in the share of missing values that matters."""

UNSEEN = 0.01
"""Least share of values that were never seen that matters."""

PSI = 0.25
"""Least population stability index that matters."""

_SIGMAS = 4.0
_CHANCE = 1e-4
_BINS = 10
_FEWEST = 10
_TEXT_OF_ONES_OWN = 0.5
_SPARE = 0.01
"""How far beyond what is kept of training values may be, in parts of that: its ends are means of neighbours."""

_ABOUT = 0.08
"""How near a ratio is to a power of ten, in powers of ten, to be called one."""


@dataclass(frozen=True)
class Shift:
    """One way in which a column's values are not as they were.

    Attributes
    ----------
    column, kind : str
        Which column, and how: ``missing``, ``unseen`` or ``values``.
    now, before : float
        The share of missing or unseen values; of other ones the median, or the share of the value that changed most.
    told : str
        The difference in words, with what it was before in brackets.
    condition : str
        What is true of the rows in which it shows, as ``requests --where`` takes it.
    strength : float
        The larger, the sooner it should be looked at.
    hits : polars.Series of bool, n rows
        The rows in which it shows.
    """

    column: str
    kind: str
    now: float
    before: float
    told: str
    condition: str
    strength: float
    hits: pl.Series = field(repr=False, compare=False)


def shifts(frame: pl.DataFrame, before: Profile, label: str = "training") -> list[Shift]:
    """Compare the columns of a table with a profile, the strongest difference first.

    Parameters
    ----------
    frame : polars.DataFrame, n rows
        The rows of now; missing values are null or NaN.
    before : Profile
        What they are compared with. Columns that it has not are left out.
    label : str
        What to call that.

    Examples
    --------
    >>> from nbdeploy.profiles import profile_of
    >>> before = profile_of(pl.DataFrame({"age": list(range(20, 70)) * 4}))
    >>> [shift.told for shift in shifts(pl.DataFrame({"age": [30, None] * 50}), before)][0]
    'missing 50 % (training 0 %)'
    """
    if frame.height < _FEWEST:
        return []
    found = [
        shift
        for series in frame.get_columns()
        if series.name in before.columns
        for shift in _compared(series, before.columns[series.name], label)
    ]
    return sorted(found, key=lambda shift: -shift.strength)


def _compared(series: pl.Series, before: ColumnProfile, label: str) -> Iterator[Shift]:
    now = ColumnProfile.of(series, 1)
    if not before.rows or (now.kind != before.kind and "unknown" not in (now.kind, before.kind)):
        return
    absent = series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()
    missing = _missing(series, absent, before, label)
    if missing is not None:
        yield missing
    present = series.filter(~absent)
    if len(present) < _FEWEST:
        return
    # Of numbers that took few values a profile keeps each one, and of others means of neighbours only.
    if before.kind == "category" or (before.kind == "number" and before.values is not None):
        yield from _categories(series, absent, before, label)
    elif before.kind in {"number", "duration", "list"} and before.numbers is not None:
        yield from _numbers(series, absent, before.numbers, before.rows - before.missing, label)


def _missing(series: pl.Series, absent: pl.Series, before: ColumnProfile, label: str) -> Shift | None:
    now, then = _share(absent), before.missing_rate
    if abs(now - then) < MISSING or _sigmas(now, len(series), then, before.rows) < _SIGMAS:
        return None
    more = now > then
    told = f"missing {percent(now)} ({label} {percent(then)})"
    condition = f"{column_name(series.name)} is {'' if more else 'not '}null"
    return Shift(series.name, "missing", now, then, told, condition, abs(now - then), absent if more else ~absent)


def _categories(series: pl.Series, absent: pl.Series, before: ColumnProfile, label: str) -> Iterator[Shift]:
    known = before.values
    if known is None or not known.total or known.other > _TEXT_OF_ONES_OWN * known.total:
        return
    texts = _texts(series)
    present = texts.filter(~absent)
    strange = ~texts.is_in([*known.counts]) & ~absent
    now, then = _share(strange.filter(~absent)), known.other / known.total
    if now - then >= UNSEEN and _sigmas(now, len(present), then, known.total) >= _SIGMAS:
        most = texts.filter(strange).value_counts(sort=True, name="count")[:, 0].to_list()[:3]
        shown = ", ".join(repr(value) for value in most[:2])
        told = f"{percent(now)} values that {label} did not have: {shown} ({label} {percent(then)})"
        yield Shift(series.name, "unseen", now, then, told, one_of(series, most), now - then, strange)
    counts = dict(present.value_counts(name="count").rows())
    names = [*known.counts]
    ours = [counts.get(name, 0) for name in names]
    theirs = [known.counts[name] for name in names]
    if sum(ours) < _FEWEST or not _is_other(ours, theirs):
        return
    shares = {n: (a / sum(ours), b / sum(theirs)) for n, a, b in zip(names, ours, theirs, strict=True)}
    name = max(shares, key=lambda one: shares[one][0] - shares[one][1])
    now, then = shares[name]
    told = f"{name!r} {percent(now)} ({label} {percent(then)})"
    hits = (texts == name).fill_null(False)
    yield Shift(series.name, "values", now, then, told, one_of(series, [name]), _strength(_psi(ours, theirs)), hits)


def _numbers(series: pl.Series, absent: pl.Series, before: Numbers, rows: int, label: str) -> Iterator[Shift]:
    values = _floats(series)
    array = values.filter(~absent).to_numpy()
    array = array[np.isfinite(array)]
    if len(array) < _FEWEST:
        return
    low, first, middle, third, high = (before.quantile(rank) for rank in (0.0, 0.25, 0.5, 0.75, 1.0))
    cuts = before.cuts(_BINS)
    ours = np.histogram(array, [-np.inf, *cuts, np.inf])[0].tolist()
    theirs = [share * rows for share in before.shares(cuts)]
    spare = _SPARE * (high - low)
    low, high = low - spare, high + spare
    beyond = (values < low) | (values > high)
    outside = _share(beyond.fill_null(False).filter(~absent))
    usual = min(1.0, 2 * ANONYMITY / rows)  # what is kept ends at the means of so many rows
    is_beyond = outside - usual >= UNSEEN and _sigmas(outside, len(array), usual, rows) >= _SIGMAS
    if not is_beyond and not _is_other(ours, theirs):
        return
    now = float(np.median(array))
    quarters = np.quantile(array, [0.25, 0.75])
    told = (
        f"median {now:.4g}, middle half {quarters[0]:.4g} to {quarters[1]:.4g} "
        f"({label} {middle:.4g}, {first:.4g} to {third:.4g})"
    )
    told += f", {percent(outside)} beyond {label}'s {low:.4g} to {high:.4g}" if is_beyond else ""
    told += _unit(now, middle)
    up = bool((array > high).sum() >= (array < low).sum()) if is_beyond else now > middle
    edge = (high if up else low) if is_beyond else before.quantile(0.9 if up else 0.1)
    hits = ((values > edge) if up else (values < edge)).fill_null(False)
    condition = f"{column_name(series.name)} {'>' if up else '<'} {edge!r}"
    yield Shift(series.name, "values", now, middle, told, condition, max(outside, _strength(_psi(ours, theirs))), hits)


def _unit(now: float, before: float) -> str:
    """A guess where numbers are a round multiple of what they were."""
    if not (now and before) or now * before < 0:
        return ""
    power = math.log10(now / before)
    if abs(power) < 0.9 or abs(power - round(power)) > _ABOUT:
        return ""
    factor = 10 ** abs(round(power))
    return f"; about {factor:,} times as {'large' if power > 0 else 'small'}: another unit?"


def _is_other(ours: list[Any], theirs: list[Any]) -> bool:
    """Whether two histograms differ by more than matters, and by more than chance."""
    from scipy.stats import chi2

    if len(ours) < 2:
        return False
    chance = float(chi2.isf(_CHANCE, len(ours) - 1)) * (1 / max(1, sum(ours)) + 1 / max(1.0, sum(theirs)))
    return bool(_psi(ours, theirs) > max(PSI, chance))


def _psi(ours: list[Any], theirs: list[Any]) -> float:
    """The population stability index; half a row more in each bin keeps it finite."""
    p = (np.array(ours, dtype=float) + 0.5) / (sum(ours) + 0.5 * len(ours))
    q = (np.array(theirs, dtype=float) + 0.5) / (sum(theirs) + 0.5 * len(theirs))
    return float(((p - q) * np.log(p / q)).sum())


def _strength(psi: float) -> float:
    """On one scale with shares: what is missing or unseen says more of a cause than what is distributed otherwise."""
    return 0.5 * psi / (1.0 + psi)


def _sigmas(now: float, n: int, before: float, m: int) -> float:
    pooled = (now * n + before * m) / (n + m)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return abs(now - before) / spread if spread else 0.0


def _share(hits: pl.Series) -> float:
    return float(hits.mean() or 0.0)  # type: ignore[arg-type]


def _texts(series: pl.Series) -> pl.Series:
    """Values as a profile names them."""
    if series.dtype.is_numeric():
        numbers = _floats(series) + 0.0  # -0.0 is 0
        names = {value: repr(value).removesuffix(".0") for value in numbers.drop_nulls().unique().to_list()}
        return numbers.replace_strict(names, default=None, return_dtype=pl.String)
    if series.dtype == pl.Boolean:
        return series.replace_strict({True: "true", False: "false"}, default=None, return_dtype=pl.String)
    return series.cast(pl.String)


def _floats(series: pl.Series) -> pl.Series:
    """Values as a profile measures them."""
    from nbdeploy.profiles.column import measured

    return measured(series)[1].cast(pl.Float64)


def percent(share: float) -> str:
    """A share as people read it.

    Examples
    --------
    >>> percent(0.412), percent(0.0021), percent(0.0), percent(0.00001)
    ('41 %', '0.2 %', '0 %', 'under 0.1 %')
    """
    if 0 < share < 0.0005:
        return "under 0.1 %"
    return f"{share * 100:.0f} %" if share == 0 or share >= 0.1 else f"{share * 100:.1f} %"

"""A profile says what values are like, in bounded size, of parts as of the whole, and of no row alone."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.errors import Corrupted, InvalidData
from nbdeploy.profiles import ColumnProfile, Frequencies, ModelProfile, Numbers, Profile, profile_of

floats = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
columns = st.lists(floats, min_size=20, max_size=60)
words = st.lists(st.sampled_from(["a", "b", "c", "d", "é", ""]), max_size=60)
MOMENT = datetime(2024, 2, 29, 12, tzinfo=UTC)


def numbers(values: Any, group: int = 1) -> Numbers:
    found = Numbers.of(np.asarray(values, dtype=float), group)
    assert found is not None
    return found


def mixed(n: int = 400) -> pl.DataFrame:
    """A column of every kind, with gaps."""
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "f": pl.Series(rng.normal(size=n)).scatter(0, None),
            "i": pl.Series(rng.integers(0, 90, n), dtype=pl.Int16),
            "flag": rng.random(n) < 0.25,
            "plan": rng.choice(["gold", "silver"], n, p=[0.1, 0.9]),
            "level": pl.Series(rng.choice(["lo", "hi"], n), dtype=pl.Enum(["lo", "mid", "hi"])),
            "name": [f"customer {i}" for i in range(n)],
            "day": [date(2024, 1, 1) + timedelta(days=i % 100) for i in range(n)],
            "at": pl.Series([MOMENT + timedelta(hours=i) for i in range(n)], dtype=pl.Datetime("ms", "UTC")),
            "took": pl.Series([timedelta(minutes=i) for i in range(n)], dtype=pl.Duration("ns")),
            "vector": pl.Series([[1.0] * 3] * n, dtype=pl.List(pl.Float32)),
        }
    )


@given(columns, columns, columns)
@settings(deadline=None, max_examples=50)
def test_merging_is_associative_up_to_the_digests_error(a: list[float], b: list[float], c: list[float]) -> None:
    """Whichever parts are merged first, every quantile lies between the same neighbours."""
    left = numbers(a).merge(numbers(b)).merge(numbers(c))
    right = numbers(a).merge(numbers(b).merge(numbers(c)))
    ordered = sorted([*a, *b, *c])
    for rank in (0.0, 0.1, 0.5, 0.9, 1.0):
        around = int(rank * (len(ordered) - 1))
        slack = max(4, len(ordered) // 15)
        low, high = ordered[max(0, around - slack)], ordered[min(len(ordered) - 1, around + slack)]
        width = 1e-9 * max(1.0, *map(abs, ordered))
        assert low - width <= left.quantile(rank) <= high + width
        assert low - width <= right.quantile(rank) <= high + width


@given(words, words, words)
def test_frequencies_merge_in_any_order(a: list[str], b: list[str], c: list[str]) -> None:
    """Few values: parts have exactly the counts of the whole, whichever are merged first."""
    x, y, z = (Frequencies.of(pl.Series(part, dtype=pl.String)) for part in (a, b, c))
    assert x.merge(y).merge(z) == x.merge(y.merge(z)) == Frequencies.of(pl.Series([*a, *b, *c], dtype=pl.String))


@given(st.lists(st.integers(0, 400), max_size=500), st.integers(1, 6))
@settings(max_examples=50)
def test_counts_are_bounded_lower_bounds(drawn: list[int], rare: int) -> None:
    """Never more values than there is room for, none rarer than allowed, none counted too often, none lost."""
    texts = [str(value) for value in drawn]
    whole = Frequencies.of(pl.Series(texts[::2], dtype=pl.String), rare)
    whole = whole.merge(Frequencies.of(pl.Series(texts[1::2], dtype=pl.String), rare))
    assert whole.total == len(texts)
    assert len(whole.counts) <= 100
    assert all(rare <= count <= texts.count(value) for value, count in whole.counts.items())


def test_a_million_numbers_take_little_room_and_keep_their_quantiles() -> None:
    """Bounded size, and a rank's error far below a hundredth."""
    values = np.random.default_rng(1).lognormal(size=1_000_000)
    found = numbers(values, 5)
    assert len(found.digest) < 5000
    for rank in (0.01, 0.25, 0.5, 0.9, 0.99):
        assert abs((values < found.quantile(rank)).mean() - rank) < 0.005
    assert sum(found.shares([0.5, 1.0, 3.0])) == pytest.approx(1.0)
    assert found.shares([0.5, 1.0])[0] == pytest.approx((values < 0.5).mean(), abs=0.005)
    edges, shares = found.histogram(10)
    assert len(edges) == 11
    assert sum(shares) == pytest.approx(1.0)
    assert all(0.05 < share < 0.15 for share in found.shares(found.cuts(10)))


def test_the_same_data_has_the_same_bytes() -> None:
    """Nothing is drawn at random while profiling."""
    frame = mixed()
    first, second = (json.dumps(ModelProfile(profile_of(frame), profile_of(frame[:9])).document()) for _ in range(2))
    assert first == second


def test_no_single_rows_value_is_kept() -> None:
    """Names that one customer has, and the largest salary, are in no byte of the document."""
    salaries = [*np.linspace(1000.0, 3000.0, 200), 987_654.0]
    frame = pl.DataFrame({"name": [f"customer {i}" for i in range(201)], "salary": salaries})
    profile = profile_of(frame)
    text = json.dumps(ModelProfile(profile, profile).document())
    assert "customer" not in text
    assert profile.columns["name"].values == Frequencies({}, 201)
    salary = profile.columns["salary"].numbers
    assert salary is not None
    assert salary.quantile(1.0) < 987_654 / 4
    assert profile_of(frame, private=["salary"]).columns.keys() == {"name"}
    assert profile_of(frame[:4]).columns["salary"] == ColumnProfile("number", 4, values=Frequencies({}, 4))


def test_what_is_missing_or_infinite_is_counted() -> None:
    """NaN and null are missing; infinities and numbers too large to add are counted apart."""
    found = ColumnProfile.of(pl.Series([None, float("nan"), float("inf"), -1.7e308, *[1.0] * 6]), 5)
    assert (found.rows, found.missing, found.infinite) == (10, 2, 2)
    assert found.missing_rate == 0.2
    assert found.values == Frequencies({"1": 6})


def test_numbers_of_few_values_are_counted_exactly_until_there_are_many() -> None:
    """Flags and grades keep exact counts; merged with many others they keep the digest only."""
    few = ColumnProfile.of(pl.Series([1, 2, 2] * 10), 1)
    many = ColumnProfile.of(pl.Series(range(30)), 1)
    assert few.values == Frequencies({"2": 20, "1": 10})
    merged = few.merge(many).merge(ColumnProfile.of(pl.Series(range(100, 120)), 1))
    assert merged.values is None
    assert merged.numbers is not None
    assert merged.rows == 80


def test_a_document_reads_back_as_the_same_profile() -> None:
    """Through real JSON."""
    frame = mixed()
    profile = ModelProfile(profile_of(frame), profile_of(frame.select("f")))
    assert ModelProfile.from_document(json.loads(json.dumps(profile.document()))) == profile


@pytest.mark.parametrize("change", [{"version": 9}, {"inputs": 3}, {"inputs": {"rows": -1}}, {"predictions": None}])
def test_a_forged_document_is_refused(change: dict[str, Any]) -> None:
    """Another version, or another shape."""
    document = ModelProfile(profile_of(mixed()), profile_of(mixed())).document()
    with pytest.raises(Corrupted, match=r"version 9|not understood"):
        ModelProfile.from_document({**document, **change})


@given(st.binary(max_size=80), st.integers(0, 2000))
@settings(max_examples=300)
def test_forged_digests_are_refused_or_harmless(noise: bytes, place: int) -> None:
    """Bytes of a bundle reach compiled code: they are refused, or answer with numbers."""
    whole = numbers(np.arange(500.0)).digest
    place %= len(whole)
    try:
        found = Numbers(whole[:place] + noise + whole[place + len(noise) :])
    except ValueError:
        return
    assert np.isfinite(found.quantile(0.5))
    assert len(found.shares([1.0, 2.0])) == 3


def test_drawn_rows_have_the_types_and_look_of_the_data() -> None:
    """Types, ranges, categories and gaps as seen; the same seed, the same rows; nobody's name."""
    frame = mixed()
    profile = profile_of(frame)
    drawn = profile.draw(2000, 7, frame.schema)
    assert drawn.schema == frame.schema
    assert drawn.equals(profile.draw(2000, 7, frame.schema))
    assert not drawn.equals(profile.draw(2000, 8, frame.schema))
    assert drawn["plan"].value_counts(normalize=True).filter(plan="gold")["proportion"].item() == pytest.approx(
        0.1, abs=0.05
    )
    assert set(drawn["level"].unique()) == {"lo", "hi"}
    assert drawn["i"].is_between(0, 90).all()
    assert drawn["day"].is_between(date(2024, 1, 1), date(2024, 4, 10)).all()
    assert drawn["at"].is_between(MOMENT, MOMENT + timedelta(hours=400)).all()
    assert drawn["f"].null_count() < 30
    assert not drawn["name"].str.contains("customer").any()
    assert set(profile.draw(50, 7, {"plan": pl.String})["plan"]) <= {"gold", "silver"}


def test_a_column_that_the_profile_does_not_know_is_drawn_neutrally() -> None:
    """Masked columns have their type and no values of anybody."""
    frame = mixed()
    drawn = profile_of(frame, private=frame.columns).draw(3, 0, frame.schema)
    assert drawn.schema == frame.schema
    assert drawn.null_count().sum_horizontal().item() == 0
    assert drawn.row(0)[:5] == (0.0, 0, False, "lore", "lo")


@pytest.mark.parametrize(
    "dtype", [pl.Int8, pl.UInt64, pl.Int64, pl.Float32, pl.Date, pl.Datetime("ns"), pl.Duration("us")]
)
def test_values_at_a_types_limits_can_be_drawn(dtype: Any) -> None:
    """The largest and smallest numbers of a type do not overflow it."""
    series = pl.Series("x", [0] * 5, dtype=pl.Int64).cast(dtype)
    if series.dtype.is_integer():
        limits = np.iinfo(str(series.dtype).lower())
        series = pl.Series("x", [limits.min, limits.max] * 5, dtype=dtype)
    assert profile_of(series.to_frame()).draw(20, 0, {"x": series.dtype})["x"].dtype == series.dtype


@pytest.mark.parametrize(
    ("dtype", "neutral"),
    [
        (pl.Time, time(0)),
        (pl.Binary, b""),
        (pl.Decimal(12, 2), Decimal("0.00")),
        (pl.Array(pl.Float32, (2, 2)), [[0.0, 0.0], [0.0, 0.0]]),
        (pl.List(pl.Struct({"at": pl.UInt32, "value": pl.Float64})), []),
        (pl.List(pl.String), ["lore"]),
    ],
)
def test_every_type_of_a_signature_can_be_profiled_and_drawn(dtype: Any, neutral: Any) -> None:
    """Types that have no distribution here are counted, and drawn neutrally."""
    frame = pl.DataFrame({"": pl.Series([neutral] * 6, dtype=dtype, strict=False)})
    assert frame.schema == {"": dtype}
    profile = profile_of(frame)
    assert profile.draw(3, 0, frame.schema)[""].to_list() == [neutral] * 3
    assert ModelProfile.from_document(ModelProfile(profile, profile).document()).inputs == profile


def test_profiles_of_other_tables_do_not_merge() -> None:
    """Other columns, or other kinds."""
    with pytest.raises(InvalidData, match="different columns"):
        profile_of(mixed()).merge(profile_of(mixed().drop("f")))
    with pytest.raises(InvalidData, match="a number and a category"):
        profile_of(pl.DataFrame({"x": [1]})).merge(profile_of(pl.DataFrame({"x": ["1"]})))
    whole = profile_of(mixed()).merge(profile_of(mixed()))
    assert isinstance(whole, Profile)
    assert whole.rows == 800


def test_numbers_that_are_all_missing_have_a_profile() -> None:
    """It says that they are missing, and nothing else."""
    found = profile_of(pl.DataFrame({"x": pl.Series([None, None], dtype=pl.Float64)})).columns["x"]
    assert (found.missing, found.numbers, found.values) == (2, None, Frequencies())

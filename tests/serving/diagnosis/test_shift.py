"""How values differ from a profile, and when that is chance."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.profiles import Profile, profile_of
from nbdeploy.serving.diagnosis.shift import shifts
from nbdeploy.serving.prediction_log.where import Where


def table(rows: int, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "income": random.lognormal(8, 1, rows),
            "age": random.integers(18, 80, rows),
            "plan": random.choice(["basic", "gold"], rows, p=[0.7, 0.3]),
            "active": random.random(rows) < 0.5,
            "rooms": random.integers(0, 7, rows),
            "score": random.integers(0, 5, rows) / 4,
            "order": [None if lost else 1.0 for lost in random.random(rows) < 0.05],
        }
    )


@pytest.fixture(scope="module")
def trained() -> Profile:
    return profile_of(table(5000))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31), trained=st.integers(20, 3000), rows=st.integers(0, 3000))
def test_more_of_the_same_is_no_difference(seed: int, trained: int, rows: int) -> None:
    """Chance alone is not told of, whether few rows or many are compared with few or with many."""
    assert shifts(table(rows, seed), profile_of(table(trained, seed + 1))) == []


CHANGED = [
    (pl.col("order").fill_null(1.0), "order", "missing 0 % (training", '"order" is not null'),
    (pl.lit(None, pl.Float64).alias("income"), "income", "missing 100 % (training 0 %)", "income is null"),
    (
        pl.when(pl.col("age") > 60).then(pl.lit("it's")).otherwise("plan").alias("plan"),
        "plan",
        'values that training did not have: "it\'s" (training 0 %)',
        "plan = 'it''s'",
    ),
    (pl.col("income") * 1000, "income", "about 1,000 times as large: another unit?", "income > "),
    (pl.col("age") - 15, "age", "(training ", "age < "),
    (pl.lit("gold").alias("plan"), "plan", "'gold' 100 % (training 3", "plan = 'gold'"),
    (pl.col("rooms") + 3, "rooms", "values that training did not have: '", "rooms in ("),
    (pl.lit(0.75).alias("score"), "score", "'0.75' 100 % (training ", "score = 0.75"),
    (pl.lit(True).alias("active"), "active", "100 % (training ", "active = "),
    (
        pl.when(pl.int_range(pl.len()) % 20 == 0).then(pl.lit(1e9)).otherwise("income").alias("income"),
        "income",
        "5.0 % beyond training's",
        "income > ",
    ),
]


@pytest.mark.parametrize(("change", "column", "told", "condition"), CHANGED)
def test_a_difference_is_told_with_its_numbers_and_its_rows(
    trained: Profile, change: pl.Expr, column: str, told: str, condition: str
) -> None:
    """The condition, as ``requests --where`` takes it, is true of the rows in which it shows."""
    rows = table(1000, 7).with_columns(change)
    found = shifts(rows, trained)
    assert {shift.column for shift in found} == {column}
    assert told in found[0].told
    assert found[0].condition.startswith(condition)
    assert Where(found[0].condition).of(rows).height == found[0].hits.sum() > 0


def test_text_of_everybody_s_own_is_not_compared_by_value() -> None:
    """Names differ, and are no finding; that they are missing is one."""
    before = profile_of(pl.DataFrame({"name": [f"n{i}" for i in range(500)]}))
    assert shifts(pl.DataFrame({"name": [f"m{i}" for i in range(500)]}), before) == []
    (found,) = shifts(pl.DataFrame({"name": [None] * 500}, schema={"name": pl.String}), before)
    assert found.kind == "missing"

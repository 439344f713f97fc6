"""The values that a sweep tries, and which run is the best."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.batch import Run
from nbdeploy.batch.failure import Failure
from nbdeploy.batch.outputs import Declared
from nbdeploy.batch.sweeps import Grid, Pick, Sweep
from nbdeploy.batch.sweeps.grid import values_of
from nbdeploy.batch.sweeps.result import Combination
from nbdeploy.errors import NotFound, RunFailed, WrongUsage

WORD = st.text(st.characters(codec="ascii", exclude_characters="'\"()[]{},", categories=["L", "N", "P"]), min_size=1)


@given(st.lists(WORD))
def test_values_come_back(values: list[str]) -> None:
    """A list written with commas is read as it was, also if values have commas inside."""
    assert values_of(",".join(values)) == values
    assert values_of(", ".join(f'"{value},{value}"' for value in values)) == [f"{value},{value}" for value in values]
    assert values_of(",".join(f"[{value},{value}]" for value in values)) == [f"[{value},{value}]" for value in values]


@given(st.dictionaries(st.text(min_size=1), st.lists(st.integers(), min_size=1, max_size=4), min_size=1, max_size=4))
def test_every_combination_once(axes: dict[str, list[int]]) -> None:
    """A grid is the product of its values, each of them once."""
    grid = Grid.of(axes)
    found = [tuple(values.items()) for values in grid]
    assert len(found) == len(set(found)) == len(grid) == math.prod(len(set(values)) for values in axes.values())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["depth"], "'depth' is no grid: write KEY=V1,V2"),
        (["depth="], "'depth' has no values to try"),
        (["a=1", "a=2"], "'a' is in the grid twice"),
        ([], "a sweep needs values to try"),
        ([f"{name}={','.join(map(str, range(30)))}" for name in "abc"], "27,000 combinations are more than"),
    ],
)
def test_no_grid(words: list[str], message: str) -> None:
    """What is no grid is refused with what to write."""
    with pytest.raises(WrongUsage, match=message):
        Grid.written(words)


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=8), st.booleans())
def test_best_first(values: list[float | None], highest: bool) -> None:
    """The best value comes first; what is missing or no number comes last, in its order."""
    metrics = [{} if value is None else {"auc": value} for value in values]
    pick = Pick("auc", highest)
    found = [pick.value(metrics[position]) for position in pick.order(metrics)]
    numbers = [value for value in found if value is not None]
    assert numbers == sorted(numbers, reverse=highest)
    assert found[len(numbers) :] == [None] * (len(values) - len(numbers))


def combination(number: int, status: str, **metrics: float) -> Combination:
    error = None if status == "succeeded" else Failure("ValueError", "too deep", 2, 3)
    run = Run(f"r{number}", Path("a.ipynb"), Path("o"), Path("f"), status, error=error, published=Declared({}, metrics))
    return Combination({"depth": number}, run)


def test_comparison() -> None:
    """The table has values, metrics and status, best first, failed ones last, and says which is the best."""
    runs = [
        combination(1, "succeeded", auc=0.8),
        combination(2, "failed"),
        combination(3, "succeeded", auc=0.9, rows=7),
    ]
    found = Sweep.of("s1", Path("a.ipynb"), runs, None)
    assert found.line == "sweep s1 of a.ipynb: 2 of 3 runs succeeded (1 failed); best auc 0.9: depth=3 (run r3)"
    assert found.best.id == "r3"
    assert not found.failed
    assert list(found.table.columns) == ["depth", "auc", "rows", "status", "seconds", "run"]
    assert found.table["depth"].to_list() == [3, 1, 2]
    assert "ValueError: too deep" in str(found)
    assert "next: nbdeploy sweep --resume s1" in str(found)
    assert found.document()["best"]["id"] == "r3"
    assert Sweep.of("s1", Path("a.ipynb"), runs, Pick("auc", highest=False)).best.id == "r1"


def test_no_best() -> None:
    """There is no best run where none succeeded, or none published the metric."""
    none = Sweep.of("s1", Path("a.ipynb"), [combination(1, "failed")], None)
    assert none.failed
    with pytest.raises(RunFailed, match=r"no run of sweep s1 succeeded: 0 of 1 run succeeded \(1 failed\)"):
        _ = none.best
    other = Sweep.of("s1", Path("a.ipynb"), [combination(1, "succeeded", acc=1)], Pick("auc"))
    assert other.failed
    assert other.line.endswith("none of them published the metric 'auc'; there are: acc")
    with pytest.raises(NotFound, match="no metric 'auc'; did you mean acc"):
        _ = other.best
    assert not Sweep.of("s1", Path("a.ipynb"), [combination(1, "succeeded")], None).failed

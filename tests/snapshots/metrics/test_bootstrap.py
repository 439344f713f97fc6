"""Metrics of resamples are those that scikit-learn computes of the same rows; intervals hold what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nbdeploy.snapshots.metrics import measure
from nbdeploy.snapshots.metrics.tasks import Task, task_of

ROWS = 24
seeds = st.integers(0, 10_000)


def classification(rng: np.random.Generator, rows: int = ROWS, k: int = 3) -> tuple[Any, ...]:
    y = np.r_[np.arange(k), rng.integers(0, k, rows - k)]
    # Rounded, so that many scores are equal.
    chances = np.round(rng.dirichlet(np.ones(k), rows) + np.eye(k)[y] * 0.2, 1) + 0.05
    chances /= chances.sum(axis=1, keepdims=True)
    names = np.array(["ann", "bob", "cy"][:k], dtype=object)
    return names[y], names[chances.argmax(axis=1)], chances, names.tolist(), None


def regression(rng: np.random.Generator, rows: int = ROWS, outputs: int = 0) -> tuple[Any, ...]:
    shape = (rows, outputs) if outputs else (rows,)
    y = rng.normal(5.0, 1.0, shape)
    return y, y + rng.normal(0.0, 0.3, shape), None, None, None


def labels(rng: np.random.Generator) -> tuple[Any, ...]:
    y = rng.integers(0, 2, (ROWS, 3))
    return y, np.where(rng.random(y.shape) < 0.2, 1 - y, y), None, None, None


def take(arguments: tuple[Any, ...], rows: NDArray[np.intp]) -> tuple[Any, ...]:
    y, guess, chances, classes, scores = arguments
    return y[rows], guess[rows], None if chances is None else chances[rows], classes, scores


def recognised(arguments: tuple[Any, ...]) -> Task:
    task = task_of(*arguments)
    assert task is not None
    return task


@pytest.mark.parametrize(
    "make",
    [
        classification,
        lambda rng: classification(rng, k=2),
        regression,
        lambda rng: regression(rng, outputs=2),
        labels,
    ],
    ids=["classes", "two classes", "numbers", "two numbers", "labels"],
)
@given(seeds)
@settings(deadline=None, max_examples=15)
def test_a_resample_has_the_metrics_of_its_rows(make: Any, seed: int) -> None:
    """Weights count rows: every metric is scikit-learn's of the rows so often repeated."""
    rng = np.random.default_rng(seed)
    arguments = make(rng)
    rows = np.r_[np.arange(ROWS // 2), rng.integers(0, ROWS, ROWS)]
    weights = np.bincount(rows, minlength=ROWS).astype(float)
    ones = np.ones(ROWS)
    found = recognised(arguments).resampled(np.arange(ROWS), np.stack([ones, weights]))
    for column, chosen in enumerate((np.arange(ROWS), rows)):
        expected = recognised(take(arguments, chosen)).points()
        assert set(expected) <= set(found)
        for name, value in expected.items():
            assert found[name][column] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("make", [classification, regression, labels])
def test_every_metric_has_an_interval_around_it(make: Any) -> None:
    """The same rows, the same intervals."""
    arguments = make(np.random.default_rng(3))
    measured = measure(*arguments)
    assert measured == measure(*arguments)
    assert measured.intervals.keys() == measured.metrics.keys()
    for name, (low, high) in measured.intervals.items():
        assert low <= measured.metrics[name] <= high
    assert measured.test["rows"] == ROWS


def test_intervals_hold_the_true_value_about_as_often_as_they_say() -> None:
    """Nineteen of twenty samples, for the mean of absolute errors of a known distribution."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        error = rng.normal(size=150)
        low, high = measure(np.ones(150), 1.0 + error, None, None).intervals["mae"]
        held += low <= np.sqrt(2 / np.pi) <= high
    assert 51 <= held <= 60


def test_an_interval_of_many_rows_is_as_narrow_as_all_of_them_make_it() -> None:
    """Where fewer rows are resampled than there are, the width is that of all."""
    error = np.random.default_rng(0).normal(size=40_000)
    measured = measure(np.ones(40_000), 1.0 + error, None, None)
    low, high = measured.intervals["mae"]
    assert high - low == pytest.approx(2 * 1.96 * np.abs(error).std() / 200, rel=0.15)
    assert low < measured.metrics["mae"] < high


def test_classes_are_counted_each() -> None:
    """Support, precision, recall and f1 of every class, under its name."""
    table = measure(*classification(np.random.default_rng(0))).test["classes"]
    assert list(table) == ["ann", "bob", "cy"]
    assert sum(row["support"] for row in table.values()) == ROWS


def test_a_ranking_is_scored_within_its_groups() -> None:
    """A table of relevance and group; a perfect order has an NDCG of 1."""
    rng = np.random.default_rng(0)
    truth = pd.DataFrame({"relevance": rng.integers(0, 4, 60), "qid": np.repeat(np.arange(12), 5)})
    perfect = measure(truth, truth["relevance"].to_numpy(float), None, None)
    assert perfect.metrics == {"ndcg": 1.0, "ndcg_at_10": 1.0}
    guessed = measure(truth, rng.random(60), None, None)
    low, high = guessed.intervals["ndcg"]
    assert low < guessed.metrics["ndcg"] < high < 1.0
    assert guessed.test == {"rows": 60, "groups": 12}


def test_scores_without_probabilities_have_an_area() -> None:
    """A support vector machine's decisions rank rows; they are no probabilities."""
    y = np.array([0, 1] * 10)
    found = measure(y, y, None, [0, 1], scores=y + 0.5).metrics
    assert found["auc"] == found["average_precision"] == 1.0
    assert "log_loss" not in found


def test_labels_that_a_function_answers_are_classes() -> None:
    """A plain function has no classes_; texts, and whole numbers that are all labels, are scored as classes."""
    assert measure(np.array(["a", "b"] * 5), np.array(["a", "b"] * 5), None, None).metrics["accuracy"] == 1.0
    assert measure(np.array([0, 1] * 5), np.array([1, 1] * 5), None, None).metrics["accuracy"] == 0.5
    assert "r2" in measure(np.arange(10), np.arange(10) + 1, None, None).metrics

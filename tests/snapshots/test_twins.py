"""Snapshots and their twins: planned from the model alone, proven in a clean process, told by ``show``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeRegressor

import nbdeploy as nd
from nbdeploy import api
from nbdeploy.codecs import describe
from nbdeploy.errors import NotFound
from nbdeploy.snapshots import snapshot as taking
from nbdeploy.snapshots.twins import planned_twin, prove_twin
from nbdeploy.types import Canonical

Script = Callable[[str], dict[str, Any]]

X = pd.DataFrame(np.random.default_rng(3).normal(size=(50, 4)), columns=list("abcd"))
Y = X.a * 2 + X.b


def test_a_twin_that_has_the_native_bits_is_told_by_the_record_alone(stock: Path) -> None:
    """It answers small batches; the content, and so the digest, is the same with it and without."""
    forest = nd.load("forest")
    assert forest.bundle.content.canonical == Canonical()
    twin = forest.manifest["twin"]
    assert (twin["compiler"], twin["exact"], twin["max_difference"]) == ("treelite", True, 0.0)
    assert set(twin["methods"]) == set(forest.signature.outputs)
    assert twin["tried"]["sample"] == forest.sample.height
    for method in ("predict", "predict_proba"):
        rows = forest.sample[:5]
        assert np.array_equal(forest.caller.raw(rows, method), forest.caller.native(rows, method))
        assert np.array_equal(forest.one(rows.row(0), method), forest.caller.native(rows[:1], method))


def test_a_twin_that_rounds_is_part_of_the_content_and_makes_all_answers(stock: Path) -> None:
    """The expected answers too; every size of batch has the same bits."""
    lr = nd.load("lr")
    assert lr.bundle.content.canonical == Canonical(twin="rows")
    assert lr.manifest["twin"]["exact"] is False
    assert lr.manifest["twin"]["max_difference"] <= 1e-9
    assert lr.outputs(lr.sample, list(lr.signature.outputs)).equals(lr.expected)
    whole = lr.caller.raw(lr.sample, "predict_proba")
    assert all(np.array_equal(lr.one(lr.sample.row(i), "predict_proba")[0], whole[i]) for i in range(20))


def test_steps_of_the_notebook_are_called_natively_inside_the_twin(stock: Path) -> None:
    assert nd.load("species").manifest["twin"]["native_steps"] == ["billshape"]


def test_show_tells_of_the_twin(stock: Path) -> None:
    """As a document, and on the card in words."""
    shown = api.show("forest")
    assert shown.document()["twin"]["compiler"] == "treelite"
    assert "treelite answers batches up to" in str(shown.card())
    assert "equal to the bit" in str(shown.card())


def test_no_twin_is_looked_for_when_none_is_wanted(script: Script) -> None:
    script(
        """
import nbdeploy as nd
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
X = pd.DataFrame({"a": np.arange(9.0), "b": np.ones(9)})
answer = nd.snapshot(LinearRegression().fit(X, X.a), "plain", data=X, compile=False).document()
"""
    )
    plain = nd.load("plain")
    assert plain.bundle.content.canonical == Canonical()
    assert api.show("plain").document()["twin"] is None
    assert plain.caller.twin is None


@pytest.mark.parametrize(
    ("model", "wanted", "planned"),
    [
        (LinearRegression(), True, "rows"),
        (LinearRegression(), False, None),
        (LinearRegression(), "treelite", None),
        (DecisionTreeRegressor(), True, None),
        (DecisionTreeRegressor(), "treelite", None),
        (make_pipeline(StandardScaler(), DecisionTreeRegressor()), True, None),
        (make_pipeline(PolynomialFeatures(12), LinearRegression()), True, "rows"),
        (make_pipeline(PolynomialFeatures(18), LinearRegression()), True, None),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else str(value),
)
def test_only_a_twin_that_rounds_and_is_quick_in_bulk_is_planned(model: Any, wanted: Any, planned: str | None) -> None:
    """Exact twins are found later; one that sums thousands of products per row would slow large batches down."""
    assert planned_twin(model.fit(X, Y), describe(X), wanted) == planned


def test_an_unknown_compiler_is_refused_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="rows"):
        planned_twin(LinearRegression().fit(X, Y), describe(X), "fast")


def test_a_twin_is_proven_again_from_the_loaded_snapshot(stock: Path) -> None:
    """Without figures of its speed, if nobody wants them."""
    found = prove_twin(nd.load("lr"), nd.load("lr").sample, measured=False)
    assert (found["compiler"], found["exact"], found["speed"]) == ("rows", False, [])
    assert prove_twin(nd.load("lr"), nd.load("lr").sample, wanted=False)["compiler"] is None


def test_a_planned_twin_that_fails_its_proof_is_dropped_and_native_code_answers(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot is taken all the same, and says why it has none."""
    real = taking.rehearse
    rehearsed = []

    def rehearse(bundle: Path, *args: Any) -> Any:
        rehearsed.append(real(bundle, *args))
        refuted = {"compiler": None, "reason": "rows: it differs"}
        return replace(rehearsed[-1], twin=refuted) if len(rehearsed) == 1 else rehearsed[-1]

    monkeypatch.setattr(taking, "rehearse", rehearse)
    nd.snapshot(LinearRegression().fit(X, Y), "refuted", data=X)
    assert rehearsed[0].twin["compiler"] == "rows"
    loaded = nd.load("refuted")
    assert loaded.bundle.content.canonical == Canonical()
    assert loaded.manifest["twin"]["compiler"] is None
    assert loaded.caller.twin is None

"""How models are called: in tiles where they must, in one job, and with answers that carry the caller's index."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbdeploy as nd
from nbdeploy import canonical
from nbdeploy.canonical import parallel_parts, single_job
from nbdeploy.codecs import bind, describe
from nbdeploy.predictor import Caller
from nbdeploy.snapshots.answers import Answers, Asking, answer
from nbdeploy.snapshots.rehearsal.tiling import settled
from nbdeploy.types import Canonical

Script = Callable[[str], dict[str, Any]]


def test_a_model_whose_last_bits_depend_on_the_batch_is_called_in_tiles(script: Script) -> None:
    """What batched linear algebra does on some processors: only calls of one size give a row the same bits."""
    script(
        """
import nbdeploy as nd
import numpy as np
import numpy as np
import pandas as pd
import pytest

class Kernels:
    def predict(self, rows):
        noise = 0.0 if len(rows) == 64 else 1e-15 * len(rows)
        return rows["x"].to_numpy() * 3.0 * (1.0 + noise)

answer = nd.snapshot(Kernels(), "kernels", data=pd.DataFrame({"x": np.linspace(1.0, 2.0, 200)})).document()
"""
    )
    predictor = nd.load("kernels")
    content = json.loads((predictor.bundle.path / "content.json").read_text())
    assert content["canonical"] == {"tile": 64}
    rows = pd.DataFrame({"x": [1.0 + i / 150 for i in range(150)]})
    whole = predictor.predict(rows).tolist()
    assert whole == (rows["x"] * 3.0).tolist()
    for size in (1, 7, 64, 65):
        assert [v for i in range(0, 150, size) for v in predictor.predict(rows[i : i + size]).tolist()] == whole


def test_a_model_whose_last_bits_depend_on_a_rows_place_is_asked_row_by_row(script: Script) -> None:
    """What small products of single precision do on some processors: no size of a batch gives a row the same bits."""
    script(
        """
import nbdeploy as nd
import numpy as np
import numpy as np
import pandas as pd
import pytest

class Network:
    def predict(self, rows):
        place = np.arange(len(rows)) % 3
        return (rows["x"].to_numpy() * (1.0 + place * 2e-7)).astype("float32")

answer = nd.snapshot(Network(), "network", data=pd.DataFrame({"x": np.linspace(1.0, 2.0, 200)})).document()
"""
    )
    predictor = nd.load("network")
    content = json.loads((predictor.bundle.path / "content.json").read_text())
    assert content["canonical"] == {"tile": 1}
    rows = pd.DataFrame({"x": [1.0 + i / 9 for i in range(9)]})
    assert predictor.predict(rows).tolist() == predictor.predict(rows[::-1]).tolist()[::-1]


def test_series_and_frames_carry_the_callers_index(script: Script) -> None:
    """An answer of pandas fits beside the rows it was asked for."""
    script(
        """
import nbdeploy as nd
import numpy as np
import pandas as pd
import pytest

def doubled(rows):
    return rows["x"] * 2

def both(rows):
    return rows[["x"]] * 2

X = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
answer = [nd.snapshot(doubled, "doubled", data=X).document(), nd.snapshot(both, "both", data=X).document()]
"""
    )
    rows = pd.DataFrame({"x": [1.0, 2.0]}, index=["a", "b"])
    assert nd.load("doubled").predict(rows).to_dict() == {"a": 2.0, "b": 4.0}
    assert nd.load("both").predict(rows)["x"].to_dict() == {"a": 2.0, "b": 4.0}
    assert nd.load("doubled").predict({"x": [1.0]}).to_dict() == {0: 2.0}


class _Forest:
    """As a scikit-learn model: it has parameters, one of which is ``n_jobs``."""

    def __init__(self) -> None:
        self.n_jobs = 4
        self.seen: list[int] = []

    def get_params(self) -> dict[str, int]:
        return {"n_jobs": self.n_jobs}

    def predict(self, rows: Any) -> Any:
        self.seen.append(self.n_jobs)
        return rows["x"].to_numpy()


def test_a_model_is_looked_through_once(monkeypatch: Any) -> None:
    """A large model is not walked for every answer; its jobs are still set and put back around each."""
    walks: list[object] = []
    real = canonical.estimators_of
    monkeypatch.setattr(canonical, "estimators_of", lambda model: walks.append(model) or real(model))
    forest = _Forest()
    rows = pd.DataFrame({"x": [1.0]})
    caller = Caller(forest, "python", describe(rows), Canonical())
    for _ in range(3):
        caller.raw(bind(rows, caller.signature), "predict")
        assert forest.n_jobs == 4
    assert forest.seen == [1, 1, 1]
    assert walks == [forest]


def test_jobs_come_back_after_an_error() -> None:
    """Also where the parts are known already."""
    forest = _Forest()
    try:
        with single_job(forest, parallel_parts(forest)):
            assert forest.n_jobs == 1
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert forest.n_jobs == 4


@pytest.mark.parametrize(
    ("noise", "tile"),
    [
        (lambda n: np.zeros(n), None),
        (lambda n: np.full(n, 0.0 if n == 64 else 1e-15 * n), 64),
        (lambda n: np.arange(n) % 3 * 1e-15, 1),
        (lambda n: np.random.default_rng().uniform(0, 1e-15, n), None),
    ],
    ids=["steady", "by size", "by place", "by chance"],
)
def test_the_kernel_finds_the_tile_before_anything_is_rehearsed(noise: Any, tile: int | None) -> None:
    """One rehearsal is enough then; what changes by chance no tile can settle."""

    def model(rows: Any) -> Any:
        return rows["x"].to_numpy() * (1.0 + noise(len(rows)))

    data = pd.DataFrame({"x": np.linspace(1.0, 2.0, 200)})

    def ask(canonical: Canonical) -> Answers:
        return answer(model, data, Asking("python", None, 200, 1e-12, canonical))

    assert settled(model, ask(Canonical()), ask).asking.canonical.tile == tile

"""The rehearsal: what it proves, what it refuses and why, and that nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

import nbdeploy as nd
from nbdeploy.snapshots.pages.certificate import certificate
from nbdeploy.snapshots.rehearsal.batch_dependence import dependent_step
from nbdeploy.snapshots.rehearsal.refusals import changes_from_run_to_run
from nbdeploy.snapshots.rehearsal.trial import digest_of, shuffled

Script = Callable[[str], dict[str, Any]]
X = pd.DataFrame({"a": np.linspace(0.0, 9.0, 32), "b": np.linspace(5.0, 1.0, 32)})
y = X["a"] * 2 + X["b"]


class Centre(TransformerMixin, BaseEstimator):
    """Centres on whatever rows it is given, which is the mistake."""

    def fit(self, X: Any, y: Any = None) -> Centre:
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X) - np.asarray(X).mean(axis=0)


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> nd.Store:
    """A store with one snapshot of a linear model."""
    folder = tmp_path_factory.mktemp("rehearsed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBDEPLOY_HOME", str(folder))
        nd.snapshot(LinearRegression().fit(X, y), "line", X)
    return nd.Store(str(folder / "store"), folder / "cache")


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (make_pipeline(StandardScaler(), Centre(), LinearRegression()), "step 'centre' (Centre)"),
        (
            make_pipeline(make_column_transformer((StandardScaler(), ["a"]), (Centre(), ["b"])), LinearRegression()),
            "step 'centre' (Centre) in step 'columntransformer' (ColumnTransformer)",
        ),
        (
            make_pipeline(FeatureUnion([("one", StandardScaler()), ("two", Centre())]), LinearRegression()),
            "step 'two' (Centre) in step 'featureunion' (FeatureUnion)",
        ),
        (make_pipeline(StandardScaler(), LinearRegression()), ""),
    ],
    ids=["pipeline", "columns", "union", "sound"],
)
def test_the_step_that_depends_on_other_rows_is_named(model: Any, named: str) -> None:
    """Pipelines, column transformers and unions are looked into, to the innermost step."""
    assert dependent_step(model.fit(X, y), X[:12]) == named


def test_a_batch_dependent_snapshot_names_its_step(script: Script) -> None:
    """The refusal says which step, whether padding or other company reveals it; nothing is stored."""
    answer = script(
        """
import nbdeploy as nd
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
class Centre(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self
    def transform(self, X):
        return np.asarray(X) - np.asarray(X).mean(axis=0)
X = pd.DataFrame({"a": np.linspace(0.0, 9.0, 32), "b": np.linspace(5.0, 1.0, 32)})
model = make_pipeline(Centre(), LinearRegression()).fit(X, X["a"] * 2)
said = []
for rows in (X[:30], X):  # 30 rows are padded, 32 are not
    try:
        nd.snapshot(model, "centred", rows)
    except nd.NbdeployError as error:
        said.append(str(error))
answer = {"said": said, "stored": nd.list_snapshots().document()}
"""
    )
    assert len(answer["said"]) == 2
    assert all("step 'centre' (Centre) lets a row's answer depend on the other" in text for text in answer["said"])
    assert "called again" in answer["said"][0]
    assert "one by one" in answer["said"][1] or "small batches" in answer["said"][1]
    assert answer["stored"] == []


def test_what_changes_from_run_to_run_must_be_declared(script: Script) -> None:
    """The refusal shows the difference and the option; with it the snapshot is stored, and says so."""
    answer = script(
        """
import nbdeploy as nd
import numpy as np
import pandas as pd
X = pd.DataFrame({"a": np.linspace(1.0, 2.0, 32)})
def noisy(rows):
    return rows["a"].to_numpy() * (1 + np.random.default_rng().uniform(-1e-3, 1e-3, len(rows)))
def elsewhere(rows):
    import os
    return rows["a"].to_numpy() * (1 + 1e-3 * os.getpid())
try:
    nd.snapshot(noisy, "noisy", X)
except nd.NbdeployError as error:
    refused = str(error)
try:
    nd.snapshot(elsewhere, "elsewhere", X)
except nd.NbdeployError as error:
    other = str(error)
done = nd.snapshot(noisy, "noisy", X, tolerance=0.01)
nd.verify("noisy")
answer = {"refused": refused, "other": other, "proof": done.document()["rehearsal"], "card": str(done)}
"""
    )
    assert "answers change from run to run (largest difference 0.00" in answer["refused"]
    assert "if that is meant, declare it: --tolerance 0.01" in answer["refused"]
    assert "answers change from run to run" in answer["other"]
    assert answer["proof"]["deterministic"] is False
    assert 0 < answer["proof"]["max_difference"] <= 0.01
    assert "answers change from run to run, as declared" in answer["card"]


def test_what_lives_only_in_the_kernel_is_told_from_chance(script: Script) -> None:
    """Every clean process answers the same, but not as the kernel does."""
    answer = script(
        """
import os
import nbdeploy as nd
import pandas as pd
os.environ["NBDEPLOY_FACTOR"] = "1"
import sys
def kernel_only(rows):
    import sys
    return rows["a"] * (2.0 if getattr(sys, "only_here", False) else 3.0)
sys.only_here = True
try:
    nd.snapshot(kernel_only, "scaled", pd.DataFrame({"a": [1.0, 2.0]}))
except nd.NbdeployError as error:
    answer = {"message": str(error)}
"""
    )
    assert "lives only in the kernel" in answer["message"]
    assert "from run to run" not in answer["message"]


def test_a_random_label_cannot_be_declared() -> None:
    """A tolerance is for numbers."""
    assert "random_state" in changes_from_run_to_run(float("inf"))
    assert "--tolerance" not in changes_from_run_to_run(1.0)


def test_the_record_holds_a_certificate(rehearsed: nd.Store) -> None:
    """Every method, digest, seconds, memory and processor are kept, shown on the card and in the bundle."""
    version = rehearsed.resolve("line")
    proof = version.record["rehearsal"]
    assert proof["methods"] == {"predict": 0.0}
    assert proof["identical"]
    assert proof["deterministic"]
    assert proof["peak_memory"] > 20e6
    assert proof["load_seconds"] > 0
    assert any(library["api"] == "openblas" for library in proof["cpu"]["libraries"])
    folder = rehearsed.open(version)
    assert proof["answers_sha256"] == digest_of(pl.read_parquet(folder / "expected.parquet"))
    text = (folder / "README.md").read_text().replace("\\", "")  # as Markdown shows it
    for _, said in certificate(proof):
        assert said in text


def test_shuffling_moves_rows_and_is_the_same_every_time() -> None:
    """Otherwise it would prove nothing, or not the same twice."""
    assert sorted(shuffled(50)) == list(range(50))
    assert shuffled(50) == shuffled(50) != list(range(50))


SLOW = """
import sys, time
from pathlib import Path
import nbdeploy as nd
import pandas as pd
def slow(rows):
    import os, time
    if not os.environ.get("IN_KERNEL"):
        open(MARK, "w").write(str(os.getpid()))
        time.sleep(60)
    return rows["a"]
import os
os.environ["IN_KERNEL"] = "1"
import nbdeploy.snapshots.rehearsal.clean_process as clean
keep = clean._environment
clean._environment = lambda own: {k: v for k, v in keep(own).items() if k != "IN_KERNEL"}
try:
    nd.snapshot(slow, "slow", pd.DataFrame({"a": [1.0]}))
except KeyboardInterrupt as interrupt:
    assert str(interrupt) == "nothing was stored"
    sys.exit(7)
"""


def test_an_interrupt_leaves_nothing_behind(home: Path, tmp_path: Path) -> None:
    """A real SIGINT amid the rehearsal: the clean process is gone, no folder stays, nothing is stored."""
    mark, temporary = tmp_path / "mark", tmp_path / "tmp"
    temporary.mkdir()
    (tmp_path / "slow.py").write_text(f"MARK = {str(mark)!r}\n{SLOW}")
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen([sys.executable, str(tmp_path / "slow.py")], env=environment)
    try:
        deadline = time.monotonic() + 100
        while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 7
    finally:
        process.kill()
    child = int(mark.read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert list(temporary.iterdir()) == []
    assert nd.list_snapshots().document() == []
    assert not list((home / "store").rglob("*.json"))

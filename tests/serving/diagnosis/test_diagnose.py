"""``diagnose`` of a real endpoint, whose log has a week in it, and of outputs."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from IPython.core.interactiveshell import InteractiveShell

import nbdeploy as nd
from nbdeploy.commands.shell import run as type_in
from nbdeploy.errors import NotFound, Unreachable, WrongUsage
from nbdeploy.predictor import Predictor
from nbdeploy.serving.diagnosis import Finding
from nbdeploy.serving.prediction_log import Event, Parcel, Subject, Writer, new_id
from nbdeploy.settings import Settings
from nbdeploy.snapshots.options import Options
from nbdeploy.snapshots.snapshot import take_snapshot
from nbdeploy.store import Store
from tests.serving.conftest import Place, run_endpoint

HOUR = 3600.0


def customers(rows: int, seed: int, missing: float = 0.002) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    tenure = random.gamma(4, 100, rows).round()
    plan = random.choice(["basic", "gold", "silver"], rows, p=[0.6, 0.3, 0.1])
    tenure[random.random(rows) < missing] = np.nan
    return pd.DataFrame({"plan": plan, "tenure_days": tenure, "age": random.integers(18, 80, rows)})


def churned(rows: pd.DataFrame) -> Any:
    return np.where(rows.age + np.random.default_rng(1).normal(0, 10, len(rows)) > 45, "yes", "no")


def model() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = customers(3000, 0)
    steps = [("plan", OneHotEncoder(), ["plan"]), ("rest", SimpleImputer(), ["tenure_days", "age"])]
    return make_pipeline(ColumnTransformer(steps), LogisticRegression(max_iter=2000)).fit(rows, churned(rows))


class Prod:
    """An endpoint known as `prod`, and a way to write its past."""

    def __init__(self, place: Place, store: Store) -> None:
        self.place, self.store = place, store
        self.settings = Settings.load()
        self.now = time.time()

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NBDEPLOY_TOKEN_PROD", str(self.place.connection.token))
        monkeypatch.setenv("NBDEPLOY_STORE", str(self.store.url))
        nd.target_add("prod", self.place.url)

    def past(self, name: str, caller: str, rows: pd.DataFrame, start: float, every: float, wrong: Any = None) -> None:
        """Ten rows in each request, from `start` hours ago on, one request every so many seconds."""
        predictor: Predictor = nd.load("churn:1", settings=None)
        subject = Subject(name, 1, predictor.digest, predictor.signature)
        wire = predictor.bind(rows)
        answers = predictor.outputs(wire)
        answers = answers if wrong is None else answers.with_columns(wrong)
        events = [
            Event(subject, new_id(), "oip", caller, self.now - start * HOUR + n * every, 0.002, ["predict"], 10, "ok")
            for n in range(len(rows) // 10)
        ]
        for n, event in enumerate(events):
            event.inputs, event.answers = wire[n * 10 : n * 10 + 10], answers[n * 10 : n * 10 + 10]
        writer = Writer(f"sqlite:///{self.place.home}/nbdeploy.db")
        writer.start()
        writer.put(Parcel(events))
        assert writer.flush(30)
        writer.close()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prod]:
    """It serves one snapshot under several names; each test has a past of its own."""
    folder = tmp_path_factory.mktemp("diagnosed")
    store = Store(str(folder / "store"), folder / "cache")
    test = customers(600, 9)
    rows = customers(3000, 0)
    take_snapshot(store, model(), "churn", rows, Options(test=(test, churned(test))))
    with run_endpoint(folder / "endpoint") as place:
        for name in ("churn", "fresh", "steady", "odd", "refused", "labelled"):
            place.target.push(store, store.resolve("churn:1"), name, new=True)
        yield Prod(place, store)


@pytest.fixture
def prod(endpoint: Prod, monkeypatch: pytest.MonkeyPatch) -> Prod:
    endpoint.enter(monkeypatch)
    return endpoint


def named(found: Any, name: str) -> list[Finding]:
    return [finding for finding in found.findings if finding.name == name]


def test_wrong_today(prod: Prod, capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing, since when, from whom; its rows are got by the command that is told, and predicted here."""
    prod.past("churn", "web", customers(2000, 2), 20, 300)
    prod.past("churn", "crm-batch", customers(1000, 3), 23, 300)
    prod.past("churn", "crm-batch", customers(600, 4, missing=0.9), 6, 200)
    prod.past("churn", "web", customers(2000, 6), 150, 1000)
    found = nd.diagnose("prod/churn")
    assert not found
    assert found.verdict.startswith("inputs changed: tenure_days missing 15 % (training 0.")
    assert "caller crm-batch (in " in found.verdict
    assert [finding.ok for finding in found.findings] == [True, True, True, True, False, True]
    since = named(found, "inputs")[0].evidence["since"]
    assert since is not None
    assert abs(pd.Timestamp(since).timestamp() - (prod.now - 6 * HOUR)) < 600
    assert "last week 0.2 %" in named(found, "inputs")[0].told or "last week 0." in named(found, "inputs")[0].told
    assert found.worst is not None
    command = shlex.split(found.worst.next)
    assert command[-1] == "tenure_days is null"
    assert type_in(command[1:]) == 0
    assert "tenure_days" in capsys.readouterr().out
    bad = nd.requests("prod/churn", condition="tenure_days is null").frame
    assert nd.load("prod/churn").predict(bad.to_pandas()).tolist() == bad["prediction"].to_list()
    assert type_in(["diagnose", "prod/churn", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["next"]) == (False, found.worst.next)
    assert "who asked" in found.card().html()
    assert "crm-batch" in found.card().text()


def test_nothing_asked_yet_is_no_trouble(prod: Prod, shell: InteractiveShell) -> None:
    """The certified sample is answered all the same, and does not count as a request."""
    for _ in range(2):
        found = nd.diagnose("prod/fresh")
        assert found
        assert named(found, "sample")[0].told == "200 rows are answered as certified, to the last bit"
        assert named(found, "requests")[0].told == "nothing was asked in the last 24h"
    shell.run_line_magic("load_ext", "nbdeploy")
    shell.run_cell("found = %deploy diagnose prod/fresh --since 2h").raise_error()
    assert named(shell.user_ns["found"], "requests")[0].told == "nothing was asked in the last 2h"


def test_what_was_so_last_week_is_not_what_is_wrong_today(prod: Prod) -> None:
    """It is told, and not judged."""
    prod.past("steady", "crm", customers(1000, 5, missing=0.3), 20, 60)
    prod.past("steady", "crm", customers(1000, 7, missing=0.3), 100, 60)
    found = nd.diagnose("prod/steady")
    assert found
    assert named(found, "inputs")[0].told.endswith("so it was last week")


def test_answers_that_are_not_made_here_are_told(prod: Prod) -> None:
    """Rows that this computer answers otherwise say that one of both environments is not the certified one."""
    wrong = pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("no")).otherwise("prediction").alias("prediction")
    prod.past("odd", "crm", customers(400, 8), 2, 60, wrong)
    found = nd.diagnose("prod/odd")
    assert found.worst is not None
    assert found.worst.name == "logged rows"
    assert "get other answers here" in found.verdict
    assert found.worst.next.endswith("verify churn:1 --fresh-env")


def test_requests_that_are_refused_are_told_with_their_reason(prod: Prod) -> None:
    """By whom, and how many."""
    token = prod.place.token("predict", "batch")
    rows = [{"plan": "gold", "tenure_days": 5.0, "age": 30}]
    for n in range(16):
        body = rows if n % 2 else [{**rows[0], "plan": "platinum"}]
        prod.place.ask("POST", "/models/refused/predict", token, json=body)
    found = nd.diagnose("prod/refused")
    assert found.worst is not None
    assert found.worst.name == "requests"
    assert found.worst.told.startswith("8 of 16 (50 %) were not answered, caller batch")
    assert "platinum" in found.worst.told
    assert nd.requests("prod/refused", condition="outcome != 'ok'").frame.height == 8


def test_truth_is_compared_with_the_certificate(prod: Prod) -> None:
    """Predictions that come true less often than certified are told; a few are too few to judge."""
    prod.past("labelled", "crm", customers(400, 11), 2, 60)
    rows = nd.requests("prod/labelled").frame
    few = rows.head(10).with_columns(truth=pl.col("prediction"))
    assert nd.label("prod/labelled", few, id="id", truth="truth")
    assert named(nd.diagnose("prod/labelled"), "truth")[0].told.endswith("too few to judge")
    half = rows.with_columns(truth=pl.when(pl.col("row") < 5).then(pl.col("prediction")).otherwise(pl.lit("never")))
    nd.label("prod/labelled", half, id="id", truth="truth")
    found = nd.diagnose("prod/labelled", since=timedelta(hours=3))
    assert found.worst is not None
    assert found.worst.name == "truth"
    assert "50 % of 400 predictions came true (certificate 8" in found.verdict


def test_without_the_snapshot_here_the_rest_is_told(
    prod: Prod, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What needs it says so; the endpoint's own check needs nothing."""
    monkeypatch.setenv("NBDEPLOY_STORE", str(tmp_path / "empty"))
    found = nd.diagnose("prod/churn")
    assert named(found, "sample")[0].ok
    assert "not predicted again here" in named(found, "logged rows")[0].told
    with pytest.raises(NotFound, match="no deployment 'prod/none'"):
        nd.diagnose("prod/none")
    nd.target_add("gone", "http://127.0.0.1:1")
    with pytest.raises(Unreachable):
        nd.diagnose("gone/churn")


def test_an_output_is_looked_at_by_its_provenance(
    prod: Prod, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its bytes, input, snapshot, rejects, and its rows beside training."""
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = customers(500, 12, missing=0.4)
    rows.loc[:30, "plan"] = "platinum"
    rows.to_csv(source, index=False)
    nd.predict("churn:1", source, out, rejects=tmp_path / "rejects.csv")
    assert type_in(["diagnose", str(out)]) == 3
    assert "of the rows were set aside: plan" in capsys.readouterr().out
    found = nd.diagnose(str(out))
    assert named(found, "inputs")[0].told.startswith("tenure_days missing 38 % (training 0.2 %)")
    out.write_text(out.read_text() + "\n")
    assert nd.diagnose(str(out)).worst.told == "its bytes were changed"  # type: ignore[union-attr]
    with pytest.raises(NotFound, match="provenance"):
        nd.diagnose(str(source))
    with pytest.raises(WrongUsage, match="is a folder"):
        nd.diagnose(str(tmp_path))

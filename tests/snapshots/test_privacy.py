"""What of the user's rows leaves the notebook: as many as she chose, masked where she said so, and she is told."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import nbdeploy as nd
from nbdeploy.codecs import bind, describe, rebuild
from nbdeploy.codecs.declared import declare
from nbdeploy.codecs.veiled import veil
from nbdeploy.errors import InvalidData, NotFound, RehearsalFailed, WrongUsage
from nbdeploy.snapshots.answers import Answers, Asking, answer
from nbdeploy.snapshots.describing import profile_model
from nbdeploy.snapshots.exposure import private_traces
from nbdeploy.snapshots.options import Options
from nbdeploy.snapshots.pages.disclosure import inside, kept_line, warnings_of, with_traces
from nbdeploy.snapshots.privacy import keep
from nbdeploy.snapshots.sampling import Kept

CUSTOMERS = pd.DataFrame(
    {
        "name": [f"Ann-{n}" for n in range(60)],
        "age": [20.0 + n for n in range(60)],
        "plan": ["gold", "basic", "gold"] * 20,
        "income": [20_000.125 + n * 977.25 for n in range(60)],
    }
)
LEFT = CUSTOMERS["age"] > 50


def _model(unknown: str = "ignore", last: Any = None) -> Any:
    words = OneHotEncoder(handle_unknown=unknown)
    columns = make_column_transformer((StandardScaler(), ["age", "income"]), (words, ["name", "plan"]))
    return make_pipeline(columns, last or LogisticRegression()).fit(CUSTOMERS, LEFT)


def _kept_of(model: Any, data: Any, carried: Any = None, **chosen: Any) -> tuple[Kept, Answers]:
    options = Options(**chosen)
    asking = Asking("sklearn", None, options.rows, 1e-12, declared={"private": options.private})
    answers = answer(model, data, asking)
    kept = keep(
        model, answers, options, lambda: profile_model(model, data, answers, options.private).inputs, carried or {}
    )
    return kept, answers


def _kept(model: Any, **chosen: Any) -> Kept:
    return _kept_of(model, CUSTOMERS, **chosen)[0]


def _own(rows: pl.DataFrame) -> int:
    """How many rows are the user's."""
    return rows.join(pl.from_pandas(CUSTOMERS), on=rows.columns, how="semi").height


def test_as_many_rows_are_kept_as_were_asked_for() -> None:
    """And the record says how many."""
    kept = _kept(_model(), sample=10)
    assert (kept.sample.height, kept.expected.height, _own(kept.sample)) == (10, 10, 10)
    assert kept.privacy == {
        "sample": "rows",
        "rows": 10,
        "own_rows": 10,
        "private": [],
        "inside": [{"where": "OneHotEncoder.categories_", "private": []}],
    }


def test_rows_of_the_users_choosing_are_kept() -> None:
    """Any table that the model takes; one that it does not take is refused."""
    mine = pd.DataFrame({"plan": ["basic"], "name": ["nobody"], "income": [3.5], "age": [41.0]})
    kept = _kept(_model(), sample=mine)
    assert kept.sample.to_dicts() == [{"name": "nobody", "age": 41.0, "plan": "basic", "income": 3.5}]
    assert (kept.expected.height, kept.privacy["own_rows"], kept.privacy["sample"]) == (1, 1, "chosen")
    with pytest.raises(InvalidData, match=r"the rows to keep \(--sample\) do not fit the model: missing columns: age"):
        _kept(_model(), sample=mine.drop(columns="age"))


def test_synthetic_rows_are_nobodys() -> None:
    """They are like the data, the model answers them, and no name of the data is among them."""
    kept = _kept(_model(), sample="synthetic")
    assert (kept.sample.height, kept.expected.height, _own(kept.sample)) == (200, 200, 0)
    assert set(kept.sample["plan"]) == {"gold", "basic"}
    assert not set(kept.sample["name"]) & set(CUSTOMERS["name"])
    assert kept.sample["age"].is_between(20, 80).all()
    assert kept.sample.equals(_kept(_model(), sample="synthetic").sample), "the same on every run"


def test_no_rows_are_a_table_without_rows() -> None:
    """Its columns and types stay."""
    kept = _kept(_model(), sample="none")
    assert (kept.sample.height, kept.expected.height) == (0, 0)
    assert kept.sample.columns == ["name", "age", "plan", "income"]
    assert kept.expected.columns[:2] == ["decision_function_0", "prediction"]


def test_a_private_column_is_masked_everywhere_alike() -> None:
    """The model answers the masked rows."""
    model = _model()
    kept = _kept(model, private=["name"])
    assert kept.sample["name"].n_unique() == 1
    assert not set(kept.sample["name"]) & set(CUSTOMERS["name"])
    assert kept.sample["age"].to_list() == CUSTOMERS["age"].to_list()
    assert kept.expected["prediction"].to_list() == model.predict(kept.sample.to_pandas()).tolist()


def test_an_unknown_private_column_is_refused_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="no column 'nam'; did you mean name"):
        _kept(_model(), private=["nam"])


def test_a_model_that_refuses_masked_rows_says_what_to_keep_instead() -> None:
    """The mask is no category that the encoder knows."""
    with pytest.raises(
        RehearsalFailed, match=r"masked columns \(name\).*--sample none or --sample synthetic"
    ) as raised:
        _kept(_model("error"), private=["name"])
    assert "Ann" not in str(raised.value)
    with pytest.raises(RehearsalFailed, match=r"refuses rows drawn from the profile.*--sample none or --sample 200"):
        _kept(_model("error"), sample="synthetic")


def test_other_words_for_a_sample_are_refused() -> None:
    with pytest.raises(WrongUsage, match="sample 'synth' is not understood; there are"):
        Options(sample="synth")
    with pytest.raises(WrongUsage, match="give at least 1, or none"):
        Options(sample=0)


@pytest.mark.parametrize(
    ("last", "where"),
    [
        (KNeighborsClassifier(), "KNeighborsClassifier._fit_X (60 rows)"),
        (SVC(), "SVC.support_vectors_"),
        (LogisticRegression(), ""),
    ],
)
def test_rows_inside_the_model_are_told(last: Any, where: str) -> None:
    """Some models are the rows they were fitted on; who keeps no rows is warned."""
    privacy = _kept(_model(last=last), sample="none").privacy
    assert where in inside(privacy)
    assert any("rows" in one for one in privacy["inside"]) is bool(where)
    assert "OneHotEncoder.categories_" in warnings_of(privacy)[0]
    assert warnings_of({**privacy, "sample": "rows"}) == []


@pytest.mark.parametrize(
    ("privacy", "said"),
    [
        ({"own_rows": 1, "rows": 1}, "1 of your rows is in it"),
        ({"own_rows": 9, "rows": 9, "private": ["name"]}, "9 of your rows are in it, without name"),
        ({"own_rows": 0, "rows": 0}, "none of your rows is in it"),
        ({}, ""),
    ],
)
def test_how_many_rows_are_in_a_bundle_is_said_in_words(privacy: dict[str, Any], said: str) -> None:
    assert kept_line(privacy) == said


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (_model(), "OneHotEncoder.categories_ (of the private name)"),
        (
            _model(last=KNeighborsClassifier()),
            "KNeighborsClassifier._fit_X (60 rows, the private name and income among",
        ),
        (_model(last=DecisionTreeClassifier()), "the splits of DecisionTreeClassifier (of the private income)"),
        (
            make_pipeline(make_column_transformer((MinMaxScaler(), ["income"])), LogisticRegression()),
            "MinMaxScaler.data_min_ (of the private income), MinMaxScaler.data_max_ (of the private income)",
        ),
    ],
    ids=["categories", "neighbours", "tree", "range"],
)
def test_private_columns_inside_the_model_are_named(model: Any, said: str) -> None:
    """Whatever rows are kept; places without any of them are not warned of then."""
    (warning,) = warnings_of(_kept(model.fit(CUSTOMERS, LEFT), private=["name", "income"]).privacy)
    assert said in warning


def test_private_columns_that_do_not_reach_the_last_step_are_not_said_to_be_in_it() -> None:
    """The rows that the neighbours keep are made of another column."""
    columns = make_column_transformer((StandardScaler(), ["age"]))
    kept = _kept(make_pipeline(columns, KNeighborsClassifier()).fit(CUSTOMERS, LEFT), private=["name", "income"])
    assert kept.privacy["inside"] == [{"where": "KNeighborsClassifier._fit_X", "rows": 60, "private": []}]
    assert warnings_of(kept.privacy) == []
    assert "60 of your rows are in it, without name, income; the model itself holds 60" in kept_line(kept.privacy)


def test_what_the_notebook_lends_to_a_function_is_looked_through() -> None:
    """Its tables count as rows, and its dictionaries may have values of a private column."""
    lent = {"RISK": dict.fromkeys(CUSTOMERS["name"], 0.5), "KNOWN": CUSTOMERS[["age", "name"]], "LIMIT": 41.0}
    privacy = _kept(_model(), carried=lent, private=["name", "income"]).privacy
    assert {"where": "KNOWN", "rows": 60, "private": ["name"]} in privacy["inside"]
    assert {"where": "RISK", "private": ["name"]} in privacy["inside"]
    assert "LIMIT" not in inside(privacy)


def test_masked_categories_are_accepted_by_the_signature() -> None:
    """The neutral text is none of them; the first one, which the signature lists anyway, is."""
    customers = CUSTOMERS.assign(name=CUSTOMERS["name"].astype("category"), plan=CUSTOMERS["plan"].astype("category"))
    model = make_pipeline(make_column_transformer((OrdinalEncoder(), ["name", "plan"])), LogisticRegression())
    model.fit(customers, LEFT)
    for chosen in ({"private": ["name"]}, {"sample": "synthetic"}):
        kept, answers = _kept_of(model, customers, **chosen)
        assert bind(rebuild(kept.sample, answers.signature), answers.signature).equals(kept.sample)
        assert kept.sample["name"].unique().to_list() == ["Ann-0"]
    assert "the signature's categories (of the private name)" in inside(
        _kept_of(model, customers, private=["name"])[0].privacy
    )


def test_private_values_are_found_in_files_however_they_are_written(tmp_path: Path) -> None:
    """As text of any width, and as binary numbers; what says too little is not looked for."""
    answers = _kept_of(_model(), CUSTOMERS, private=["name", "income", "age"])[1]
    written = {
        "pickle": pickle.dumps({"of": list(CUSTOMERS["name"])}),
        "numpy": np.array(CUSTOMERS["name"], dtype="U").tobytes(),
        "numbers": CUSTOMERS["income"].to_numpy().tobytes(),
        "text": f"{CUSTOMERS['income'].max():.17g}".encode(),
        "ages": CUSTOMERS["age"].to_numpy().tobytes() + b"41.0",
    }
    for path, content in written.items():
        (tmp_path / path).write_bytes(content)
    found = {one["where"]: one["private"] for one in private_traces(tmp_path, written, answers)}
    assert found == {"pickle": ["name"], "numpy": ["name"], "numbers": ["income"], "text": ["income"]}
    known = {"inside": [{"where": "a", "private": ["name"]}]}
    traces = [{"where": "model/x", "private": ["name"]}, {"where": "code/x.py", "private": ["name"]}]
    assert with_traces(known, traces)["inside"] == [{"where": "a", "private": ["name"]}, traces[1]]


PRIVATE = declare(describe(CUSTOMERS[["name", "age", "plan"]]), private=["name", "age"])


def test_refusals_do_not_show_a_private_value() -> None:
    """Neither in the message nor in its facts; other columns are shown as ever."""
    for rows in ([{"name": 7341, "age": 1.0, "plan": "gold"}], [{"name": "x", "age": "7341", "plan": "gold"}]):
        with pytest.raises(InvalidData) as raised:
            bind(rows, PRIVATE)
        assert "7341" not in f"{raised.value} {raised.value.facts}"
        assert "row 0, column" in str(raised.value)
    with pytest.raises(InvalidData, match="7341"):
        bind([{"name": "x", "age": 1.0, "plan": 7341}], PRIVATE)
    mixed = pd.DataFrame({"name": ["x", 7341], "age": 1.0, "plan": "gold"})
    with pytest.raises(InvalidData) as raised:
        bind(mixed, PRIVATE)
    assert "7341" not in f"{raised.value} {raised.value.facts}"
    assert PRIVATE.columns[1].low is None


def test_what_a_model_says_of_private_values_is_veiled() -> None:
    """In whatever way it writes them."""
    wire = bind(CUSTOMERS, PRIVATE)
    for text in (
        "bad 'Ann-3'",
        'bad "Ann-3"',
        "bad Ann-3!",
        "found 41.0",
        "found np.float64(41.0)",
        "found 41.0, 'Ann-3'",
    ):
        told = veil(text, wire, PRIVATE)
        assert "Ann" not in told
        assert "41" not in told
        assert "(private)" in told
    assert veil("plan gold of row 3", wire, PRIVATE) == "plan gold of row 3"


def test_a_failure_in_the_clean_process_does_not_show_a_private_value(script: Any) -> None:
    """The model quotes what it was given; the message of the refusal, its facts and its chain do not."""
    answer = script(
        """
import traceback
import nbdeploy as nd, pandas as pd, os
here = os.getpid()
def quoting(rows):
    if os.getpid() != here:
        raise ValueError(f"cannot place {rows['name'].iloc[3]!r} of {rows['plan'].iloc[0]!r}")
    return rows["age"]
X = pd.DataFrame({"name": [f"Ann-{n}" for n in range(30)], "age": 1.0, "plan": "gold"})
try:
    nd.snapshot(quoting, "quoting", X, private=["name"])
except nd.NbdeployError as error:
    answer = {"said": "".join(traceback.format_exception(error)), "facts": str(error.facts)}
"""
    )
    assert "cannot place (private) of 'gold'" in answer["said"]
    assert "Ann" not in answer["said"] + answer["facts"]


def test_a_snapshot_without_rows_is_proven_and_says_what_can_be_proven_again(home: Path) -> None:
    """It was proven with rows that are not in it; verifying shows that it loads, and asks for rows."""
    taken = nd.snapshot(_model(), "churn", CUSTOMERS, sample="none", private=["name"])
    assert "proven equal in a clean process (60 rows" in taken.line
    assert "none of your rows is in it" in taken.line
    (warning,) = taken.notices
    assert "OneHotEncoder.categories_ (of the private name); they leave the notebook with it" in warning
    bundle = nd.load("churn").bundle.path
    beside = [file for file in bundle.rglob("*") if file.is_file() and file.parent.name != "model"]
    assert not [file for file in beside if b"Ann-" in file.read_bytes()]
    assert "rows kept" in (bundle / "README.md").read_text()
    verified = nd.verify("churn")
    assert "no rows are kept with it" in verified.line
    again = nd.snapshot(_model(), "churn", CUSTOMERS, sample=5, private=["name"])
    assert again.event == "found"


SLOW = """
import nbdeploy as nd, pandas as pd, os, time
here = os.getpid()
def slow(rows):
    if os.getpid() != here:
        time.sleep(60)
    return rows["age"]
print("ready", flush=True)
nd.snapshot(slow, "slow", pd.DataFrame({"name": [f"Ann-{n}" for n in range(30)], "age": 1.0}))
"""


def test_an_interrupt_leaves_no_rows_behind(tmp_path: Path, home: Path) -> None:
    """The rows to prove with are in a temporary folder, which goes away whatever happens."""
    (tmp_path / "slow.py").write_text(SLOW)
    folder = tmp_path / "temporary"
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder)}
    child = subprocess.Popen([sys.executable, str(tmp_path / "slow.py")], env=environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not list(folder.rglob("sample.parquet")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list(folder.rglob("sample.parquet"))
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=30) != 0
    finally:
        child.kill()
    assert list(folder.rglob("*.parquet")) == []
    assert not list(home.rglob("*.parquet"))

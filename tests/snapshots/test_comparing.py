"""Versions are compared by what they answer, and an alias moves only for a reason that was measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbdeploy as nd
from nbdeploy import api
from nbdeploy.cards import Card, Patch
from nbdeploy.commands.shell import run
from nbdeploy.errors import ConditionFalse, Conflict, InvalidData, NotFound, WrongUsage
from nbdeploy.store import Store
from tests.models import PENGUINS, populated

SCALE = """
class Scale(TransformerMixin, BaseEstimator):
    def __init__(self, by=1000.0):
        self.by = by
    def fit(self, X, y=None):
        self.fitted_ = True
        return self
    def transform(self, X):
        return {scaled}
"""
SOURCE = f"""
import numpy as np
import pandas as pd
import nbdeploy as nd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

rows = pd.read_csv(PENGUINS).dropna()
rows = rows.sample(frac=1.0, random_state=0)
y = (rows["sex"] == "male").map({{True: "m", False: "f"}})
X = rows[["bill_length_mm", "body_mass_g"]].astype(float)

{SCALE.format(scaled='X[["body_mass_g"]] / self.by')}
good = make_pipeline(Scale(), LogisticRegression()).fit(X[:200], y[:200])
nd.snapshot(good, "sex", data=X[:200], test=(X[200:], y[200:]))

{SCALE.format(scaled='X[["bill_length_mm"]] / self.by * len("<b>") / 3')}
worse = make_pipeline(Scale(10.0), LogisticRegression()).fit(X[:200], y[:200])
nd.snapshot(worse, "sex", data=X[:200], test=(X[200:], y[200:]), note="only bills")
nd.snapshot(LinearRegression().fit(X[["body_mass_g"]], X["bill_length_mm"]), "bill", data=X[["body_mass_g"]])
"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions of a classifier, the better one first, and a regressor."""
    return populated(tmp_path_factory.mktemp("compared"), SOURCE)


@pytest.fixture
def holdout() -> tuple[pd.DataFrame, pd.Series]:
    """Rows and answers that neither was trained with."""
    rows = pd.read_csv(PENGUINS).dropna().sample(frac=1.0, random_state=0)[200:]
    y = (rows["sex"] == "male").map({True: "m", False: "f"})
    return rows[["bill_length_mm", "body_mass_g"]].astype(float), y


@pytest.fixture(autouse=True)
def store(compared: Path, home: Path) -> Store:
    """The store, free to change."""
    shutil.copytree(compared, home / "store")
    return Store(str(home / "store"), home / "cache")


def document(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert run([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_difference_says_what_answers_otherwise_and_why(store: Store) -> None:
    """Rows of the sample, metrics, parameters and the lines of code, in a line, a card and a document."""
    found = nd.diff("sex:1", "sex:2")
    asked = found.predictions
    assert (asked.rows, asked.largest) == (200, float("inf"))
    assert 0 < asked.differing < 200
    assert f"sex:1 → sex:2: {asked.differing} of 200 sample rows answered differently; auc " in found.line
    assert [line for line in found.code if line[0] in "+-" and line[:3] not in {"+++", "---"}] == [
        '-        return X[["body_mass_g"]] / self.by',
        '+        return X[["bill_length_mm"]] / self.by * len("<b>") / 3',
    ]
    assert ("scale__by", "1000.0", "10.0") in [(c.name, c.before, c.after) for c in found.parameters]
    first = asked.first[0]
    old, new = nd.load("sex:1"), nd.load("sex:2")
    row = old.sample[first.row]
    assert first.before == {"prediction": old.predict(row)[0]}
    assert first.after == {"prediction": new.predict(row)[0]}
    told = found.document()
    assert {"signature", "environment", "metrics", "files", "code", "predictions"} <= set(told)
    html = found._repr_html_()
    assert "&lt;b&gt;" in html
    assert "rgba(46,160,67" in html


def test_the_same_content_has_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing has to be asked for that."""
    assert nd.diff("sex:1", "sex:1").line.startswith("sex:1 → sex:1: the same content, sha256:")
    assert document(capsys, "diff", "sex:1", "sex:1")["same"]


def test_models_that_take_other_rows_are_compared_in_all_but_predictions() -> None:
    """What fits both is asked, and for the rest the reason is said."""
    found = nd.diff("sex:1", "bill")
    assert any("the sample of bill:1 does not fit both" in reason for reason in found.predictions.reasons)
    assert "not compared: the sample of bill:1" in found.line
    assert any(change.name == "bill_length_mm: type" and change.after is None for change in found.signature)
    assert all(line.startswith(("-", "@@", "+++ /dev/null")) for line in found.code)


def test_an_alias_moves_only_to_what_is_better(store: Store, holdout: tuple[Any, Any]) -> None:
    """Both are measured on the rows given; the first champion needs nobody to beat."""
    first = nd.alias("sex:2", "champion", if_="auc >= champion.auc - 0.002", test=holdout)
    assert (first.ok, first.holds, store.aliases("sex")) == (True, None, {"champion": 2})
    better = nd.alias("sex:1", "champion", if_="auc >= champion.auc - 0.002", test=holdout)
    assert (better.ok, better.before, store.aliases("sex")) == (True, 2, {"champion": 1})
    worse = nd.alias("sex:2", "champion", if_="auc >= champion.auc - 0.002", test=holdout)
    assert (bool(worse), store.aliases("sex")) == (False, {"champion": 1})
    assert "sex@champion stays sex:1: auc >= champion.auc - 0.002 is false for sex:2 on 133 rows" in worse.line
    expected = nd.load("sex:1").predict_proba(holdout[0])[:, 1]
    from sklearn.metrics import roc_auc_score

    assert worse.values["champion.auc"] == pytest.approx(roc_auc_score(holdout[1] == "m", expected))
    with pytest.raises(ConditionFalse, match="stays sex:1"):
        nd.alias("sex:2", "champion", if_="auc > champion.auc", test=holdout, or_fail=True)
    assert nd.alias("sex:1", "champion", if_="auc > 2", test=holdout).line == "sex@champion is sex:1 already"
    with pytest.raises(WrongUsage, match="auc >"):
        nd.alias("sex:1", "champion", if_="auc >", test=holdout)


def test_what_has_no_champion_must_still_be_good_itself(store: Store, holdout: tuple[Any, Any]) -> None:
    """A floor that needs no champion is no reason to move."""
    assert not nd.alias("sex:2", "champion", if_="auc >= champion.auc and accuracy > 99%", test=holdout)
    assert not nd.alias("sex:2", "champion", if_="accuracy > 99%", test=holdout)
    assert store.aliases("sex") == {}


def test_other_aliases_can_be_named(store: Store, holdout: tuple[Any, Any]) -> None:
    """`current` is what the alias means, and every other alias of the model is itself."""
    nd.alias("sex:1", "champion")
    nd.alias("sex:2", "staging")
    won = nd.alias(
        "sex:1", "staging", if_="auc > current.auc and auc == champion.auc and auc > staging.auc", test=holdout
    )
    assert (won.ok, set(won.metrics)) == (True, {"sex:1", "sex:2"})
    with pytest.raises(NotFound, match="no alias 'prod'"):
        nd.alias("sex:2", "staging", if_="auc > prod.auc", test=holdout)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"if_": "acu > 1"}, NotFound, "no metric 'acu'; did you mean auc"),
        ({"if_": "auc > champion.acu"}, NotFound, "no metric 'champion.acu'; did you mean champion.auc"),
        ({"if_": "auc = 1"}, WrongUsage, "compare with =="),
        ({"if_": "__import__('pathlib').Path('owned').touch() or auc > 0"}, WrongUsage, "is no comparison"),
        ({"if_": "auc > champion.__class__"}, NotFound, "no metric 'champion.__class__'"),
        ({"if_": "auc > {open('owned', 'w')}"}, WrongUsage, "is no number or metric"),
        ({"if_": "auc > 1", "test": None}, WrongUsage, "belong together"),
        ({"or_fail": True, "test": None}, WrongUsage, "needs one"),
        ({"if_": "auc > 1", "test": ("none.csv", "y")}, NotFound, "none.csv"),
        ({"if_": "auc > 1", "test": (pd.DataFrame({"x": [1.0]}), ["m"])}, InvalidData, "missing"),
        (
            {"if_": "auc > 1", "test": ({"bill_length_mm": [40.0], "body_mass_g": [4000.0]}, ["m", "f"])},
            InvalidData,
            "the test labels have 2 rows, but the test data has 1",
        ),
    ],
)
def test_a_condition_that_cannot_be_asked_moves_nothing(
    store: Store, holdout: tuple[Any, Any], given: dict[str, Any], error: type[Exception], message: str
) -> None:
    """What is unknown, unreadable or missing is said before anything moves."""
    nd.alias("sex:1", "champion")
    with pytest.raises(error, match=message):
        nd.alias("sex:2", "champion", **{"test": holdout, **given})
    assert store.aliases("sex") == {"champion": 1}
    assert not Path("owned").exists()


def test_a_shell_promotes_from_files(holdout: tuple[Any, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Rows and the name of their answers' column, or two files; the status tells what became of it."""
    X, y = holdout
    X.assign(sex=y).to_csv("both.csv", index=False)
    X.to_parquet("rows.parquet")
    y.to_frame().to_csv("sex.csv", index=False)
    words = ["alias", "sex:1", "champion", "--if", "accuracy > 50%"]
    assert document(capsys, *words, "--test", "both.csv", "sex")["moved"]
    words = ["alias", "sex:2", "champion", "--if", "auc > champion.auc", "--test", "rows.parquet", "sex.csv"]
    told = document(capsys, *words, status=3)
    assert (told["moved"], told["version"], told["candidate"]) == (False, 1, 2)
    assert document(capsys, *words, "--or-fail", status=1)["metrics"].keys() == {"sex:1", "sex:2"}
    assert run([*words[:-2], "both.csv", "sexx"]) == 1
    assert "no column 'sexx'; did you mean sex?" in capsys.readouterr().err


def test_history_tells_who_did_what_in_order(holdout: tuple[Any, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Versions, moves with their condition, and removals, also of what is gone."""
    nd.alias("sex:1", "champion", if_="auc > 0.5", test=holdout)
    api.remove_alias("sex@champion")
    with pytest.raises(WrongUsage, match=r"sex:2 would be removed .* add --yes"):
        api.rm("sex")
    api.rm("sex", yes=True)
    events = document(capsys, "history", "sex")
    assert [(e["event"], e["version"], e["alias"]) for e in events] == [
        ("stored", 1, ""),
        ("stored", 2, ""),
        ("alias", 1, "champion"),
        ("alias removed", None, "champion"),
        ("removed", 2, ""),
    ]
    assert (events[1]["note"], events[2]["note"]) == ("only bills", "if auc > 0.5")
    assert all(event["at"] and event["by"] for event in events)
    assert [row["version"] for row in document(capsys, "list", "sex")] == [1]
    assert "no snapshot 'sec'; did you mean sex?" in document(capsys, "history", "sec", status=1)["error"]
    assert "is a deployment" in document(capsys, "history", "prod/sex", status=2)["error"]


def test_history_keeps_the_order_of_facts_whatever_clocks_say(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moves of an alias are in the order in which they were made, on machines whose clocks differ."""
    for clock, number in (("2031-01-01T00:00:00+00:00", 1), ("2030-01-01T00:00:00+00:00", 2)):
        monkeypatch.setattr("nbdeploy.store.models.now", lambda clock=clock: clock)
        store.set_alias("sex", "champion", number)
    moved = [(event.version, event.at[:4]) for event in api.history("sex").events if event.event == "alias"]
    assert moved == [(1, "2031"), (2, "2030")]


def test_a_damaged_record_is_noted_beside_the_list(
    store: Store, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest is listed; the notice says how to get rid of it, and that works."""
    (home / "store" / "models" / "sex" / "versions" / "00000002.json").write_text("{")
    assert run(["list", "sex"]) == 0
    out, err = capsys.readouterr()
    assert "sex:1" in out
    assert "warning: record 2 of the versions of sex is damaged" in err
    assert run([]) == 0
    assert run(["rm", "sex:2", "--yes"]) == 0
    capsys.readouterr()
    assert run(["list"]) == 0
    assert "warning" not in capsys.readouterr().err


def test_removed_files_go_with_the_next_gc(capsys: pytest.CaptureFixture[str], store: Store) -> None:
    """What an alias means stays; a removed version's own files go, once they are old enough."""
    nd.alias("sex:1", "champion")
    with pytest.raises(Conflict, match="sex:1 is sex@champion"):
        api.rm("sex@champion", yes=True)
    assert document(capsys, "rm", "sex:2", "--yes")["number"] == 2
    young = document(capsys, "gc")
    assert (young["deleted"], young["waiting"] > 0) == (0, True)
    would = document(capsys, "gc", "--grace", "0", "--dry-run")
    assert document(capsys, "gc", "--grace", "0s")["bytes"] == would["bytes"] > 0
    assert document(capsys, "gc", "--grace", "0")["deleted"] == 0
    assert nd.load("sex").predict(nd.load("sex").sample).shape == (200,)
    assert "no time span" in document(capsys, "gc", "--grace", "5", status=2)["error"]


def test_a_patch_says_everything_in_text_and_html() -> None:
    """Sections come after the facts; what looks like markup is shown as it is."""
    card = Card("title", [("a", 1)], parts=[("code", Patch(["--- a", "+++ b", "-<x>", "+y", " z"]))])
    assert card.text().splitlines() == [
        "title",
        "  a  1",
        "  code",
        "    --- a",
        "    +++ b",
        "    -<x>",
        "    +y",
        "     z",
    ]
    assert "-&lt;x&gt;" in card.html()

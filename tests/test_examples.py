"""The examples run as they are, each as a batch run in an empty home."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import nbdeploy as nd
from nbdeploy.batch.pipelines import read

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_first_ten_minutes() -> None:
    """Snapshot, push, call, predict, and the endpoint stopped at the end."""
    run = nd.run(EXAMPLES / "first_ten_minutes.ipynb")
    assert run.status == "succeeded"
    assert nd.show("tumour@champion").document()["metrics"]["auc"] > 0.98
    assert nd.status("local").targets[0].healthy is False


def test_months_of_flights_retrained_and_promoted_only_if_better() -> None:
    """The first model is the champion; one of the month after that learned from 50 flights is worse, and is not."""
    retrain, score = (EXAMPLES / "flights" / name for name in ("retrain.ipynb", "score.ipynb"))
    first = nd.run(retrain, {"month": "2013-05"})
    worse = nd.run(retrain, {"month": "2013-06", "rows": 50})
    assert (first.metrics["promoted"], worse.metrics["promoted"]) == (1, 0)
    assert worse.metrics["auc"] == nd.show("late:2").document()["metrics"]["auc"]
    moves = [(event.version, event.alias) for event in nd.history("late").events if event.alias]
    assert moves == [(1, "candidate"), (1, "champion"), (2, "candidate")]

    scored = nd.run(score, {"month": "2013-07", "folder": str(Path.cwd())})
    table = pd.read_csv(scored.outputs["2013-07"])
    assert (len(table), table["probability_True"].between(0, 1).all()) == (29_425, True)
    assert 0 < scored.metrics["error"] < 0.2
    report = scored.output.read_text()
    assert "29,425 rows predicted by late:1" in report
    assert "image/svg+xml" in report


def test_the_months_as_a_pipeline() -> None:
    """Both notebooks take what the file gives them, one after the other."""
    found = read(EXAMPLES / "flights" / "monthly.yaml")
    assert {name: list(step.needs) for name, step in found.steps.items()} == {"retrain": [], "score": ["retrain"]}


def test_every_example_is_tried() -> None:
    """No notebook is shipped that no test runs."""
    source = Path(__file__).read_text()
    assert [path.name for path in EXAMPLES.rglob("*.ipynb") if path.name not in source] == []

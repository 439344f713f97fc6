"""The examples run as they are, each as a batch run in an empty home."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import nbdeploy as nd

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_first_ten_minutes() -> None:
    """Snapshot, push, call, predict, and the endpoint stopped at the end."""
    run = nd.run(EXAMPLES / "first_ten_minutes.ipynb")
    assert run.status == "succeeded"
    assert nd.show("tumour@champion").document()["metrics"]["auc"] > 0.98
    assert nd.status("local").targets[0].healthy is False


def test_months_of_flights_retrained_and_promoted_only_if_better() -> None:
    """The first model is the champion; one of the month after that learned from 50 flights is worse, and is not."""
    flights = EXAMPLES / "flights"
    months = {"learned": "2013-05", "scored": "2013-07", "folder": str(Path.cwd())}
    made = nd.pipeline(flights / "monthly.yaml", months)
    worse = nd.run(flights / "retrain.ipynb", {"month": "2013-06", "rows": 50})
    assert (made["retrain"].metrics["promoted"], worse.metrics["promoted"]) == (1, 0)
    assert worse.metrics["auc"] == nd.show("late:2").document()["metrics"]["auc"]
    moves = [(event.version, event.alias) for event in nd.history("late").events if event.alias]
    assert moves == [(1, "candidate"), (1, "champion"), (2, "candidate")]

    scored = made["score"]
    table = pd.read_csv(scored.outputs["2013-07"])
    assert (len(table), table["probability_True"].between(0, 1).all()) == (29_425, True)
    assert 0 < scored.metrics["error"] < 0.2
    report = scored.output.read_text()
    assert "29,425 rows predicted by late:1" in report
    assert "image/svg+xml" in report


def test_every_example_is_tried() -> None:
    """No notebook is shipped that no test runs, by itself or in a pipeline."""
    tried = Path(__file__).read_text()
    tried += "".join(path.read_text() for path in EXAMPLES.rglob("*.yaml") if path.name in tried)
    assert [path.name for path in EXAMPLES.rglob("*.ipynb") if path.name not in tried] == []

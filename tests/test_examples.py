"""The examples run as they are, each as a batch run in an empty home."""

from __future__ import annotations

from pathlib import Path

import nbdeploy as nd
from nbdeploy import api

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_first_ten_minutes() -> None:
    """Snapshot, push, call, predict, and the endpoint stopped at the end."""
    run = nd.run(EXAMPLES / "first_ten_minutes.ipynb")
    assert run.status == "succeeded"
    assert nd.show("tumour@champion").document()["metrics"]["auc"] > 0.98
    assert nd.status("local").targets[0].healthy is False


def test_retraining_takes_its_parameters() -> None:
    """Another strength is another version, and the alias moves to it."""
    nd.run(EXAMPLES / "retrain.ipynb")
    nd.run(EXAMPLES / "retrain.ipynb", {"strength": 0.01})
    assert nd.show("tumour@candidate").document()["note"] == "C = 0.01"
    assert [row["version"] for row in api.list_snapshots("tumour").document()] == [2, 1]


def test_every_example_is_tried() -> None:
    """No notebook is shipped that no test runs."""
    source = Path(__file__).read_text()
    assert [path.name for path in EXAMPLES.glob("*.ipynb") if path.name not in source] == []

"""Outputs below the level of processes: what is declared, published and set aside."""

from __future__ import annotations

import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbdeploy as nd
from nbdeploy.batch.outputs import Declared, Outputs, Staging
from nbdeploy.batch.outputs.declared import default_name, output_name
from nbdeploy.errors import InvalidData, InvalidName, NotFound, WrongUsage


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outputs:
    """The outputs of the run in which this process works."""
    run = tmp_path / "run-1"
    run.mkdir()
    monkeypatch.setenv("NBDEPLOY_RUN", str(run))
    found = Outputs(run)
    found.begin()
    return found


def staged(outputs: Outputs) -> Staging:
    return Staging(outputs.staged)


def test_published(outputs: Outputs) -> None:
    """Files, folders and metrics are kept as they were when they were declared; the last of a name counts."""
    Path("scores.csv").write_text("1")
    Path("plots/deep").mkdir(parents=True)
    Path("plots/deep/a.svg").write_text("<svg/>")
    nd.output("scores.csv")
    Path("scores.csv").write_text("2")
    declared = nd.output("scores.csv", metrics={"auc": 0.5, "rows": 120})
    assert declared.line == "scores.csv as scores, auc = 0.5, rows = 120: published when run run-1 succeeds"
    Path("scores.csv").write_text("3")
    nd.output("plots", "figures")
    nd.output(metrics={"auc": "0.87", "loss": math.inf})
    assert outputs.read() is None
    published = outputs.publish()
    assert {name: path.relative_to(outputs.published) for name, path in published.outputs.items()} == {
        "figures": Path("figures/plots"),
        "scores": Path("scores/scores.csv"),
    }
    assert published.outputs["scores"].read_text() == "2"
    assert (published.outputs["figures"] / "deep" / "a.svg").read_text() == "<svg/>"
    assert published.metrics == {"auc": 0.87, "rows": 120, "loss": math.inf}
    assert outputs.read() == published
    json.loads((outputs.published / "outputs.json").read_text(), parse_constant=lambda _: pytest.fail("no JSON"))
    assert Staging.here() is None  # what comes later is of no run


def test_set_aside(outputs: Outputs) -> None:
    """What a run declared that does not succeed is nobody's result, and is kept; nothing leaves nothing."""
    nd.output(metrics={"auc": 0.5})
    outputs.set_aside()
    assert (outputs.read(), outputs.left()) == (None, Declared(metrics={"auc": 0.5}))
    again = Outputs(outputs.staged.parent)
    again.begin(earlier=outputs)
    assert again.publish() == Declared(metrics={"auc": 0.5})
    other = Outputs(outputs.staged.parent / "other")
    other.staged.parent.mkdir()
    other.begin()
    other.set_aside()
    assert list(other.staged.parent.iterdir()) == []


def test_a_killed_copy_is_no_output(outputs: Outputs) -> None:
    """What a killed process left of a copy is not published, nor is a metric that was cut off."""
    nd.output(metrics={"a": 1})
    (outputs.staged / ".0123" / "half.csv").mkdir(parents=True)
    with (outputs.staged / ".metrics").open("a") as file:
        file.write('["b", ')
    assert outputs.left() == Declared(metrics={"a": 1})
    assert outputs.publish() == Declared(metrics={"a": 1})
    assert sorted(path.name for path in outputs.published.iterdir()) == [".metrics", "outputs.json"]


def test_many_at_once(outputs: Outputs) -> None:
    """Threads and processes of a notebook may declare at once, also under one name."""
    Path("one.csv").write_text("1")

    def declare(number: int) -> None:
        nd.output("one.csv", "same", metrics={f"m{number}": number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(declare, range(40)))
    assert outputs.publish().metrics == {f"m{number}": number for number in range(40)}


def test_outside_of_a_run(tmp_path: Path) -> None:
    """Nothing is kept, nothing fails, and that is said."""
    Path("scores.csv").write_text("1")
    declared = nd.output("scores.csv", metrics={"auc": 1})
    assert declared.line == (
        "scores.csv as scores, auc = 1: this is no run, nothing is published; nbdeploy run NOTEBOOK would publish it"
    )
    assert declared.ok
    assert declared.document() == {"run": None, "name": "scores", "path": "scores.csv", "metrics": {"auc": 1}}


def test_refused(outputs: Outputs, tmp_path: Path) -> None:
    """What cannot be an output or a metric is refused with the reason."""
    Path("a.csv").write_text("1")
    Path("a.txt").write_text("1")
    os.mkfifo("pipe")
    nd.output("a.csv")
    with pytest.raises(WrongUsage, match=r"a\.csv is the output 'a' already: give a\.txt a name, with --name"):
        nd.output("a.txt")
    with pytest.raises(NotFound, match=r"no file or folder 'b\.csv'; did you mean a\.csv"):
        nd.output("b.csv")
    with pytest.raises(WrongUsage, match="pipe is neither a file nor a folder"):
        nd.output(".")
    with pytest.raises(WrongUsage, match="holds the run's own folder"):
        nd.output(outputs.staged.parent, "all")
    with pytest.raises(InvalidName, match=r"output name '\.\./x' is not allowed"):
        nd.output("a.csv", "../x")
    with pytest.raises(InvalidName, match=r"and not outputs\.json"):
        nd.output("a.csv", "outputs.json")
    with pytest.raises(InvalidData, match="metric 'auc' is 'good', which is no number"):
        nd.output(metrics={"auc": "good"})
    with pytest.raises(InvalidName, match="metric name 'a:b' is not allowed"):
        nd.output(metrics={"a:b": 1})
    with pytest.raises(WrongUsage, match="nothing to declare"):
        nd.output()
    assert list(outputs.publish().outputs) == ["a"]


@given(st.text(min_size=1).filter(lambda text: "/" not in text and "\0" not in text and text not in {".", ".."}))
def test_any_file_has_a_name(name: str) -> None:
    """The default name of any file is allowed."""
    assert output_name(default_name(Path(name)))

"""Reports of runs: one HTML file without anything from elsewhere."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nbdeploy as nd
from nbdeploy.batch import Run
from nbdeploy.batch.report import report_of
from nbdeploy.errors import InvalidData, NotFound, RunFailed, WrongUsage

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FETCHES = re.compile(
    r"""<script[^>]*\ssrc=|<link[^>]*\shref=|@import|import\s*\(|\sfrom\s+['"]http|url\(\s*['"]?http"""
)


def executed(path: Path, folder: Path) -> Run:
    """A run whose notebook has text, an image, a table, a widget and a diagram."""
    (folder / "plot.png").write_bytes(base64.b64decode(PIXEL))
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "m"}, "text/plain": "42 of 42 rows"}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# September $x^2$ ![plot](plot.png)"},
        {
            "cell_type": "code",
            "metadata": {},
            "source": "secret_sauce()",
            "execution_count": 1,
            "outputs": [
                {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<table><td>0.87</td></table>"}},
                {"output_type": "display_data", "metadata": {}, "data": widget},
                {"output_type": "stream", "name": "stdout", "text": "<b>no tag</b>"},
            ],
        },
    ]
    metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}))
    return Run("20261121-153000-a1b2", folder / "a.ipynb", path, path.parent, "succeeded")


def test_a_report_needs_no_network(tmp_path: Path) -> None:
    """All that it shows is in the file: nothing is fetched, images are embedded, widgets are told as text."""
    run = executed(tmp_path / "out.ipynb", Path.cwd())
    found = report_of(run)
    text = found.path.read_text()
    assert found.path == tmp_path / "a.html"
    assert FETCHES.findall(text) == []
    assert f"data:image/png;base64,{PIXEL}" in text
    for shown in ("September", "secret_sauce", "0.87", "42 of 42 rows", "&lt;b&gt;no tag"):
        assert shown in text
    before = found.path.stat().st_mtime_ns
    assert report_of(run).path.stat().st_mtime_ns == before  # made once
    bare = report_of(run, code=False).path.read_text()
    assert "0.87" in bare
    assert "secret_sauce" not in bare


def test_no_report(notebook: Any, tmp_path: Path) -> None:
    """Commands have none, nor has what is not executed yet; a broken notebook is refused by name."""
    run = Run("20261121-153000-a1b2", tmp_path / "a.ipynb", tmp_path / "out.ipynb", tmp_path, "queued")
    with pytest.raises(NotFound, match="no executed notebook of run '20261121-153000-a1b2'; it is queued"):
        report_of(run)
    with pytest.raises(WrongUsage, match="only notebooks have reports"):
        report_of(replace(run, notebook=None, command="predict churn"))
    run.output.write_text("{}")
    with pytest.raises(InvalidData, match=r"out\.ipynb cannot be made into a report"):
        report_of(run)
    with pytest.raises(WrongUsage, match="ask for one with --report"):
        nd.run(notebook(tmp_path / "b.ipynb", "1"), no_input=True)


def test_each_run_has_a_report(notebook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the end of a run its report is put beside the executed notebook, also if a cell failed."""
    monkeypatch.setenv("NBDEPLOY_REPORTS", "always")
    with pytest.raises(RunFailed):
        nd.run(notebook(tmp_path / "a.ipynb", "print(6 * 7)\n1 / 0"))
    run = nd.runs()[0]
    deadline = time.monotonic() + 60
    while not (run.folder / "a.html").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    text = (run.folder / "a.html").read_text()
    assert "42" in text
    assert "ZeroDivisionError" in text
    assert str(run.folder / "a.html") in str(run)
    monkeypatch.setenv("NBDEPLOY_REPORTS", "never")
    with pytest.raises(InvalidData, match=r"reports is 'never' .*there are: always, asked"):
        nd.run(tmp_path / "a.ipynb")


def test_a_run_publishes_its_report(notebook: Any, tmp_path: Path) -> None:
    """A report that a run is asked for is one of its outputs."""
    run = nd.run(notebook(tmp_path / "a.ipynb", "print(6 * 7)  # how it is done"), report=True, no_input=True)
    text = run.outputs["report"].read_text()
    assert "42" in text
    assert "how it is done" not in text
    assert "how it is done" in nd.report(run.id).path.read_text()  # asked for with its code, it is another page

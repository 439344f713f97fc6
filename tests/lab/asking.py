"""Notebooks for a Jupyter server, and what becomes of their runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import nbformat

from tests.lab.server import JupyterProcess

__all__ = ["ended", "write_notebook"]


def write_notebook(path: Path, parameters: str, *cells: str) -> None:
    """A notebook whose first cell is tagged."""
    first = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    book = nbformat.v4.new_notebook(cells=[first, *map(nbformat.v4.new_code_cell, cells)])
    path.parent.mkdir(exist_ok=True)
    nbformat.write(book, path)


def ended(jupyter: JupyterProcess, run_id: str) -> dict[str, Any]:
    """The run, once it has."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        run = next(run for run in jupyter.request("GET", "nbdeploy/api/runs").json() if run["id"] == run_id)
        if run["status"] not in {"queued", "running"}:
            return dict(run)
        time.sleep(0.1)
    raise AssertionError(f"run {run_id} did not end")

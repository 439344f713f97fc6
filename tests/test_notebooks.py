"""Which cell of a notebook file is the parameters cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.notebooks import Notebook, tag_marked

MARK = "\n%%deploy  parameters \nmonth = 1"


def cell(source: str, *tags: str, kind: str = "code") -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {"tags": list(tags)} if tags else {}, "source": source, "outputs": []}


def read(path: Path, *cells: dict[str, Any]) -> Notebook:
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    return Notebook.read(path)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([cell("a = 1"), cell("b = 1", "x", "parameters")], (2, "b = 1")),
        ([cell("a = 1"), cell(MARK), cell(MARK)], (2, "\n# %%deploy  parameters\nmonth = 1")),
        ([cell(MARK), cell("b = 1", "parameters")], (2, "b = 1")),
        ([cell(MARK, kind="markdown"), cell("%%deploy parameters"), cell("b")], (2, "# %%deploy parameters")),
        ([cell("%%deploy parameters other.ipynb"), cell("x = '''\n%%deploy parameters\n'''")], None),
        ([cell("%%deploy parameters --help\n"), cell("%%deploy push a")], None),
    ],
)
def test_parameters_cell(tmp_path: Path, cells: list[dict[str, Any]], expected: Any) -> None:
    """The tag counts first, then the mark on top of a code cell, whose lines stay where they were."""
    assert read(tmp_path / "a.ipynb", *cells).parameters_cell == expected


def test_tagging() -> None:
    """A marked cell becomes a tagged one that any program can execute, once."""
    cells = [cell("1"), cell(MARK, "x"), cell(MARK), cell(MARK, kind="markdown")]
    for _ in range(2):
        tag_marked(cells)
    assert [each["metadata"].get("tags") for each in cells] == [None, ["x", "parameters"], None, None]
    assert [each["source"] for each in cells[1:]] == [*["\n# %%deploy  parameters\nmonth = 1"] * 2, MARK]
    tagged = [cell(MARK), cell("1", "parameters")]
    tag_marked(tagged)
    assert tagged[0] == cell("\n# %%deploy  parameters\nmonth = 1")

"""``%%deploy parameters`` on top of a cell."""

from __future__ import annotations

import json

from nbdeploy.snapshots.lineage.statements import statements

CELL = "%%deploy parameters\nmonth: str = '2026-09'  # which month\nmonth"


def test_the_body_is_plain_code(real_notebook) -> None:
    """Its names are the notebook's, its last line shows itself, and it says what the mark does."""
    assert real_notebook.value(CELL) == "2026-09"
    assert real_notebook.shell.user_ns["month"] == "2026-09"
    assert "this is the parameters cell" in real_notebook.out
    assert "give it the tag 'parameters'" in real_notebook.out
    assert real_notebook.value("%%deploy parameters\nimport asyncio\nawait asyncio.sleep(0, 3)") == 3


def test_errors_name_the_lines_of_the_cell(real_notebook) -> None:
    """The mark counts as a line, as everybody sees it."""
    real_notebook.run("%%deploy parameters\n1\n1 / 0")
    assert "----> 3 1 / 0" in real_notebook.out
    assert "ZeroDivisionError" in real_notebook.out


def test_other_cells_are_commands(real_notebook, tmp_path) -> None:
    """With a notebook the command shows its parameters; without one it asks for it."""
    path = tmp_path / "a.ipynb"
    code = {"cell_type": "code", "metadata": {}, "source": CELL, "outputs": [], "execution_count": None}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [code]}))
    found = real_notebook.value(f"%%deploy parameters {path}\n--debug")
    assert [(item.name, item.help) for item in found] == [("month", "which month")]
    real_notebook.run("%deploy parameters")
    assert "which notebook? %deploy parameters NOTEBOOK" in real_notebook.err


def test_completion_in_the_body(real_notebook) -> None:
    """Below the mark stands Python, and none of our words."""
    assert real_notebook.complete("%%deploy parameters\nimp") == []
    assert real_notebook.complete("%%deploy para") == ["%%deploy parameters"]


def test_lineage_reads_the_body() -> None:
    """A snapshot knows what such a cell has made."""
    assert [statement.effects[0].name for statement in statements(CELL) if statement.effects] == ["month"]

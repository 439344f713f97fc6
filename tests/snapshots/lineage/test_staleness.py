"""Restart-and-Run-All is compared with what ran: warnings name the cells, and ordinary work gets none."""

from __future__ import annotations

import pytest

from tests.snapshots.lineage.notebooks import Notebook

LIST = "rows = [3, 1, 2]"
MODEL = "class Model:\n    def fit(self, X):\n        self.seen = list(X)\n        return self"
FIT = "model = Model().fit(rows)"


def _warned(notebook: Notebook, name: str = "model") -> str:
    found = notebook.trace(name)
    assert found.facts["stale"] is bool(found.notices)
    return "\n".join(found.notices)


def test_a_notebook_run_from_top_to_bottom_is_not_stale(notebook: Notebook) -> None:
    """Nothing is warned of; the cells are those that the model depends on."""
    notebook.save(model=MODEL, unused="other = 1", rows=LIST, fit=FIT, deploy="look(model)")
    notebook.run("model", "unused", "rows", "fit")
    found = notebook.trace()
    assert found.notices == ()
    assert found.facts["stale"] is False
    assert [(cell["id"], cell["count"]) for cell in found.facts["cells"]] == [("model", 1), ("rows", 3), ("fit", 4)]


ORDINARY = {
    "cells run again unchanged": ["model", "rows", "fit", "fit", "rows", "fit"],
    "independent cells in another order": ["rows", "model", "fit"],
    "a look at the data in between": ["model", "rows", "look", "fit", "look"],
    "everything twice": ["model", "rows", "feature", "fit", "model", "rows", "feature", "fit"],
    "a feature made again": ["model", "rows", "table", "feature", "feature", "tidy", "tidy", "fit"],
}


@pytest.mark.parametrize("order", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_work_is_not_warned_of(notebook: Notebook, order: list[str]) -> None:
    """What would give the same model is not stale, however it came about."""
    notebook.save(
        model=MODEL,
        rows=LIST,
        table="import pandas as pd\nframe = pd.DataFrame({'a': [2.0, None], 'b': [1, 2]})",
        look="len(rows)",
        feature="if 'frame' in globals():\n    frame['c'] = frame['a'] / frame['b']",
        tidy="frame = frame.dropna()\nframe['b'] = frame['b'].astype(float)\nrows = frame['c']",
        fit=FIT,
    )
    if "tidy" not in order:
        notebook.save(**{name: source for name, source in notebook.cells.items() if name != "tidy"})
    notebook.run(*order)
    assert _warned(notebook) == ""


def test_an_edited_cell_is_named(notebook: Notebook) -> None:
    """The model was fitted by code that the saved notebook no longer has."""
    notebook.save(model=MODEL, rows=LIST, fit=FIT)
    notebook.run("model", "rows", "fit")
    notebook.save(model=MODEL, rows="rows = [9]  # better", fit=FIT)
    said = _warned(notebook)
    assert "churn.ipynb from top to bottom would not give this model" in said
    assert "In [2] (cell rows, `rows = [3, 1, 2]`) was edited since it ran" in said


def test_an_edit_that_does_not_touch_the_model_is_nothing(notebook: Notebook) -> None:
    """Comments, formatting and other statements of the same cell may change."""
    notebook.save(model=MODEL, rows=LIST + "\nprint(rows)", fit=FIT)
    notebook.run("model", "rows", "fit")
    notebook.save(model=MODEL, rows="# The rows\nrows = [3,1,  2]\nother = len(rows)", fit=FIT)
    assert _warned(notebook) == ""


def test_a_deleted_cell_is_named(notebook: Notebook) -> None:
    """What a cell made that is gone still lives in the kernel."""
    notebook.save(model=MODEL, rows=LIST, more="rows.append(4)", fit=FIT)
    notebook.run("model", "rows", "more", "fit")
    notebook.save(model=MODEL, rows=LIST, fit=FIT)
    assert "In [3] (cell more, `rows.append(4)`) is in the notebook no more" in _warned(notebook)


def test_a_variable_that_is_redefined_later_in_the_notebook_is_named(notebook: Notebook) -> None:
    """The fit used a variable from a cell below it."""
    notebook.save(model=MODEL, rows=LIST, fit=FIT, below="rows = [0]")
    notebook.run("model", "rows", "below", "fit")
    said = _warned(notebook)
    assert "rows is from In [3] (cell below, `rows = [0]`)" in said
    assert "from top to bottom rows is from cell 2 (`rows = [3, 1, 2]`)" in said


def test_a_cell_that_stands_after_what_uses_it_is_named(notebook: Notebook) -> None:
    """From top to bottom the name would not exist yet."""
    notebook.save(model=MODEL, fit=FIT, rows=LIST)
    notebook.run("model", "rows", "fit")
    assert "rows is from In [2] (cell rows, `rows = [3, 1, 2]`), which comes later" in _warned(notebook)


ACCUMULATING = [
    "rows = rows + [4]",
    "rows.append(4)",
    "rows += [4]",
    "rows = [row * 2 for row in rows]",
    "rows = rows[1:]",
]


@pytest.mark.parametrize("again", ACCUMULATING)
def test_a_cell_that_ran_twice_and_adds_up_is_named(notebook: Notebook, again: str) -> None:
    """Each run changed the rows once more."""
    notebook.save(model=MODEL, rows=LIST, again=again, fit=FIT)
    notebook.run("model", "rows", "again", "again", "fit")
    said = _warned(notebook)
    assert (
        f"In [3] (cell again, `{again}`) ran again as In [4] (cell again, `{again}`), and changed rows each time"
        in said
    )


def test_a_function_redefined_after_it_was_used_is_named(notebook: Notebook) -> None:
    """What a function reads when it is called belongs to the model, and so does the function."""
    double = "def doubled(values):\n    return [value * FACTOR for value in values]"
    notebook.save(model=MODEL, factor="FACTOR = 2", double=double, rows=LIST, fit="model = Model().fit(doubled(rows))")
    notebook.run("model", "factor", "double", "rows", "fit")
    assert _warned(notebook) == ""
    notebook.save(**{**notebook.cells, "factor": "FACTOR = 3"})
    assert "In [2] (cell factor, `FACTOR = 2`) was edited since it ran" in _warned(notebook)


def test_a_cell_that_failed_did_nothing_after_its_mistake(notebook: Notebook) -> None:
    """Only what ran before the error counts."""
    notebook.save(model=MODEL, rows="rows = [3, 1, 2]\nrows = rows + missing", fit=FIT)
    notebook.run("model")
    notebook.run("rows", fails=True)
    notebook.save(model=MODEL, rows=LIST, fit=FIT)
    notebook.run("fit")
    assert _warned(notebook) == ""


def test_what_was_not_saved_is_unknown_and_not_warned_of(notebook: Notebook) -> None:
    """The file is older than a cell that the model depends on, and does not say where it stands."""
    notebook.save(model=MODEL, fit=FIT)
    notebook.saved_before()
    notebook.run("model", rows=LIST)
    notebook.run("fit")
    found = notebook.trace()
    assert (found.facts["stale"], found.facts["unsaved"], found.notices) == ("unknown", True, ())


def test_an_edit_that_ran_and_was_not_saved_counts_as_it_ran(notebook: Notebook) -> None:
    """The front end has what ran since the notebook was saved; what ran before the edit is stale."""
    notebook.save(model=MODEL, rows=LIST, fit=FIT)
    notebook.saved_before()
    notebook.run("model", rows="rows = [5]")
    notebook.run("fit")
    assert _warned(notebook) == ""
    notebook.run(rows="rows = [6]")
    assert "In [2] (cell rows, `rows = [5]`) was edited since it ran" in _warned(notebook)


def test_parameters_that_a_run_added_are_not_stale(notebook: Notebook) -> None:
    """papermill runs a cell that the notebook does not have; what depends on it is unknown."""
    notebook.save(model=MODEL, rows=LIST, fit=FIT)
    notebook.run("model", "rows", added="# Parameters\nrows = [7]\n")
    notebook.run("fit")
    notebook.save(**notebook.cells)
    assert (notebook.trace().facts["stale"], notebook.trace().notices) == ("unknown", ())


def test_without_a_notebook_nothing_is_guessed(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A front end that does not say which notebook this is: the cells are known, the rest is not."""
    monkeypatch.delenv("JPY_SESSION_NAME")
    notebook.run(model=MODEL, rows=LIST, fit=FIT)
    found = notebook.trace()
    assert (found.facts["notebook"], found.facts["stale"], found.notices) == ("unknown", "unknown", ())
    assert [cell["count"] for cell in found.facts["cells"]] == [1, 2, 3]


def test_texts_in_a_cell_are_not_told(notebook: Notebook) -> None:
    """A line that is quoted may hold a password, or somebody's name."""
    notebook.save(model=MODEL, rows="rows = sorted('secret of Ann')", fit=FIT)
    notebook.run("model", "rows", "fit")
    notebook.save(model=MODEL, rows="rows = []", fit=FIT)
    found = notebook.trace()
    assert "`rows = sorted(…)`" in found.notices[0]
    assert "Ann" not in repr(found)

"""What a version record says of where a snapshot comes from."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient

from nbdeploy.codecs import bind, describe
from nbdeploy.snapshots.lineage.fingerprint import fingerprint
from nbdeploy.snapshots.lineage.repository import commit_of
from tests.snapshots.lineage.notebooks import Notebook

CELLS = [
    "import pandas as pd\nfrom sklearn.linear_model import LogisticRegression\nimport nbdeploy as nd",
    "%load_ext nbdeploy",
    "customers = pd.DataFrame({'age': [float(n % 7) for n in range(60)]})",
    "churn = LogisticRegression(C=2).fit(customers, customers['age'] > 3)",
    "from pathlib import Path\nimport os\nfile = Path(os.environ['JPY_SESSION_NAME'])\n"
    "file.write_text(file.read_text().replace('C=2', 'C=5'))",
    "snap = %deploy snapshot churn -X customers",
    "nd.show('churn').document()['lineage']",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A real notebook, run by nbclient in a git repository; one of its cells edits the file as its user might."""
    folder = tmp_path_factory.mktemp("repository")
    path = folder / "churn.ipynb"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    nbformat.write(book, path)
    for command in (
        ["init", "-q"],
        ["add", "churn.ipynb"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "c"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    environment = {**os.environ, "NBDEPLOY_HOME": str(folder / "home"), "JPY_SESSION_NAME": str(path)}
    client = NotebookClient(book, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    return client.nb, path


def test_a_notebook_that_was_edited_after_the_fit_is_warned_of(executed: Any) -> None:
    """The warning is printed below the line, names the cell, and stays in the record."""
    book, _ = executed
    said = "".join(output.text for output in book.cells[5].outputs if output.output_type == "stream")
    (warning,) = [line for line in said.splitlines() if line.startswith("warning: ")]
    assert "churn.ipynb from top to bottom would not give this model: In [4] (`churn = " in warning
    assert "from top to bottom churn is from cell 4" in warning
    assert "Restart the kernel, run all cells" in warning


def test_the_record_names_notebook_cells_commit_and_data(executed: Any) -> None:
    """The kernel was sent no ids: they are those of the cells with the same source, and of the edited one unknown."""
    book, path = executed
    lineage = eval(book.cells[6].outputs[0].data["text/plain"])
    assert lineage["notebook"] == str(path)
    assert [(cell["count"], cell["id"]) for cell in lineage["cells"]] == [
        (1, book.cells[0].id),
        (3, book.cells[2].id),
        (4, "unknown"),
    ]
    assert lineage["cells"][-1]["line"] == "churn = LogisticRegression(C=2).fit(customers, customers[…] > 3)"
    assert lineage["stale"] is True
    assert (lineage["git_dirty"], lineage["git_changed_files"], lineage["git_notebook"]) == (True, 1, "changed")
    assert len(lineage["git_commit"]) == 40
    assert lineage["data"]["rows"] == 60


def test_a_script_is_known_by_its_file(script: Any) -> None:
    """There are no cells; the file that ran is named with its digest."""
    answer = script(
        """
import numpy as np
import polars as pl
from nbdeploy.snapshots.lineage import past, trace
answer = trace([object()], pl.DataFrame({"x": [1.0]}), past()).facts
"""
    )
    assert answer["script"].endswith("script.py")
    assert len(answer["script_sha256"]) == 64
    assert answer["cells"] == "unknown"


def test_cells_that_ran_before_anybody_listened_are_known_by_their_source(notebook: Notebook) -> None:
    """IPython's own history has it; a cell of the saved notebook has it too, or its id is unknown."""
    from nbdeploy.snapshots import history

    history.forget(notebook.shell)
    notebook.save(rows="rows = [1]", model="model = sorted(rows)")
    notebook.run("rows")
    history.record(notebook.shell)
    notebook.run("model")
    found = notebook.trace()
    assert [(cell["id"], cell["count"]) for cell in found.facts["cells"]] == [("rows", 1), ("model", 2)]
    assert found.facts["stale"] is False
    notebook.save(rows="rows = [2]", model="model = sorted(rows)")
    assert [cell["id"] for cell in notebook.trace().facts["cells"]] == ["unknown", "model"]


@pytest.mark.parametrize(
    ("ran", "ids"),
    [(["more", "more"], ["one", "two"]), (["more"], ["unknown"]), (["more"] * 3, ["unknown"] * 3)],
)
def test_cells_of_one_source_are_told_apart_where_each_ran_once(
    notebook: Notebook, ran: list[str], ids: list[str]
) -> None:
    """Otherwise nobody knows which of them it was."""
    notebook.save(rows="rows = [1]", one="rows.append(2)", two="rows.append(2)", model="model = sorted(rows)")
    sources = {"rows": "rows = [1]", "more": "rows.append(2)", "model": "model = sorted(rows)"}
    for name in ["rows", *ran, "model"]:
        notebook.shell.run_cell(sources[name], store_history=True).raise_error()
    assert [cell["id"] for cell in notebook.trace().facts["cells"]] == ["rows", *ids, "model"]


def test_names_from_nowhere_are_told(notebook: Notebook) -> None:
    """What no cell made is said to be unknown, and nothing is guessed of it."""
    notebook.shell.user_ns["injected"] = [1, 2]
    notebook.save(model="model = sorted(injected)")
    notebook.run("model")
    assert notebook.trace().facts["unknown_names"] == ["injected"]


def test_what_a_search_holds_comes_from_the_search(notebook: Notebook) -> None:
    """A model without a name of its own is found in the variable that holds it."""
    notebook.save(other="other = 1", rows="rows = [[2], [1]]", held="held = {'best': rows[0]}")
    notebook.run("other", "rows", "held")
    found = notebook.trace("held['best']")
    assert [cell["id"] for cell in found.facts["cells"]] == ["rows", "held"]


def test_no_repository_is_no_commit(tmp_path: Path) -> None:
    """Nothing is said of git where there is none, or nothing was committed."""
    assert commit_of(tmp_path) == {}
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert commit_of(tmp_path) == {}


def test_an_untracked_notebook_is_said_to_be(tmp_path: Path) -> None:
    """It is in nobody's commit."""
    (tmp_path / "notes").mkdir()
    notebook = tmp_path / "notes" / "a b.ipynb"
    notebook.write_text("{}")
    (tmp_path / "a b.ipynb").write_text("{}")
    for command in (
        ["init", "-q"],
        ["add", "./a b.ipynb"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "c"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    found = commit_of(notebook.parent, notebook)
    assert (found["git_notebook"], found["git_dirty"], found["git_untracked_files"]) == ("untracked", False, 1)
    (tmp_path / "a b.ipynb").write_text("[]")
    assert commit_of(tmp_path, tmp_path / "a b.ipynb")["git_notebook"] == "changed"


TABLES = st.lists(
    st.tuples(
        st.none() | st.floats(), st.none() | st.text(max_size=3), st.none() | st.lists(st.integers(0, 9), max_size=2)
    ),
    min_size=1,
    max_size=6,
).map(lambda rows: pl.DataFrame(rows, schema={"x": pl.Float64, "s": pl.String, "v": pl.List(pl.Int64)}, orient="row"))


@settings(deadline=None)
@given(TABLES, TABLES)
def test_a_fingerprint_is_of_the_values(one: pl.DataFrame, other: pl.DataFrame) -> None:
    """The same for equal tables however they are laid out in memory; another one for other values."""
    again = pl.concat([one[:1], one[1:]]).rechunk()
    assert fingerprint(again) == fingerprint(one)
    if not one.equals(other, null_equal=True):
        assert fingerprint(other)["sha256"] != fingerprint(one)["sha256"]


def test_a_fingerprint_is_the_same_in_every_process_and_library() -> None:
    """It is recorded, so it must not depend on this run, nor on the library that the rows came in."""
    frame = pd.DataFrame({"age": [41.0, np.nan], "plan": ["gold", None]})
    found = fingerprint(bind(frame, describe(frame)))
    assert found["sha256"][:16] == "8f8065c173461278"
    polars = pl.from_pandas(frame)
    assert fingerprint(bind(polars, describe(polars))) == found


def test_of_a_huge_table_some_rows_are_hashed_and_that_is_said() -> None:
    """Evenly spread rows stand for all."""
    found = fingerprint(pl.DataFrame({"x": range(10_000)}), largest=8_000)
    assert (found["rows"], found["rows_hashed"]) == (10_000, 1_000)

"""Starting runs without waiting, refusing what cannot start, and finding what became of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nbdeploy import batch
from nbdeploy.batch.kernels import Kernel, choose_kernel
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.processes import Worker
from nbdeploy.errors import InvalidData, NotFound, NotWritable, WrongUsage
from nbdeploy.notebooks import Notebook
from nbdeploy.settings import Settings
from tests.batch.waiting import ended


def test_submit_returns_at_once_and_finishes(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """A submitted run waits or goes on when submit returns, and its own process records how it ended."""
    path = notebook(tmp_path / "a.ipynb", "n = 1", "print(n)", parameters="n = 0")
    run = batch.submit(batch.Order.of(path, {"n": 2}, kernel="python3"), settings=settings)
    assert run.status in {"queued", "running"}
    path.unlink()  # the run has its own copy
    found = ended(settings, run)
    assert found.status == "succeeded"
    assert found.progress is not None
    assert (found.progress.done, found.progress.total) == (4, 4)
    assert found.output == settings.home / "runs" / run.id / "a.ipynb"
    assert not (found.folder / "launch.json").exists()


def test_process_number_that_came_again() -> None:
    """A process with the same number that started at another time is not ours."""
    here = Worker.of()
    assert not here.gone
    assert Worker(here.host, here.pid, here.started - 3600).gone
    assert not Worker("another-machine", here.pid, here.started - 3600).gone


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"parameters": {"mnth": 1}}, WrongUsage, "did you mean month"),
        ({"kernel": "cobol"}, NotFound, "no kernel 'cobol'"),
        ({"output": "train.ipynb"}, WrongUsage, "is the notebook itself"),
        ({"output": "file/out.ipynb"}, NotWritable, "out.ipynb could not be written"),
        ({"output": "/proc/none/out.ipynb"}, NotWritable, "/proc/none/out.ipynb"),
        ({"cwd": "gone"}, NotFound, "--cwd names the folder"),
        ({"inputs": ["file", "other/../file"]}, WrongUsage, "several inputs have one name"),
        ({"inputs": ["file"], "cwd": "."}, WrongUsage, "leave out --cwd"),
        ({"inputs": ["gone.csv"]}, NotFound, "no file or folder 'gone.csv'"),
        ({"env_files": ["gone.env"]}, NotFound, "no file of variables"),
        ({"env_files": ["train.ipynb"]}, InvalidData, "train.ipynb, line 1: not a variable"),
        ({"env_files": ["ours.env"]}, WrongUsage, "ours.env, line 2: NBDEPLOY_DB is a setting of ours"),
        ({"timeout": 0}, WrongUsage, "give seconds above 0"),
        ({"at_once": 0}, WrongUsage, "0 runs of a notebook at once are none"),
        ({"after": ["20261121-none"]}, NotFound, "no run '20261121-none'"),
    ],
)
def test_refused_before_anything_runs(
    settings: Settings, notebook: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """What cannot work is refused at once: no record, no process, and nothing changed."""
    path = notebook(Path("train.ipynb"), parameters="month = 1")
    before = path.read_bytes()
    Path("file").write_text("")
    Path("other").mkdir()
    Path("ours.env").write_text("A=1\nNBDEPLOY_DB=sqlite://\n")
    with pytest.raises(error, match=message):
        batch.run(batch.Order.of(path, **options), settings=settings)
    assert list(batch.runs(settings)) == []
    assert not (settings.home / "runs").exists()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"print('no notebook')", "is not JSON"),
        (b"[1, 2]", "is not a notebook"),
        (b'{"nbformat": 4, "cells": [{"source": "1"}]}', "cell 1 has no type, or no text"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 1}]}', "cell 1 has no type, or no text"),
        (b'{"cells": 3}', "no notebook|not a"),
    ],
)
def test_what_is_no_notebook_is_refused(settings: Settings, content: bytes, message: str) -> None:
    """A script, other JSON, or JSON that only looks like one."""
    Path("file.ipynb").write_bytes(content)
    with pytest.raises(InvalidData, match=message):
        batch.submit(batch.Order.of("file.ipynb"), settings=settings)
    assert not (settings.home / "runs").exists()


def test_missing_notebook(settings: Settings) -> None:
    """A notebook that does not exist is refused by name."""
    with pytest.raises(NotFound, match=r"no notebook 'none\.ipynb'"):
        batch.submit(batch.Order.of("none.ipynb"), settings=settings)


def test_unknown_run(settings: Settings) -> None:
    """A run that does not exist is refused, with where to look."""
    with pytest.raises(NotFound, match="no run 'abc'; nbdeploy runs lists them"):
        batch.logs(settings, "abc")


def test_no_runs(settings: Settings) -> None:
    """Nothing yet: says so, with the next step, and an empty JSON array."""
    found = batch.runs(settings)
    assert found.line == "no runs yet; next: nbdeploy run NOTEBOOK"
    assert found.document() == []
    assert "no runs yet" in str(found)


def test_several_runs_match(settings: Settings, tmp_path: Path) -> None:
    """A part of an id that several runs share is refused, with all of them; newest are listed first."""
    with Ledger(settings.db) as ledger:
        for second in (1, 2):
            created = datetime(2026, 11, 21, 15, 30, second, tzinfo=UTC)
            run_id = f"20261121-15300{second}-a1b{second}"
            run = batch.Run(run_id, tmp_path / "a.ipynb", tmp_path / "b", tmp_path, "queued", created=created)
            ledger.add(run)
    with pytest.raises(WrongUsage, match="may be any of the runs 20261121-153002-a1b2, 20261121-153001-a1b1"):
        batch.find(settings, "20261121")
    assert [run.id[-4:] for run in batch.runs(settings)] == ["a1b2", "a1b1"]
    assert batch.find(settings, "a1b1").status == "queued"
    assert batch.runs(settings).line == "2 runs, 0 running, 2 queued"


def test_kernel_of_a_notebook(notebook: Any) -> None:
    """A Python notebook runs in this interpreter if its own kernel is not installed; others are refused."""
    path = notebook(Path("a.ipynb"), "1", kernel="gone")
    assert choose_kernel(Notebook.read(path)) == Kernel("python3", "python", own=True)
    assert choose_kernel(Notebook.read(path), "python3") == Kernel("python3", "python", own=False)
    path.write_text(path.read_text().replace('"python"', '"R"'))
    with pytest.raises(NotFound, match="no kernel 'gone'"):
        choose_kernel(Notebook.read(path))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{no json", r"kernel 'odd' cannot be started: .*odd/kernel\.json is broken \(JSONDecodeError"),
        ('{"argv": [], "language": "python"}', r"odd/kernel\.json is broken \(IndexError"),
        ('{"argv": ["/gone/python"], "language": "python"}', "its program /gone/python is not there"),
    ],
)
def test_a_kernel_that_cannot_start_is_refused(
    notebook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, message: str
) -> None:
    """What is installed under its name is broken: the file and the way out are named, before anything runs."""
    place = tmp_path / "jupyter" / "kernels" / "odd"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(spec)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    book = Notebook.read(notebook(Path("a.ipynb"), "1", kernel="odd"))
    with pytest.raises(InvalidData, match=message):
        choose_kernel(book)

"""Trying again: decisions, and real runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from nbdeploy import batch
from nbdeploy.batch.failure import Failure
from nbdeploy.batch.retrying import LONGEST_WAIT, Retrying
from nbdeploy.errors import RunFailed, WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import Progress

COUNTING = """
from pathlib import Path
tried = Path("tried.txt")
tried.write_text((tried.read_text() if tried.exists() else "") + "x")
count = len(tried.read_text())
print("this is number", count, "left" in globals())
left = True
if count == 1:
    raise ConnectionResetError("the database")
if count == 2:
    import os, time
    time.sleep(0.5)  # for what was printed
    os._exit(7)
"""


@pytest.mark.parametrize(
    ("on", "error", "again"),
    [
        ([], "ValueError", True),
        ([], "DeadKernelError", True),
        ([], "NameError", False),
        ([], "StdinNotImplementedError", False),
        (["NameError"], "NameError", True),
        (["OSError"], "ConnectionResetError", True),
        (["requests.exceptions.ConnectionError"], "ConnectionError", True),
        (["ConnectionError"], "OSError", False),
        (["ConnectionError", "DeadKernelError"], "DeadKernelError", True),
        (["Exception"], "SomeErrorOfALibrary", False),
    ],
)
def test_which_errors_are_tried_again(on: list[str], error: str, again: bool) -> None:
    """Those that were named, with their kinds; else any that may go away by itself."""
    assert (Retrying(1, 5, on).again(1, Failure(error, "")) == 5) is again
    assert Retrying(0, 5, on).again(1, Failure(error, "")) is None


def test_waits_become_longer() -> None:
    """Each wait is twice the one before, up to an hour."""
    retrying = Retrying(20, 30)
    assert [retrying.again(number, Failure("E", "")) for number in (1, 2, 3, 20)] == [30, 60, 120, LONGEST_WAIT]


@pytest.mark.parametrize("options", [{"retries": -1}, {"retry_wait": -1.0}, {"retry_on": ["OSError"]}])
def test_retries_that_make_no_sense_are_refused(settings: Settings, notebook: Any, options: dict[str, Any]) -> None:
    """Before anything runs."""
    with pytest.raises(WrongUsage, match=r"negative|give --retries"):
        batch.run(batch.Order.of(notebook(Path("a.ipynb"), "1"), **options), settings=settings)


def test_attempts_have_fresh_kernels_and_are_recorded(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """Each attempt says in the record how it ended and where its part of the log is; its notebook is kept."""
    steps: list[Progress] = []
    path = notebook(tmp_path / "flaky.ipynb", COUNTING)
    run = batch.run(
        batch.Order.of(path, retries=3, retry_wait=0.1, retry_on=["ConnectionError", "DeadKernelError"]),
        settings=settings,
        progress=steps.append,
    )
    assert (run.status, run.attempt, len(run.attempts)) == ("succeeded", 3, 3)
    assert [each.error and each.error.name for each in run.attempts] == [
        "ConnectionResetError",
        "DeadKernelError",
        None,
    ]
    assert run.attempts[1].error is not None
    assert "exit status 7" in run.attempts[1].error.message
    log = (run.folder / "log.txt").read_bytes()
    parts = [log[slice(*each.log)].decode() for each in run.attempts]
    assert [f"this is number {number} False" in part for number, part in enumerate(parts, 1)] == [True] * 3
    assert parts[2].startswith("— attempt 3 of 4\n")
    assert "attempt 2 of 4 begins in 0.1 s, after ConnectionResetError" in log.decode()
    assert "the database" in Path(run.attempts[0].notebook).read_text()
    assert Path(run.attempts[2].notebook) == run.output
    assert {step.facts["attempt"] for step in steps if step.facts} == {1, 2, 3}
    assert "1. ConnectionResetError in cell 1 of 1" in str(run)
    assert run.document()["attempts"][1]["error"]["name"] == "DeadKernelError"


def test_a_run_can_be_stopped_while_it_waits(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """The wait ends at once; an error that was not named is not tried again."""
    path = notebook(tmp_path / "waits.ipynb", "raise ConnectionError('gone')")
    begun = batch.submit(batch.Order.of(path, retries=1, retry_wait=600.0), settings=settings)
    until = time.monotonic() + 60
    while "begins in 600 s" not in batch.find(settings, begun.id).line:
        assert time.monotonic() < until
        time.sleep(0.1)
    now = time.monotonic()
    assert batch.stop(settings, begun.id).status == "stopped"
    assert time.monotonic() - now < 8
    order = batch.Order.of(path, retries=1, retry_wait=600.0, retry_on=["KeyError"])
    with pytest.raises(RunFailed, match=r"waits\.ipynb failed in cell 1 of 1"):
        batch.run(order, settings=settings)

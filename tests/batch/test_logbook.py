"""The log of a run, piece by piece."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbdeploy.batch import Run
from nbdeploy.batch.folder import Folder
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.logbook import log_part
from nbdeploy.errors import WrongUsage
from nbdeploy.settings import Settings

LINE = "— päckchen 1\n".encode()


@pytest.fixture
def run(settings: Settings) -> Run:
    """One that goes on, and one that has ended, both with a log."""
    going = Run(
        "going", Path("n.ipynb"), Path("o"), settings.home / "runs" / "going", "running", created=datetime.now(UTC)
    )
    ended = replace(going, id="ended", folder=settings.home / "runs" / "ended", status="failed")
    with Ledger(settings.db) as ledger:
        for each in (going, ended):
            ledger.add(each)
            each.folder.mkdir(parents=True)
            Folder(each.folder).log.write_bytes(LINE * 3 + LINE[:2])
        ledger.finish(ended.id, "failed", None)
    return going


def test_of_a_run_that_goes_on_whole_lines_are_read(settings: Settings, run: Run) -> None:
    """A letter may be half-written; what follows is read from there."""
    part = log_part(settings, run.id)
    assert (part.text, part.begin, part.end, part.final) == ((LINE * 3).decode(), 0, 3 * len(LINE), False)
    assert log_part(settings, run.id, part.end).text == ""
    ended = log_part(settings, "ended", part.end)
    assert (ended.end, ended.final) == (3 * len(LINE) + 2, True)


def test_of_much_only_the_end_is_read_from_the_begin_of_a_line(settings: Settings, run: Run) -> None:
    """It says from where."""
    part = log_part(settings, run.id, 0, 2 * len(LINE))
    assert (part.text.encode(), part.begin) == (LINE, 2 * len(LINE))
    assert (part.begin, part.end) == (2 * len(LINE), 3 * len(LINE))


def test_a_run_without_a_log_has_an_empty_one(settings: Settings, run: Run) -> None:
    """As while it waits for its turn; and what cannot be asked is refused."""
    Folder(run.folder).log.unlink()
    assert (log_part(settings, run.id).text, log_part(settings, run.id, 7).end) == ("", 7)
    for position, at_most in ((-1, 10), (0, 0)):
        with pytest.raises(WrongUsage, match="of a log cannot be"):
            log_part(settings, run.id, position, at_most)

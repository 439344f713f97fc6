"""The log of a run: whole, as it grows, or piece by piece."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from nbdeploy.batch.folder import Folder
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.queue.queue import go_on
from nbdeploy.batch.record import FINAL, Run
from nbdeploy.errors import WrongUsage
from nbdeploy.settings import Settings

__all__ = ["LogPart", "follow", "log_part", "logs"]

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class LogPart:
    """A part of a run's log.

    Attributes
    ----------
    run : str
        The run's id.
    text : str
        Whole lines, as long as the run goes on.
    begin, end : int
        From which byte of the log to which; `begin` is later than was asked for where too much is between.
    final : bool
        Whether the run has ended, so that nothing follows.
    """

    run: str
    text: str
    begin: int
    end: int
    final: bool

    def document(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return asdict(self)


def logs(settings: Settings, run_id: str) -> str:
    """What a run's cells printed, under a heading for each cell, and the error if one failed."""
    with Ledger(settings.db) as ledger:
        found = ledger.get(run_id)
    with contextlib.suppress(FileNotFoundError):
        return Folder(found.folder).log.read_text(encoding="utf-8", errors="replace")
    return ""


def follow(settings: Settings, run_id: str, told: Callable[[str], object]) -> Run:
    """Tell the log of a run as it grows, until the run has ended.

    Parameters
    ----------
    settings, run_id
        As for :func:`log_part`.
    told : callable
        Gets what was written since it was called last.
    """
    with Ledger(settings.db) as ledger:
        found = ledger.get(run_id)
        go_on(ledger)
        position = 0
        while True:
            ended = ledger.status(found.id) in FINAL
            text = Folder(found.folder).read_log(position, ended)
            position += len(text)
            if text:
                told(text.decode("utf-8", errors="replace"))
            if ended:
                return ledger.get(found.id)
            time.sleep(_LOOK_SECONDS)


def log_part(settings: Settings, run_id: str, position: int = 0, at_most: int = 2**16) -> LogPart:
    """What a run's log says after a position, of much the end only: for who asks again and again.

    Parameters
    ----------
    settings : Settings
        Where runs and their records live.
    run_id : str
        The run.
    position : int
        Bytes of it that are known.
    at_most : int
        How many bytes to read.
    """
    if position < 0 or at_most < 1:
        raise WrongUsage(f"{at_most} bytes after byte {position} of a log cannot be: give 1 or more after 0 or more")
    with Ledger(settings.db) as ledger:
        found = ledger.get(run_id)
    files = Folder(found.folder)
    begin = max(position, (files.log.stat().st_size if files.log.exists() else 0) - at_most)
    text = files.read_log(begin, found.final)
    if begin > position:  # not in the middle of a line
        cut = text.find(b"\n") + 1
        begin, text = begin + cut, text[cut:]
    return LogPart(found.id, text.decode("utf-8", errors="replace"), begin, begin + len(text), found.final)

"""The log of a run, piece by piece."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from nbdeploy.batch.folder import Folder
from nbdeploy.batch.ledger import Ledger
from nbdeploy.errors import WrongUsage
from nbdeploy.settings import Settings

__all__ = ["LogPart", "log_part"]


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

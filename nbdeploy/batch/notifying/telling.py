"""Telling of a run that has ended: once, within seconds, and never in the way of the run."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from nbdeploy.batch.folder import Folder
from nbdeploy.batch.notifying.message import compose
from nbdeploy.batch.notifying.notice import EVENTS, NOTIFIERS, Notice, NotTold
from nbdeploy.batch.record import SUCCEEDED, Run
from nbdeploy.cards import Card, Result
from nbdeploy.errors import Unreachable

__all__ = ["Told", "tell", "tell_apart", "try_out", "wait_until_told"]

LONGEST = 10.0
"""Seconds after which nobody waits for a place any more."""
_ONE_TRY = 3.0
_PAUSES = (0.0, 0.5, 1.0)
"""Seconds before each try."""
_DONE = "all\n"
_LOOK_SECONDS = 0.1
_BEGIN_SECONDS = 6.0
"""A process that is to tell has begun by then."""

_Said = tuple[Notice, str | None]


@dataclass(frozen=True)
class Told(Result):
    """A place was told something."""

    notice: Notice
    address: str
    seconds: float

    @property
    def line(self) -> str:
        """Who, and how long it took."""
        return f"{self.notice.name} was told in {self.seconds:.1f} s; it is told of {', '.join(self.notice.on)}"

    def card(self) -> Card:
        """Return the line."""
        return Card(self.line, [("kind", self.notice.kind), ("where", self.address)])

    def document(self) -> dict[str, Any]:
        """Everything but what is secret."""
        return {
            "name": self.notice.name,
            "kind": self.notice.kind,
            "on": list(self.notice.on),
            "seconds": round(self.seconds, 3),
        }


def tell(run: Run) -> None:
    """Tell whoever is to be told that a run has ended; its log says who was, and who could not be.

    Each event of a run is told once, whoever finds it. Nothing is raised, and nobody waits longer than :data:`LONGEST`.
    """
    event = EVENTS.get(run.status, "")
    notices = _interested(run.folder, event)
    if not notices or not _first(run.folder, event):
        return
    with contextlib.suppress(OSError), Folder(run.folder).log.open("a", encoding="utf-8", errors="replace") as log:
        for notice, why in _all(run, event, notices):
            did, reason = ("told", "") if why is None else ("could not tell", f": {why}")
            log.write(f"— {did} {notice.name} of {event}{reason}\n")
    with contextlib.suppress(OSError):
        _mark(run.folder, event).write_text(_DONE)


def wait_until_told(run: Run) -> None:
    """Wait until all were told, for whoever ends now and may take other processes along, as a container does."""
    event = EVENTS.get(run.status, "")
    if not _interested(run.folder, event):
        return
    until = time.monotonic() + LONGEST + _BEGIN_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if _mark(run.folder, event).read_text() == _DONE:
                return
        time.sleep(_LOOK_SECONDS)


def tell_apart(run: Run, db: str) -> None:
    """Tell in a process of its own, for whoever has found out by the way, and has something else to do.

    Parameters
    ----------
    run : Run
        A run that has ended.
    db : str
        The database, with its password.
    """
    if not _interested(run.folder, EVENTS.get(run.status, "")):
        return
    with contextlib.suppress(OSError):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "nbdeploy.batch.notifying", str(run.folder)],
            env={**os.environ, "NBDEPLOY_DB": db},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        threading.Thread(target=process.wait, name=f"telling of {run.id}", daemon=True).start()


def try_out(notice: Notice) -> Told:
    """Tell a place of a run that never was.

    Raises
    ------
    Unreachable
        If it could not be told, and why.
    """
    now = datetime.now(UTC)
    folder = Path.cwd()
    run = Run("test", folder / "test.ipynb", folder / "test.ipynb", folder, SUCCEEDED, {}, now, now, now)
    begun = time.monotonic()
    ((_, why),) = _all(run, EVENTS[SUCCEEDED], [notice])
    if why is not None:
        raise Unreachable(f"{notice.name} could not be told: {why}", name=notice.name)
    return Told(notice, NOTIFIERS[notice.kind].address(notice.options), time.monotonic() - begun)


def _interested(folder: Path, event: str) -> list[Notice]:
    try:
        asked = json.loads((folder / "request.json").read_text(encoding="utf-8")).get("notify", [])
        return [notice for notice in msgspec.convert(asked, list[Notice]) if notice.wants(event)]
    except (OSError, ValueError):  # the folder was cleared away, or is not ours
        return []


def _mark(folder: Path, event: str) -> Path:
    """The file that says that an event is told of, and what it holds once it was."""
    return folder / f"told.{event}"


def _first(folder: Path, event: str) -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open(_mark(folder, event), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return True
    return False


def _all(run: Run, event: str, notices: list[Notice]) -> list[_Said]:
    """Tell all at once; each with why not, or None. One that does not end in time is left to itself."""
    said: SimpleQueue[tuple[int, str | None]] = SimpleQueue()
    until = time.monotonic() + LONGEST
    for position, notice in enumerate(notices):
        attempt = _attempt(run, event, notice, until)
        threading.Thread(
            target=lambda number, do: said.put((number, do())), args=(position, attempt), daemon=True
        ).start()
    found: dict[int, str | None] = {}
    with contextlib.suppress(Empty):
        while len(found) < len(notices):
            position, why = said.get(timeout=max(0.0, until - time.monotonic()))
            found[position] = why
    late = f"nothing came of it within {LONGEST:g} s"
    return [(notice, found.get(position, late)) for position, notice in enumerate(notices)]


def _attempt(run: Run, event: str, notice: Notice, until: float) -> Callable[[], str | None]:
    def attempted() -> str | None:
        try:
            options = notice.values()
            message = compose(run, event, options)
            return _tried(lambda seconds: NOTIFIERS[notice.kind].send(message, options, seconds), until)
        except NotTold as error:
            return str(error)
        except Exception as error:  # a notifier may come from anywhere, and the run has ended well or not
            return _masked(f"{type(error).__name__}: {error}", notice.hidden())

    return attempted


def _tried(send: Callable[[float], None], until: float) -> str | None:
    why = ""
    for pause in _PAUSES:
        time.sleep(pause)
        seconds = min(_ONE_TRY, until - time.monotonic())
        if seconds <= 0:
            break
        try:
            send(seconds)
            return None
        except NotTold as error:
            why = str(error)
            if not error.again:
                break
    return why


def _masked(text: str, hidden: list[str]) -> str:
    for secret in hidden:
        text = text.replace(secret, "***")
    return " ".join(text.split())

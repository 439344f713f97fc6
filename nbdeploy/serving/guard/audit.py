"""Who changed what on an endpoint, from where, and with what outcome: one JSON line per act, in order.

The file is appended to and never rewritten; each line is written whole, so that the endpoint's workers and the
commands of its owner share it. Secrets are not in it: a token is told by its name.
"""

from __future__ import annotations

import getpass
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.serving.watching.asked import current
from nbdeploy.serving.watching.secrets import redact

__all__ = ["DONE", "STRANGER", "Audit", "acting"]

DONE = "done"
STRANGER = "unknown"
_MOST_STRANGERS = 20
_PER_SECONDS = 60.0
_log = logging.getLogger("nbdeploy.audit")


class Audit:
    """The record of acts on one endpoint.

    Parameters
    ----------
    home : Path
        The endpoint's folder; the record is ``audit.jsonl`` in it.
    table : callable, optional
        Takes each act besides, as ``table(who, origin, action, subject, outcome)``; may block.
    clock : callable
        Seconds since 1970.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> audit = Audit(Path(mkdtemp()))
    >>> audit.record("crm", "undeploy", "churn", "10.0.0.7", DONE)
    >>> audit.path.read_bytes().count(b"churn")
    1
    """

    def __init__(
        self,
        home: Path,
        table: Callable[[str, str, str, str, str], Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = home / "audit.jsonl"
        self._table = table
        self._clock = clock
        self._lock = threading.Lock()
        self._since = 0.0
        self._strangers = 0

    def record(self, who: str, action: str, subject: str, origin: str, outcome: str) -> None:
        """Write down one act.

        Requests without a token that is known are an act of :data:`STRANGER`; those of one minute are written down up
        to a number, as anybody can send them.

        Parameters
        ----------
        who : str
            The token's name, or the user of this machine.
        action, subject : str
            What was done, and to what.
        origin : str
            From where: an address, or this machine.
        outcome : str
            :data:`DONE`, or why not.
        """
        if who == STRANGER and not self._is_new():
            return
        act = tuple(redact(text)[:500] for text in (who, origin, action, subject, outcome))
        asked = current.get()
        line = {
            "time": datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds"),
            **dict(zip(("who", "from", "action", "subject", "outcome"), act, strict=True)),
            **({"request_id": asked.id} if asked is not None else {}),
        }
        _log.info("%s from %s: %s %s: %s", *act)
        try:
            self._append(msgspec.json.encode(line) + b"\n")
            if self._table is not None:
                self._table(*act)
        except Exception:
            # What was done cannot be undone for this.
            _log.exception("an act could not be written to %s", self.path)

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line)
            os.fsync(file)
        finally:
            os.close(file)

    def _is_new(self) -> bool:
        with self._lock:
            now = self._clock()
            if not 0 <= now - self._since < _PER_SECONDS:
                self._since, self._strangers = now, 0
            self._strangers += 1
            if self._strangers == _MOST_STRANGERS + 1:
                _log.warning("more requests with unknown tokens are not written down for %g s", _PER_SECONDS)
            return self._strangers <= _MOST_STRANGERS


def acting() -> tuple[str, str]:
    """Return who types a command, and where."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"user {user}", f"a command on {socket.gethostname()}"

"""The sign of life of a run, for those who cannot see its process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from nbdeploy.batch.ledger import Ledger

__all__ = ["beating"]

BEAT_SECONDS = 10.0


@contextlib.contextmanager
def beating(ledger: Ledger, run_id: str) -> Iterator[None]:
    """Show during the block that the run lives, also where nobody else on its machine does."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(BEAT_SECONDS):
            with contextlib.suppress(DBAPIError):  # a server that restarts; the next one counts
                ledger.beat(run_id)

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()

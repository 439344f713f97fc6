"""An output held by one job: locked, and left so that the job can go on if it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbdeploy.cards import count
from nbdeploy.errors import NbdeployError
from nbdeploy.offline.journal import Journal, is_url, place_of

__all__ = ["holding", "reserved"]


@contextmanager
def holding(out: str | Path) -> Iterator[Journal]:
    """Lock the journal of an output, and keep it if the job fails; then say how to go on."""
    journal = Journal(place_of(out), str(out))
    keep = True
    try:
        yield journal
        keep = False
    except NbdeployError as error:
        keep = not error.facts.get("final")
        if journal.finished and keep and not error.facts.get("changed"):
            error.message += f"; {count(journal.rows, 'row')} done, and --resume goes on from there"
        raise
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_how_to_resume(journal, out)) from None
    finally:
        journal.close(keep=keep)


@contextmanager
def reserved(place: str | Path | None) -> Iterator[None]:
    """Lock a second output of a job, if there is one, so that no other job writes it.

    Raises
    ------
    Conflict
        If another job does.
    """
    if place is None:
        yield
        return
    lock = Journal(place_of(place), str(place))
    try:
        yield
    finally:
        lock.close(keep=False)


def _how_to_resume(journal: Journal, out: str | Path) -> str:
    state = "is as it was" if is_url(out) or Path(out).exists() else "is not written"
    if not journal.finished:
        return f"stopped before any rows were done; {out} {state}"
    return f"stopped after {count(journal.rows, 'row')}; {out} {state}: the same command with --resume goes on"

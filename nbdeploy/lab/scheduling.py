"""Schedules while the Jupyter server runs, if nothing else sees to them."""

from __future__ import annotations

import atexit
import logging
import threading
from pathlib import Path

from nbdeploy.errors import NbdeployError
from nbdeploy.settings import Settings

__all__ = ["begin"]

_END_SECONDS = 5.0


def begin(root: Path, log: logging.Logger) -> threading.Thread:
    """See to schedules in a thread, until this process ends.

    Parameters
    ----------
    root : Path
        The folder that JupyterLab shows; the settings in force there say whether, and for which database.
    log : Logger
        The server's log.

    Returns
    -------
    Thread
        What sees to them.
    """
    stopped = threading.Event()
    thread = threading.Thread(target=_work, args=(root, stopped, log), name="nbdeploy scheduler", daemon=True)
    thread.start()

    def end() -> None:
        stopped.set()
        thread.join(_END_SECONDS)

    atexit.register(end)
    return thread


def _work(root: Path, stopped: threading.Event, log: logging.Logger) -> None:
    try:
        settings = Settings.load(root)
        from nbdeploy.api.schedules import schedule_alongside

        schedule_alongside(stopped, "the Jupyter server", settings=settings)
    except NbdeployError as error:
        log.warning("nbdeploy does not see to schedules here: %s", error)

"""A worker's part of the prediction log: parcels go to the supervisor, which alone writes the database."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from nbdeploy.database import Database
from nbdeploy.errors import NbdeployError, RemoteError
from nbdeploy.serving.prediction_log import Act, Parcel
from nbdeploy.wire.messages import LogState

__all__ = ["LOG", "Relay"]

LOG = "prediction log"
"""The topic of parcels."""

_INTERVAL = 0.25
_ON_ITS_WAY = 0.05


class Relay:
    """Stands for the writer of another process. See :class:`nbdeploy.serving.prediction_log.log.Writing`.

    Parameters
    ----------
    url : str
        The database, to read in.
    source : callable
        Gives what was logged since it was asked last.
    note, order : callable
        See :class:`nbdeploy.serving.service.Service`.
    others : bool
        Whether there are other workers, who answer requests too.
    """

    def __init__(
        self,
        url: str,
        source: Callable[[], Parcel],
        note: Callable[[str, Any], None],
        order: Callable[..., Any],
        others: bool = False,
    ) -> None:
        self._others = others
        self._url, self._source, self._note, self._order = url, source, note, order
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)

    @property
    def state(self) -> LogState:
        """How it goes."""
        state: LogState = self._order("log state")
        return state

    @property
    def database(self) -> Database:
        """The database, to read in.

        Raises
        ------
        RemoteError
            If it does not answer.
        """
        state = self.state
        if not state.ok:
            raise RemoteError(
                f"the prediction log's database {state.database} does not answer: {state.reason or 'not yet'}"
            )
        return self._database

    def start(self) -> None:
        """Begin to pass on."""
        self._thread.start()

    def record(self, act: Act, seconds: float = 2.0) -> bool:
        """Have written what somebody did, and return whether it is in the database."""
        written: bool = self._order("log act", act, seconds)
        return written

    def flush(self, seconds: float = 2.0) -> bool:
        """Wait until everything that was known here and at other workers is written, and return whether it is."""
        self._pass_on()
        if self._others:
            time.sleep(_INTERVAL + _ON_ITS_WAY)
        written: bool = self._order("log flush", seconds)
        return written

    def close(self) -> None:
        """Pass on what is left."""
        self._closing.set()
        self._pass_on()

    @cached_property
    def _database(self) -> Database:
        return Database(self._url)

    def _run(self) -> None:
        while not self._closing.wait(_INTERVAL):
            with contextlib.suppress(NbdeployError):
                self._pass_on()

    def _pass_on(self) -> None:
        with self._turn:
            parcel = self._source()
            for portion in parcel.portions():
                if portion:
                    self._note(LOG, portion)

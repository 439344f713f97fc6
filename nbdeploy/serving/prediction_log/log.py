"""An endpoint's prediction log in one process: its queue and its writer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from nbdeploy.database import Database
from nbdeploy.errors import RemoteError
from nbdeploy.serving.prediction_log.batches import Act, Parcel
from nbdeploy.serving.prediction_log.event import Event, new_id
from nbdeploy.serving.prediction_log.queue import Queue
from nbdeploy.serving.prediction_log.reading import Logged, Wanted, read
from nbdeploy.serving.prediction_log.retention import Retention
from nbdeploy.serving.prediction_log.truths import join
from nbdeploy.serving.prediction_log.writer import Writer
from nbdeploy.wire.messages import FeedbackAnswer, LogState, Truth

__all__ = ["PredictionLog"]

T = TypeVar("T")


class Writing(Protocol):
    """What takes batches to the database, in this process or another. See :class:`Writer`."""

    @property
    def state(self) -> LogState:
        """How it goes."""

    @property
    def database(self) -> Database:
        """The database, to read in."""

    def start(self) -> None:
        """Begin to write."""

    def record(self, act: Act, seconds: float = 2.0) -> bool:
        """Write what somebody did."""

    def flush(self, seconds: float = 2.0) -> bool:
        """Wait until everything that was known is written."""

    def close(self) -> None:
        """Write what is left, and end."""


class PredictionLog:
    """Takes down what is asked and answered.

    Parameters
    ----------
    url : str
        The database.
    share : float
        Of how many requests rows and answers are kept.
    retention : Retention
        How long.
    endpoint : str
        What tells it from others in the same database.
    writer : callable, optional
        Makes what takes batches to the database, of what gives them; a writer in this process if not given.

    Attributes
    ----------
    append : callable
        Takes an event in. See :meth:`Queue.append`.
    writer : Writer
        What owns the database.
    """

    def __init__(
        self,
        url: str,
        share: float = 1.0,
        retention: Retention | None = None,
        endpoint: str = "",
        writer: Callable[[Callable[[], Parcel]], Writing] | None = None,
    ) -> None:
        self.url = url
        self._endpoint = endpoint
        self._queue = Queue(share)
        self._told = 0
        self.writer: Writing = Writer(url, retention, self._drained) if writer is None else writer(self._drained)
        self.append: Callable[[Event], None] = self._queue.append
        self.start = self.writer.start
        self.flush = self.writer.flush
        self.close = self.writer.close

    @property
    def state(self) -> LogState:
        """How it goes."""
        return self.writer.state

    def record(self, who: str, origin: str, action: str, subject: str, outcome: str) -> bool:
        """Take down what somebody did to the endpoint, or wanted to. See :meth:`Writer.record`."""
        return self.writer.record(Act(new_id(), time.time(), who, origin, action, subject, outcome, self._endpoint))

    def read(self, deployment: str, wanted: Wanted) -> Logged:
        """Read what was logged, the last moment's too. See :func:`nbdeploy.serving.prediction_log.reading.read`."""
        return self._ask(lambda database: read(database, deployment, wanted, self._endpoint))

    def join(self, deployment: str, truths: Sequence[Truth], caller: str) -> FeedbackAnswer:
        """Keep what came true. See :func:`nbdeploy.serving.prediction_log.truths.join`."""
        now = datetime.now(UTC)
        return self._ask(lambda database: join(database, deployment, truths, caller, now, self._endpoint))

    def _ask(self, work: Callable[[Database], T]) -> T:
        self.flush()
        try:
            return work(self.writer.database)
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or type(error).__name__)
            raise RemoteError(f"the prediction log's database does not answer: {reason[:300]}") from error

    def _drained(self) -> Parcel:
        dropped = self._queue.dropped
        events, records = self._queue.drain()
        parcel = Parcel(events, records, [], dropped - self._told, self._endpoint)
        self._told = dropped
        return parcel

"""The one thread that writes an endpoint's log. While the database is away it remembers, and then catches up."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from time import sleep
from typing import Any

from sqlalchemy import Table, delete, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from nbdeploy.database import AuditRow, BlockRow, Database, PredictionRow, check_url
from nbdeploy.errors import NbdeployError, RemoteError
from nbdeploy.serving.prediction_log.batches import Act, Batch, Parcel, Request
from nbdeploy.serving.prediction_log.event import PILE
from nbdeploy.serving.prediction_log.priority import give_way
from nbdeploy.serving.prediction_log.retention import Retention
from nbdeploy.wire.messages import LogState

__all__ = ["Writer"]

INTERVAL = 0.25
LONGEST_PAUSE = 5.0
MOST_BYTES = 128 * 2**20
_CLOSING_SECONDS = 5.0
_REST = 0.0001
_log = logging.getLogger(__name__)


class Writer:
    """Writes parcels into a database, every quarter of a second, in one transaction each time.

    Everything that takes long is done in its thread, which lets those go first that answer requests.

    Parameters
    ----------
    url : str
        The database. It need not answer yet.
    retention : Retention
        How long what is written stays.
    source : callable, optional
        Asked for a parcel each time, besides those that are put.
    interval : float
        Seconds between writings.
    most_bytes : int
        How much may wait while the database is away; what comes then is dropped, and counted.

    Raises
    ------
    InvalidData, MissingExtra
        If the URL can be that of no database here.
    """

    def __init__(
        self,
        url: str,
        retention: Retention | None = None,
        source: Callable[[], Parcel] = Parcel,
        interval: float = INTERVAL,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._url, self._shown = url, check_url(url)
        self._retention = retention or Retention()
        self._source = source
        self._interval, self._most_bytes = interval, most_bytes
        self._database: Database | None = None
        self._arrived: list[Parcel] = []
        self._backlog: deque[Batch] = deque()
        self._size = self._waiting = 0
        self._lock = threading.Lock()
        self._turn = threading.Condition(self._lock)
        self._wake = threading.Event()
        self._begun = self._done = 0
        self._closing = self._late = False
        self._reason, self._since = "", 0.0
        self._written = self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)

    # -- anybody's -------------------------------------------------------------------------------

    @property
    def state(self) -> LogState:
        """How it goes."""
        since = datetime.fromtimestamp(self._since, UTC).isoformat(timespec="seconds") if self._reason else ""
        return LogState(self._shown, not self._reason, self._reason, since, self._written, self._waiting, self._dropped)

    @property
    def database(self) -> Database:
        """The database, to read in.

        Raises
        ------
        RemoteError
            If it does not answer.
        """
        if self._database is None or self._reason:
            raise RemoteError(
                f"the prediction log's database {self._shown} does not answer: {self._reason or 'not yet'}"
            )
        return self._database

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, parcel: Parcel) -> None:
        """Take a parcel to be written."""
        with self._lock:
            if self._size + parcel.size > self._most_bytes and not parcel.acts:
                self._dropped += parcel.rows + parcel.dropped
                return
            self._arrived.append(parcel)
            self._size += parcel.size
            self._waiting += parcel.rows

    def record(self, act: Act, seconds: float = 2.0) -> bool:
        """Write what somebody did, and return whether it is in the database; it will be, once that answers."""
        self.put(Parcel(acts=[act]))
        return self.flush(seconds)

    def flush(self, seconds: float = 2.0) -> bool:
        """Wait until everything that was known is written, and return whether it is."""
        if not self._thread.is_alive():
            return False
        with self._turn:
            ticket = self._begun + 1
            self._wake.set()
            self._turn.wait_for(lambda: self._done >= ticket, seconds)
            return self._done >= ticket and not self._reason and not self._backlog

    def close(self) -> None:
        """Write what is left, if the database answers, and end."""
        self._closing = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(_CLOSING_SECONDS)
        if self._database is not None and not self._thread.is_alive():
            self._database.close()

    # -- the thread's ----------------------------------------------------------------------------

    def _run(self) -> None:
        give_way()
        pause, last = 0.0, False
        while not last:
            last, begun = self._closing, time.monotonic()
            self._begin_turn()
            if last or time.monotonic() >= pause:
                written = self._write_all()
                pause = 0.0 if written else time.monotonic() + self._pause()
                if written:
                    self._forget()
            with self._turn:
                self._done = self._begun
                self._turn.notify_all()
            self._late = time.monotonic() - begun > self._interval
            if not last:
                self._wake.wait(self._interval)
                self._wake.clear()

    def _begin_turn(self) -> None:
        with self._turn:
            self._begun += 1
        try:
            parcel = self._source()
            if parcel:
                self.put(parcel)
        except Exception:
            _log.exception("what was asked could not be collected, and is not logged")
        with self._lock:
            arrived, self._arrived = self._arrived, []
        for parcel in arrived:
            self._open_parcel(parcel)

    def _open_parcel(self, parcel: Parcel) -> None:
        rows = 0
        try:
            for batch in parcel.opened():
                self._line_up(batch)
                rows += batch.rows
                self._rest()
        except Exception:
            _log.exception("%d rows could not be put together, and are not logged", parcel.rows - rows)
            self._line_up(Batch([], [], parcel.acts, parcel.rows - rows))
        with self._lock:
            self._size -= parcel.size
            self._waiting -= parcel.rows

    def _line_up(self, batch: Batch) -> None:
        with self._lock:
            if batch:
                self._backlog.append(batch)
            self._dropped += batch.dropped
            self._size += batch.size
            self._waiting += batch.rows

    def _rest(self) -> None:
        """Let others go on who could not interrupt: the system looks after them some hundred times a second only."""
        if not self._late:
            sleep(_REST)

    def _pause(self) -> float:
        """Ask an absent database less and less often."""
        return min(LONGEST_PAUSE, max(self._interval, (time.time() - self._since) / 4))

    def _write_all(self) -> bool:
        """Write everything that waits; False if the database does not take it now."""
        try:
            self._open()
            while self._backlog:
                self._write([*self._backlog])
        except Exception as error:  # whatever it is: the next attempt may succeed, and requests go on
            self._went_away(error)
            return False
        self._came_back()
        return True

    def _open(self) -> Database:
        if self._database is None:
            self._database = Database(self._url)
        return self._database

    def _write(self, batches: Sequence[Batch]) -> None:
        """Write batches together. One that is refused by a database that takes others is dropped for what it holds."""
        try:
            self._insert(batches)
        except exc.OperationalError:
            raise
        except Exception as error:
            if not self._takes_others():
                raise
            if len(batches) > 1:
                self._write(batches[:1])
                return
            _log.error("%d rows are not logged: %s", batches[0].rows, type(error).__name__)
            self._dropped += batches[0].rows
        else:
            self._written += sum(batch.rows for batch in batches)
        with self._lock:
            for batch in batches:
                self._backlog.popleft()
                self._size -= batch.size
                self._waiting -= batch.rows

    def _takes_others(self) -> bool:
        """Whether the tables can be written."""
        try:
            with self._open().writing() as session:
                session.execute(delete(PredictionRow).where(PredictionRow.id == ""))
        except (SQLAlchemyError, NbdeployError):
            return False
        return True

    def _insert(self, batches: Sequence[Batch]) -> None:
        with self._open().writing() as session:
            add(session, BlockRow.__table__, [_timed(block) for batch in batches for block in batch.blocks])
            requests = [one for batch in batches for one in batch.requests]
            for _ in _add_requests(session, requests):
                self._rest()
            add(session, AuditRow.__table__, [_timed(act) for batch in batches for act in batch.acts])

    def _forget(self) -> None:
        try:
            if self._database is not None:
                self._retention.apply(self._database, self._written)
        except Exception as error:
            self._went_away(error)

    def _went_away(self, error: Exception) -> None:
        told = str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__]
        if not self._reason:
            self._since = time.time()
            _log.warning("the prediction log's database does not take rows: %s; they wait in memory", told[0])
        self._reason = told[0][:300]

    def _came_back(self) -> None:
        if self._reason:
            _log.info("the prediction log's database takes rows again")
        self._reason = ""


def add(session: Session, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; those that are there already, because a commit succeeded and said nothing, stay as they are."""
    assert isinstance(table, Table)  # noqa: S101 - what a model's __table__ is
    if rows:
        insert = _insert(session.get_bind().dialect.name)
        session.connection().execute(insert(table).on_conflict_do_nothing(), rows)


def _add_requests(session: Session, requests: Sequence[Request]) -> Iterator[int]:
    """Insert requests as :func:`add` does, in half the time: there are thousands in a second. Gives how many are in."""
    table, connection = PredictionRow.__table__, session.connection()
    dialect, names = connection.dialect, Request.__struct_fields__
    insert = _insert(dialect.name)(table).on_conflict_do_nothing().compile(dialect=dialect, column_keys=names)
    order = insert.positiontup or list(names)
    moment: Any = table.c.time.type.dialect_impl(dialect).bind_processor(dialect) or (lambda time: time)
    time, values = order.index("time"), attrgetter(*order)
    for start in range(0, len(requests), PILE):
        rows = []
        for request in requests[start : start + PILE]:
            row = [*values(request)]
            row[time] = moment(datetime.fromtimestamp(row[time], UTC))
            rows.append(tuple(row))
        connection.exec_driver_sql(
            str(insert), rows if insert.positional else [dict(zip(order, row, strict=True)) for row in rows]
        )
        yield start + len(rows)


def _insert(dialect: str) -> Any:
    """What makes a statement that leaves rows as they are that are there already."""
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


def _timed(row: Any) -> dict[str, Any]:
    """The columns of a row, its time as a moment."""
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    values["time"] = datetime.fromtimestamp(row.time, UTC)
    return values

"""Opening the database: made if new, brought up to date, safely from many processes at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from nbdeploy.database.location import check_local
from nbdeploy.database.upgrade import upgrade
from nbdeploy.errors import Corrupted, InvalidData, MissingExtra, NotWritable, Unreachable

__all__ = ["Database", "check_url"]

_BUSY_SECONDS = 30.0
_WRITING = "nbdeploy_writing"
_POSTGRESQL = "postgresql+psycopg"


class Database:
    """An open database, with its tables up to date. A context manager that closes it.

    Parameters
    ----------
    url : str
        Any SQLAlchemy URL; the file of an SQLite database is made if it is new.

    Raises
    ------
    InvalidData
        If the URL is not understood, or the database belongs to a newer nbdeploy.
    NotWritable
        If the file of an SQLite database cannot be made or opened.
    Unreachable
        If a database server does not answer.

    Examples
    --------
    >>> import tempfile
    >>> from nbdeploy.database import RunRow
    >>> with tempfile.TemporaryDirectory() as folder, Database(f"sqlite:///{folder}/runs.db") as database:
    ...     with database.reading() as session:
    ...         session.query(RunRow).count()
    0
    """

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.engine = _engine(self.url)
        try:
            upgrade(self.engine)
        except OperationalError as error:
            self.close()
            raise _unusable(self.url, error) from error
        except DatabaseError as error:
            self.close()
            raise Corrupted(
                f"{_name(self.url)} is not a database that can be read: {error.orig}; "
                "move it away, or set NBDEPLOY_DB to another place",
                url=_name(self.url),
            ) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed if the block succeeds, undone otherwise.

        On SQLite it takes the write lock at its start, so that it waits for other writers
        instead of failing half-way.
        """
        engine = self.engine.execution_options(**{_WRITING: True})
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session


def check_url(url: str) -> str:
    """Return the URL of a database as it may be shown, if it can be one; nothing is made or asked yet.

    Raises
    ------
    InvalidData
        If the URL is not understood.
    MissingExtra
        If what speaks to such a database is not installed.
    NotWritable
        If the folder of an SQLite database cannot be made.

    Examples
    --------
    >>> check_url("postgresql://me:secret@db.team/log")
    'postgresql+psycopg://me:***@db.team/log'
    """
    parsed = _parse(url)
    _engine(parsed).dispose()
    return _name(parsed)


def _name(url: URL) -> str:
    """The URL as it may be shown: without its password."""
    return url.render_as_string(hide_password=True)


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise InvalidData(
            "the address of the database is not a SQLAlchemy URL, as in sqlite:////data/nbdeploy.db or "
            "postgresql://host/name; look at NBDEPLOY_DB, or at --db of an endpoint"
        ) from error
    if url.get_backend_name() == "sqlite":
        if url.database in {None, "", ":memory:"}:
            raise InvalidData(f"{text!r} is a database in memory, which a run's own process cannot see: name a file")
        path = Path(str(url.database)).expanduser().absolute()
        check_local(path)
        return url.set(database=str(path))
    if url.drivername in {"postgres", "postgresql"}:
        return url.set(drivername=_POSTGRESQL)  # the driver that the extra brings
    return url


def _engine(url: URL) -> Engine:
    sqlite = url.get_backend_name() == "sqlite"
    try:
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS} if sqlite else {}, pool_pre_ping=not sqlite)
    except NoSuchModuleError as error:
        raise InvalidData(f"{_name(url)}: SQLAlchemy knows no database {url.drivername!r}") from error
    except ImportError as error:
        if url.get_backend_name() == "postgresql":
            raise MissingExtra(f"a database at {_name(url)}", "postgresql") from error
        raise InvalidData(f"the driver of {_name(url)} is not installed: {error}") from error
    if sqlite:
        _make_folder(Path(str(url.database)).parent)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotWritable(
            f"the folder of the database, {folder}, could not be made ({error.strerror}): "
            "set NBDEPLOY_HOME or NBDEPLOY_DB to another place",
            path=str(folder),
        ) from error


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Set up a new connection; transactions are begun by us, not guessed by the driver."""
    connection.isolation_level = None
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _unusable(url: URL, error: OperationalError) -> NotWritable | Unreachable:
    if url.get_backend_name() == "sqlite":
        return NotWritable(
            f"the database {url.database} could not be opened: {error.orig}; set NBDEPLOY_HOME or NBDEPLOY_DB",
            path=url.database,
        )
    return Unreachable(f"the database {_name(url)} does not answer: {error.orig}", url=_name(url))

"""Bringing a database's tables to the form that this version of nbdeploy knows."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock
from sqlalchemy import Connection, Engine, inspect, text

from nbdeploy.errors import InvalidData

__all__ = ["HEAD", "MIGRATIONS", "revision", "upgrade"]

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0005"
"""The newest migration. Known here, so that a database that is up to date opens without Alembic."""

_ADVISORY_LOCK = 0x6E62_6465_706C


def upgrade(engine: Engine) -> None:
    """Apply the migrations that a database lacks; one process at a time, all of them or none.

    Raises
    ------
    InvalidData
        If the database was written by a newer version of nbdeploy.
    """
    if revision(engine) == HEAD:
        return
    with _alone(engine) as connection:
        _migrate(connection)


def revision(engine: Engine) -> str | None:
    """The newest migration that a database has, None if it is empty."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)


@contextlib.contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other process's upgrade overlaps."""
    with contextlib.ExitStack() as stack:
        if engine.dialect.name == "sqlite":
            stack.enter_context(FileLock(f"{engine.url.database}.lock"))
            _keep_write_ahead_log(engine)
        connection = stack.enter_context(engine.begin())
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        yield connection


def _keep_write_ahead_log(engine: Engine) -> None:
    """Readers and one writer at once. The file remembers it; changing it needs to be alone."""
    with contextlib.closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode=WAL").close()


def _migrate(connection: Connection) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each of its parts as it is imported
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise InvalidData(
            f"the database {connection.engine.url.render_as_string(hide_password=True)} was written by a newer "
            f"nbdeploy ({error}): upgrade this one, or set NBDEPLOY_DB to another database",
        ) from error

"""Opening the database."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text

from nbdeploy.database import Database, RunRow, location
from nbdeploy.errors import Corrupted, InvalidData, MissingExtra, NotWritable

OPEN = """
import sys
from nbdeploy.database import Database, RunRow
sys.stdin.read(1)
with Database(sys.argv[1]) as database, database.reading() as session:
    assert session.query(RunRow).count() == 0
"""


def row(key: str, **values: object) -> RunRow:
    now = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
    paths = {"notebook": "/a.ipynb", "folder": "/r", "output": "/r/a.ipynb"}
    process = {"host": "here", "pid": 1, "pid_started": 0.0}
    return RunRow(**{"id": key, "status": "queued", "parameters": {}, "created": now, **paths, **process, **values})


def test_new_file(tmp_path: Path) -> None:
    """A database that does not exist is made, with its folder, in write-ahead mode and with foreign keys."""
    with Database(f"sqlite:///{tmp_path}/deep/er/runs.db") as database, database.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_many_processes_open_a_new_database_at_once(tmp_path: Path) -> None:
    """Processes that meet on a database that does not exist yet all find it ready."""
    command = [sys.executable, "-W", "error", "-c", OPEN, f"sqlite:///{tmp_path}/runs.db"]
    openers = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write(b"go")
        opener.stdin.flush()
    assert [opener.communicate()[1] for opener in openers] == [b""] * 4
    assert [opener.returncode for opener in openers] == [0] * 4


def test_rows_survive(tmp_path: Path) -> None:
    """What one process commits the next one reads, with its types and time zone."""
    url = f"sqlite:///{tmp_path}/runs.db"
    noon = datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=5)))
    with Database(url) as database, database.writing() as session:
        session.add(row("a", parameters={"month": "2026-09", "n": [1, None]}, started=noon))
    with Database(url) as database, database.reading() as session:
        found = session.get_one(RunRow, "a")
    assert found.parameters == {"month": "2026-09", "n": [1, None]}
    assert found.started == noon
    assert found.started.tzinfo is UTC
    assert found.error is None


def test_failed_writing_leaves_nothing(tmp_path: Path) -> None:
    """A block that raises changes nothing."""
    with Database(f"sqlite:///{tmp_path}/runs.db") as database:
        with contextlib.suppress(ZeroDivisionError), database.writing() as session:
            session.add(row("a"))
            session.flush()
            raise ZeroDivisionError
        with database.reading() as session:
            assert session.get(RunRow, "a") is None


def test_file_that_is_no_database(tmp_path: Path) -> None:
    """A file of another kind is refused by name, and left as it was."""
    path = tmp_path / "runs.db"
    path.write_text("not a database, " * 100)
    with pytest.raises(Corrupted, match=r"runs\.db is not a database"):
        Database(f"sqlite:///{path}")
    assert path.read_text().startswith("not a database")


def test_newer_database(tmp_path: Path) -> None:
    """A database from a newer nbdeploy is refused, not half understood."""
    url = f"sqlite:///{tmp_path}/runs.db"
    Database(url).close()
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(InvalidData, match="newer nbdeploy"):
        Database(url)


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "carrier-pigeon://coop/runs"])
def test_url_that_cannot_work(url: str) -> None:
    """A URL that is not one, or that another process could not open, is refused."""
    with pytest.raises(InvalidData):
        Database(url)


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the way of the folder is named, with the setting to change."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="NBDEPLOY_HOME or NBDEPLOY_DB"):
        Database(f"sqlite:///{tmp_path}/file/runs.db")


def test_database_that_is_a_folder(tmp_path: Path) -> None:
    """A folder in the place of the file is refused by name."""
    with pytest.raises(NotWritable, match="could not be opened"):
        Database(f"sqlite:///{tmp_path}")


def test_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite is refused where its locks do not hold, with what to set instead."""
    monkeypatch.setattr(location, "_filesystem", lambda _: "nfs4")
    with pytest.raises(NotWritable, match="PostgreSQL"):
        Database(f"sqlite:///{tmp_path}/runs.db")


def test_file_system_of_a_path() -> None:
    """The file system is that of the innermost mount above the path."""
    assert location._filesystem(Path("/proc/self/none")) == "proc"


def test_driver_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that is not installed is named by the extra that brings it, and the password is not shown."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"nbdeploy\[postgresql\]") as caught:
        Database("postgresql+psycopg://me:secret@127.0.0.1:1/runs")
    assert "secret" not in str(caught.value)

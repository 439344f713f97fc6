"""The migrations and the models say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from nbdeploy.database import (
    AuditRow,
    Base,
    BlockRow,
    Database,
    DueRow,
    LeaseRow,
    PredictionRow,
    RunRow,
    ScheduleRow,
    TruthRow,
)
from nbdeploy.database.upgrade import HEAD, MIGRATIONS, revision

RUN = (
    "INSERT INTO runs (id, notebook, folder, output, status, parameters, created, host, pid, pid_started) VALUES "
    "('old', '/a', '/r', '/r/a', 'succeeded', '{\"month\": 9}', '2026-09-01 06:00:00+00:00', 'here', 1, 0.5)"
)

PREDICTION = (
    "INSERT INTO predictions (id, deployment, version, digest, protocol, methods, caller, time, seconds, rows, "
    "outcome, reason, first) VALUES ('p', 'churn', 3, 'sha256:aa', 'oip', 'predict', 'crm', "
    "'2026-09-01 06:00:00+00:00', 0.1, 1, 'ok', '', 0)"
)


def made_by(url: str, version: str, *statements: str) -> None:
    """Make a database as an earlier nbdeploy left it, with rows in it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        for statement in statements:
            connection.execute(text(statement.replace(":", "\\:")))
    engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_of_the_previous_schema_survive(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A database of runs gets all later tables and columns when it is opened, and keeps its rows; twice is once."""
    url = f"sqlite:///{tmp_path}/runs.db"
    if kind == "postgresql":
        url = request.getfixturevalue("postgresql_url").replace("postgresql://", "postgresql+psycopg://")
    made_by(url, "0001", RUN)
    for _ in range(2):
        with Database(url) as database:
            assert revision(database.engine) == HEAD
            with database.reading() as session:
                old = session.get_one(RunRow, "old")
                assert (old.parameters, old.command, old.schedule) == ({"month": 9}, "", "")
                assert (old.after, old.outputs, old.metrics, old.attempt) == ([], [], {}, 1)
                assert (old.boot, old.ends_as, old.beat, old.peak_memory, old.at_once) == ("", "", None, None, None)
                later = (PredictionRow, BlockRow, TruthRow, AuditRow, ScheduleRow, DueRow, LeaseRow)
                assert {session.query(table).count() for table in later} == {0}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_log_from_before_endpoints_shared_databases_stays(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its rows are of no endpoint that is known, and belong to whoever opens the database."""
    url = f"sqlite:///{tmp_path}/log.db"
    if kind == "postgresql":
        url = request.getfixturevalue("postgresql_url").replace("postgresql://", "postgresql+psycopg://")
    made_by(url, "0003", PREDICTION)
    with Database(url) as database, database.reading() as session:
        old = session.get_one(PredictionRow, "p")
        assert (old.endpoint, old.rows, old.block) == ("", 1, None)


def test_models_and_migrations_agree(tmp_path: Path) -> None:
    """A database made by the migrations has exactly the tables, columns and types of the models."""
    with Database(f"sqlite:///{tmp_path}/runs.db") as database, database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_head(tmp_path: Path) -> None:
    """The newest migration that the code knows is the newest there is, and a new database has it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
    with Database(f"sqlite:///{tmp_path}/runs.db") as database:
        assert revision(database.engine) == HEAD

"""The migrations and the models say the same."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from nbdeploy.database import Base, Database
from nbdeploy.database.upgrade import HEAD, MIGRATIONS, revision


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

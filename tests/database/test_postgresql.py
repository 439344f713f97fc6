"""The database of runs on a real PostgreSQL server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from nbdeploy.database import Base, Database
from nbdeploy.database.upgrade import HEAD, revision


def test_migrations_make_the_tables_of_the_models(postgresql_url: str) -> None:
    """Also if several processes open a new database at once: each finds it up to date."""
    url = postgresql_url.replace("postgresql://", "postgresql+psycopg://")

    def opened(_: int) -> str | None:
        with Database(url) as database:
            return revision(database.engine)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(opened, range(4))) == [HEAD] * 4
    with Database(url) as database, database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []

"""The database of runs: SQLite in the user's home by default, any SQLAlchemy URL otherwise."""

from nbdeploy.database.connection import Database
from nbdeploy.database.models import Base, RunRow

__all__ = ["Base", "Database", "RunRow"]

"""The database of runs, and of an endpoint's log: SQLite in its home by default, any SQLAlchemy URL otherwise."""

from nbdeploy.database.connection import Database, check_url
from nbdeploy.database.log import AuditRow, BlockRow, PredictionRow, TruthRow
from nbdeploy.database.models import Base, RunRow

__all__ = ["AuditRow", "Base", "BlockRow", "Database", "PredictionRow", "RunRow", "TruthRow", "check_url"]

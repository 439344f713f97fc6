"""The database of runs, and of an endpoint's log: SQLite in its home by default, any SQLAlchemy URL otherwise."""

from nbdeploy.database.connection import Database, check_url
from nbdeploy.database.log import AuditRow, BlockRow, PredictionRow, TruthRow
from nbdeploy.database.models import Base, Instant, RunRow
from nbdeploy.database.schedules import DueRow, LeaseRow, ScheduleRow

__all__ = [
    "AuditRow",
    "Base",
    "BlockRow",
    "Database",
    "DueRow",
    "Instant",
    "LeaseRow",
    "PredictionRow",
    "RunRow",
    "ScheduleRow",
    "TruthRow",
    "check_url",
]

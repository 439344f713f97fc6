"""Several endpoints in one database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("predictions", "prediction_blocks", "prediction_truths", "audit")


def upgrade() -> None:
    """Say of each row of which endpoint it is; of those that are there, it is not known."""
    for name in TABLES:
        op.add_column(name, sa.Column("endpoint", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Forget of which endpoint rows are."""
    for name in TABLES:
        op.drop_column(name, "endpoint")

"""Runs that wait for their turn, that other machines can see, and that say what they published."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("after", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("at_once", sa.Integer(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("beat", sa.DateTime(timezone=True), nullable=True),
        sa.Column("boot", sa.String(), nullable=False, server_default=""),
        sa.Column("ends_as", sa.String(), nullable=False, server_default=""),
        sa.Column("metrics", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("outputs", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("peak_memory", sa.BigInteger(), nullable=True),
        sa.Column("pipeline", sa.String(), nullable=False, server_default=""),
        sa.Column("runs_at_once", sa.Integer(), nullable=True),
        sa.Column("sweep", sa.String(), nullable=False, server_default=""),
    ]


def upgrade() -> None:
    """Add the columns."""
    for column in _columns():
        op.add_column("runs", column)


def downgrade() -> None:
    """Drop the columns."""
    with op.batch_alter_table("runs") as runs:
        for column in _columns():
            runs.drop_column(column.name)

"""The tables of an endpoint: what it was asked and answered, what came true, and what was done to it.

Nothing here refers to another row by a constraint: rows go by age, and what is left behind is never read. Each row says
of which endpoint it is, as several may share a database.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from nbdeploy.database.models import Base

__all__ = ["AuditRow", "BlockRow", "PredictionRow", "TruthRow"]


class PredictionRow(Base):
    """One request for predictions.

    Attributes
    ----------
    id : str
        The prediction's id, sortable by time.
    deployment, version, digest : str, int, str
        Who was asked, and the snapshot that served.
    protocol, methods, caller : str
        How it was asked, for what (names with commas between), and by which token.
    time, seconds : datetime, float
        When it came, and how long the answer took.
    rows : int
        How many rows were asked.
    outcome, reason : str
        ``ok``, ``refused`` or ``failed``, and why.
    block, first : str or None, int
        Where its rows are kept, if they are, and the first of them there.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        Index("ix_predictions_deployment_time", "deployment", "time"),
        Index("ix_predictions_time", "time"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    deployment: Mapped[str]
    version: Mapped[int]
    digest: Mapped[str]
    protocol: Mapped[str]
    methods: Mapped[str]
    caller: Mapped[str]
    time: Mapped[datetime]
    seconds: Mapped[float]
    rows: Mapped[int]
    outcome: Mapped[str]
    reason: Mapped[str]
    block: Mapped[str | None]
    first: Mapped[int]
    endpoint: Mapped[str] = mapped_column(server_default="")


class BlockRow(Base):
    """Rows of requests that came at about the same time and want the same, together.

    Attributes
    ----------
    id : str
        Sortable by time.
    deployment : str
        Who was asked.
    time : datetime
        When the first of them came.
    rows : int
        How many rows.
    masked : list of str
        Columns that are private, and not in it.
    inputs, answers : bytes or None
        Tables as an Arrow IPC stream, compressed by zstd; no answers where the model refused.
    """

    __tablename__ = "prediction_blocks"

    id: Mapped[str] = mapped_column(primary_key=True)
    deployment: Mapped[str]
    time: Mapped[datetime] = mapped_column(index=True)
    rows: Mapped[int]
    masked: Mapped[list[str]] = mapped_column(JSON)
    inputs: Mapped[bytes] = mapped_column(LargeBinary)
    answers: Mapped[bytes | None] = mapped_column(LargeBinary)
    endpoint: Mapped[str] = mapped_column(server_default="")


class TruthRow(Base):
    """What came true of one row of a request.

    Attributes
    ----------
    prediction, row : str, int
        The request, and the row of it, from 0.
    value : object
        What came true, as JSON holds it.
    time, caller : datetime, str
        When it was told, and by which token.
    """

    __tablename__ = "prediction_truths"

    prediction: Mapped[str] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    time: Mapped[datetime] = mapped_column(index=True)
    caller: Mapped[str]
    endpoint: Mapped[str] = mapped_column(server_default="")


class AuditRow(Base):
    """One act of somebody who may change the endpoint, or was not let.

    Attributes
    ----------
    id : str
        Sortable by time.
    time : datetime
        When.
    who, origin : str
        Which token, and the address that it came from.
    action, subject : str
        What was done, and to what.
    outcome : str
        ``done``, or why not.
    """

    __tablename__ = "audit"

    id: Mapped[str] = mapped_column(primary_key=True)
    time: Mapped[datetime] = mapped_column(index=True)
    who: Mapped[str]
    origin: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    outcome: Mapped[str]
    endpoint: Mapped[str] = mapped_column(server_default="")

"""The tables, as typed classes. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

__all__ = ["Base", "Instant", "RunRow"]

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """A moment, always with its time zone in Python, also where the database keeps none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Store in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read as UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of all tables; constraints have names, so that a migration can change them."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {datetime: Instant(), dict[str, Any]: JSON(none_as_null=True)}  # noqa: RUF012 - SQLAlchemy reads it so


class RunRow(Base):
    """One run of a notebook.

    Attributes
    ----------
    id : str
        Sortable by time: ``20261121-153012-a1b2``.
    notebook, folder, output : str
        Paths of the source, of the run's own folder and of the executed notebook.
    command, schedule : str
        What runs if it is no notebook, in words; the name of the schedule that began it. Empty otherwise.
    status : str
        ``queued``, ``running``, ``succeeded``, ``failed``, ``stopped`` or ``lost``.
    parameters : dict
        The values given, as shown to people (the exact ones are in the folder).
    error : dict or None
        What failed, and where.
    host, pid, pid_started, boot
        The process that answers for the run now, and the boot of the machine that it belongs to. Of a run that is
        queued the machine is the one to run it, and the process the one that is about to start it; 0 if none is.
    after : list of str
        Ids of the runs that must have succeeded before it starts.
    at_once : int or None
        How many runs of its notebook may go on at once on its machine, this one included.
    runs_at_once : int or None
        How many runs of any kind may; None if that does not matter to it.
    attempt : int
        Which attempt goes on or was the last, from 1.
    beat : datetime or None
        When its process last showed that it lives, by the clock of the database.
    ends_as : str
        The status that it is to end with, if somebody stops it; empty otherwise.
    metrics : dict
        Figures that it published, by name.
    outputs : list of dict
        Files that it published.
    peak_memory : int or None
        The most memory that it used at once, in bytes.
    pipeline, sweep : str
        The pipeline or sweep that it is a part of; empty if of none.
    """

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    notebook: Mapped[str]
    folder: Mapped[str]
    output: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    parameters: Mapped[dict[str, Any]]
    error: Mapped[dict[str, Any] | None]
    created: Mapped[datetime] = mapped_column(index=True)
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    host: Mapped[str]
    pid: Mapped[int]
    pid_started: Mapped[float]
    command: Mapped[str] = mapped_column(server_default="")
    schedule: Mapped[str] = mapped_column(server_default="")
    after: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    at_once: Mapped[int | None]
    attempt: Mapped[int] = mapped_column(default=1, server_default="1")
    beat: Mapped[datetime | None]
    boot: Mapped[str] = mapped_column(default="", server_default="")
    ends_as: Mapped[str] = mapped_column(default="", server_default="")
    metrics: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    outputs: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default="[]")
    peak_memory: Mapped[int | None] = mapped_column(BigInteger)
    pipeline: Mapped[str] = mapped_column(default="", server_default="")
    runs_at_once: Mapped[int | None]
    sweep: Mapped[str] = mapped_column(default="", server_default="")

"""Which requests are wanted, as the database is asked for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from nbdeploy.database import BlockRow, PredictionRow
from nbdeploy.serving.prediction_log.where import Where
from nbdeploy.wire.routes import DIAGNOSIS

__all__ = ["Wanted", "conditions", "counted", "pages"]

PAGE = 2_000
"""Requests that are looked at together."""

_BLOCKS = 200
_KINDS: dict[str, Any] = {
    "id": pl.String,
    "time": pl.Datetime("us", "UTC"),
    "version": pl.Int64,
    "caller": pl.String,
    "protocol": pl.String,
    "methods": pl.String,
    "seconds": pl.Float64,
    "outcome": pl.String,
    "reason": pl.String,
    "rows": pl.Int64,
    "block": pl.String,
    "first": pl.Int64,
}


@dataclass(frozen=True)
class Wanted:
    """Which rows are wanted: the latest ones of those that fit.

    Attributes
    ----------
    since, until : datetime or None
        When they were asked.
    id : str
        The request that they belong to.
    version : int
        The version that answered.
    unanswered : bool
        Whether only those are wanted that were refused, or failed.
    where : Where or None
        What is true of them.
    limit : int
        How many at most.
    spread : bool
        Whether those are spread over the time, and not the latest ones, where there are more.
    """

    since: datetime | None = None
    until: datetime | None = None
    id: str = ""
    version: int = 0
    unanswered: bool = False
    where: Where | None = None
    limit: int = 10_000
    spread: bool = False


def conditions(deployment: str, wanted: Wanted, endpoint: str) -> list[ColumnElement[bool]]:
    """What is true of the requests that are wanted, as far as the database knows it."""
    found = [PredictionRow.deployment == deployment, PredictionRow.endpoint.in_({endpoint, ""})]
    if wanted.id:
        found.append(PredictionRow.id == wanted.id)
    elif wanted.where is None or "protocol" not in wanted.where.names:
        found.append(PredictionRow.protocol != DIAGNOSIS)
    if wanted.since is not None:
        found.append(PredictionRow.time >= wanted.since)
    if wanted.until is not None:
        found.append(PredictionRow.time < wanted.until)
    if wanted.version:
        found.append(PredictionRow.version == wanted.version)
    if wanted.unanswered:
        found.append(PredictionRow.outcome != "ok")
    return found


def counted(session: Session, found: Sequence[ColumnElement[bool]]) -> tuple[int, int, int]:
    """Return the numbers of requests, of those whose rows are not kept, and of rows that are."""
    kept = PredictionRow.block.is_not(None)
    numbers = (
        func.count(),
        func.coalesce(func.sum(case((kept, 0), else_=1)), 0),
        func.coalesce(func.sum(case((kept, PredictionRow.rows), else_=0)), 0),
    )
    requests, without, rows = session.execute(select(*numbers).where(*found)).one()
    return int(requests), int(without), int(rows)


def pages(session: Session, found: Sequence[ColumnElement[bool]], spread: int = 1) -> Iterator[pl.DataFrame]:
    """Give requests, some at a time, the latest first.

    Parameters
    ----------
    session : Session
        Where to read.
    found : sequence of conditions
        What is true of them.
    spread : int
        Of every how many blocks one is read.
    """
    query = select(*(getattr(PredictionRow, name) for name in _KINDS)).where(*found)
    query = query.order_by(PredictionRow.time.desc(), PredictionRow.id.desc())
    if spread <= 1:
        for rows in session.execute(query.execution_options(yield_per=PAGE)).partitions():
            yield _frame(rows)
        return
    blocks = _every(session, found, spread)
    for at in range(0, len(blocks), _BLOCKS):
        yield _frame(session.execute(query.where(PredictionRow.block.in_(blocks[at : at + _BLOCKS]))).all())


def _every(session: Session, found: Sequence[ColumnElement[bool]], spread: int) -> list[str]:
    """One of every so many blocks, the latest first."""
    mine = select(PredictionRow.block).where(*found, PredictionRow.block.is_not(None)).distinct().subquery()
    number = func.row_number().over(order_by=(BlockRow.time.desc(), BlockRow.id.desc())).label("number")
    ordered = select(BlockRow.id, number).where(BlockRow.id.in_(select(mine.c.block))).subquery()
    query = select(ordered.c.id).where(ordered.c.number % spread == 1).order_by(ordered.c.number)
    return [*session.scalars(query)]


def _frame(rows: Sequence[Any]) -> pl.DataFrame:
    return pl.DataFrame([tuple(row) for row in rows], schema=_KINDS, orient="row")

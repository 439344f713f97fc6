"""What was logged, as a table: one line for each row that was asked, with its answer and what came true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import select

from nbdeploy.database import BlockRow, Database, PredictionRow, TruthRow
from nbdeploy.serving.prediction_log.tables import unpack
from nbdeploy.serving.prediction_log.where import Where
from nbdeploy.wire.routes import DIAGNOSIS

__all__ = ["ABOUT", "Logged", "Wanted", "read"]

ABOUT = ("id", "row", "time", "version", "caller", "protocol", "method", "seconds", "outcome", "reason", "truth")
"""Columns that tell of the request. Where the model has a column of that name, theirs begins with ``request_``."""

_PAGE = 2_000
_VARIABLES = 500


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
    where : Where or None
        What is true of them.
    limit : int
        How many at most.
    """

    since: datetime | None = None
    until: datetime | None = None
    id: str = ""
    version: int = 0
    where: Where | None = None
    limit: int = 10_000


@dataclass
class Logged:
    """Rows, and what is to be known of them.

    Attributes
    ----------
    frame : polars.DataFrame
        The latest row first: columns :data:`ABOUT`, then the model's inputs, then its answers.
    inputs, answers : list of str
        Which columns are which.
    masked : list of str
        Inputs that are private, and were not kept.
    more : bool
        Whether there are more than were wanted.
    requests, without_rows : int
        Requests that were looked at, and those of them whose rows were not kept.
    """

    frame: pl.DataFrame
    inputs: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)
    more: bool = False
    requests: int = 0
    without_rows: int = 0


def read(database: Database, deployment: str, wanted: Wanted, endpoint: str = "") -> Logged:
    """Read rows of a deployment of an endpoint.

    Requests whose rows were not kept are among them, with one line, if they are asked for by id, or by a condition
    about nothing but requests (``outcome = 'refused'``). What was asked to look whether the endpoint is well is left
    out, unless the condition names the protocol.

    Raises
    ------
    NotFound, WrongUsage
        If the condition does not fit the columns.
    """
    found = Logged(pl.DataFrame())
    parts: list[pl.DataFrame] = []
    known: list[str] = []
    left = wanted.limit + 1
    for page in _pages(database, deployment, wanted, endpoint):
        for part in _tables(database, page, found, _counts_requests(wanted)):
            known += [name for name in part.columns if name not in known]
            if wanted.where is None or {*wanted.where.names} <= {*part.columns}:
                parts.append(part if wanted.where is None else wanted.where.of(part))
                left -= parts[-1].height
        if left <= 0:
            break
    if wanted.where is not None and known:
        wanted.where.check(known)  # that of another version may lack a column, but one has it
    together = _together(parts)
    found.more = together.height > wanted.limit
    found.frame = _ordered(together, found)[: wanted.limit]
    return found


def _counts_requests(wanted: Wanted) -> bool:
    return bool(wanted.id) or (wanted.where is not None and {*wanted.where.names} <= {*ABOUT})


def _pages(database: Database, deployment: str, wanted: Wanted, endpoint: str) -> Iterator[Sequence[Any]]:
    """Requests, the latest first, some at a time."""
    mine = PredictionRow.endpoint.in_({endpoint, ""})
    query = select(PredictionRow).where(PredictionRow.deployment == deployment, mine)
    if wanted.id:
        query = query.where(PredictionRow.id == wanted.id)
    elif wanted.where is None or "protocol" not in wanted.where.names:
        query = query.where(PredictionRow.protocol != DIAGNOSIS)
    if wanted.since is not None:
        query = query.where(PredictionRow.time >= wanted.since)
    if wanted.until is not None:
        query = query.where(PredictionRow.time < wanted.until)
    if wanted.version:
        query = query.where(PredictionRow.version == wanted.version)
    query = query.order_by(PredictionRow.time.desc(), PredictionRow.id.desc())
    with database.reading() as session:
        yield from session.scalars(query.execution_options(yield_per=_PAGE)).partitions()


def _tables(database: Database, page: Sequence[Any], found: Logged, bare: bool) -> Iterator[pl.DataFrame]:
    """The rows of requests: a table for each block that they are in."""
    truths = _truths(database, [request.id for request in page])
    groups: dict[str | None, list[Any]] = {}
    for request in page:
        groups.setdefault(request.block, []).append(request)
    found.requests += len(page)
    without = groups.pop(None, [])
    found.without_rows += len(without)
    if without and bare:
        yield _about(without, truths, [1] * len(without))
    keys = [*groups]
    for ids in (keys[i : i + _VARIABLES] for i in range(0, len(keys), _VARIABLES)):
        with database.reading() as session:
            blocks = session.scalars(select(BlockRow).where(BlockRow.id.in_(ids))).all()
        for block in sorted(blocks, key=lambda block: block.id, reverse=True):
            yield _of_block(block, groups[block.id], truths, found)


def _of_block(block: Any, requests: list[Any], truths: dict[tuple[str, int], Any], found: Logged) -> pl.DataFrame:
    places = [request.first + row for request in requests for row in range(request.rows)]
    inputs = unpack(block.inputs)[places]
    answers = unpack(block.answers)[places] if block.answers is not None else pl.DataFrame()
    answers = answers.rename({name: f"answer_{name}" for name in answers.columns if name in inputs.columns})
    about = _about(requests, truths, [request.rows for request in requests])
    about = about.rename({n: f"request_{n}" for n in about.columns if n in inputs.columns or n in answers.columns})
    found.inputs += [name for name in inputs.columns if name not in found.inputs]
    found.answers += [name for name in answers.columns if name not in found.answers]
    found.masked += [name for name in block.masked if name not in found.masked]
    return pl.concat([about, inputs, answers], how="horizontal")


def _about(requests: list[Any], truths: dict[tuple[str, int], Any], heights: list[int]) -> pl.DataFrame:
    """What is known of requests, once for each of their rows."""
    repeated = [request for request, height in zip(requests, heights, strict=True) for _ in range(height)]
    rows = [row for height in heights for row in range(height)]
    columns: dict[str, Any] = {
        "id": [request.id for request in repeated],
        "row": rows,
        "time": [request.time for request in repeated],
        "version": [request.version for request in repeated],
        "caller": [request.caller for request in repeated],
        "protocol": [request.protocol for request in repeated],
        "method": [request.methods for request in repeated],
        "seconds": [request.seconds for request in repeated],
        "outcome": [request.outcome for request in repeated],
        "reason": [request.reason for request in repeated],
    }
    frame = pl.DataFrame(columns, schema_overrides={"time": pl.Datetime("us", "UTC")})
    told = [truths.get((request.id, row)) for request, row in zip(repeated, rows, strict=True)]
    return frame.with_columns(pl.Series("truth", told, strict=False))


def _truths(database: Database, ids: Sequence[str]) -> dict[tuple[str, int], Any]:
    found = {}
    for some in (ids[i : i + _VARIABLES] for i in range(0, len(ids), _VARIABLES)):
        with database.reading() as session:
            for truth in session.scalars(select(TruthRow).where(TruthRow.prediction.in_(some))):
                found[truth.prediction, truth.row] = truth.value
    return found


def _together(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """One table; a column that versions have in types with nothing in common becomes text."""
    if not parts:
        return pl.DataFrame()
    try:
        return pl.concat(parts, how="diagonal_relaxed")
    except pl.exceptions.PolarsError:
        kinds: dict[str, set[Any]] = {}
        for part in parts:
            for name, kind in part.schema.items():
                kinds.setdefault(name, set()).add(kind)
        odd = [name for name, found in kinds.items() if len(found) > 1]
        text = [
            part.with_columns(pl.col(name).cast(pl.String) for name in odd if name in part.columns) for part in parts
        ]
        return pl.concat(text, how="diagonal_relaxed")


def _ordered(frame: pl.DataFrame, found: Logged) -> pl.DataFrame:
    if not frame.width:
        return frame
    about = [name for name in frame.columns if name not in found.inputs and name not in found.answers]
    order = [f"request_{name}" if f"request_{name}" in about else name for name in ("time", "id", "row")]
    frame = frame.select([*about, *found.inputs, *found.answers])
    if "truth" in about and frame["truth"].null_count() == frame.height:
        frame = frame.drop("truth")
    return frame.sort(order, descending=[True, True, False])

"""What was logged, as a table: one line for each row that was asked, with its answer and what came true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from nbdeploy.database import BlockRow, Database, TruthRow
from nbdeploy.serving.prediction_log.choosing import Wanted, conditions, counted, pages
from nbdeploy.serving.prediction_log.tables import unpack

__all__ = ["ABOUT", "Logged", "Wanted", "read"]

ABOUT = ("id", "row", "time", "version", "caller", "protocol", "method", "seconds", "outcome", "reason", "truth")
"""Columns that tell of the request. Where the model has a column of that name, theirs begins with ``request_``."""

MOST_LOOKED = 300_000
"""Requests that are looked at, at most: some seconds of work for whoever answers requests too."""

_VARIABLES = 500


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
        Whether there are more than were wanted, or so many requests that not all were looked at.
    requests, without_rows : int
        Requests that there are, and those of them whose rows were not kept.
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
    chosen = conditions(deployment, wanted, endpoint)
    parts: list[pl.DataFrame] = []
    known: list[str] = []
    left, looked = wanted.limit + 1, 0
    with database.reading() as session, database.reading() as other:
        found.requests, found.without_rows, rows = counted(session, chosen)
        spread = max(1, -(-rows // wanted.limit)) if wanted.spread else 1
        for page in pages(session, chosen, spread):
            for part in _tables(other, page, found, _counts_requests(wanted)):
                known += [name for name in part.columns if name not in known]
                if wanted.where is None or {*wanted.where.names} <= {*part.columns}:
                    parts.append(part if wanted.where is None else wanted.where.of(part))
                    left -= parts[-1].height
            looked += page.height
            if looked >= MOST_LOOKED or (left <= 0 and spread == 1):
                break
    if wanted.where is not None and known:
        wanted.where.check(known)  # that of another version may lack a column, but one has it
    together = _together(parts)
    found.more = together.height > wanted.limit or spread > 1 or looked >= MOST_LOOKED
    found.frame = _ordered(together, found)[: wanted.limit]
    return found


def _counts_requests(wanted: Wanted) -> bool:
    about = wanted.where is None or {*wanted.where.names} <= {*ABOUT}
    return bool(wanted.id) or (about and (wanted.where is not None or wanted.unanswered))


def _tables(session: Session, page: pl.DataFrame, found: Logged, bare: bool) -> Iterator[pl.DataFrame]:
    """The rows of requests: a table for all blocks that have the same columns."""
    without = page.filter(pl.col("block").is_null())
    if bare and without.height:
        yield _about(session, without.with_columns(row=pl.lit(0, pl.Int64)))
    rows = page.filter(pl.col("block").is_not_null() & (pl.col("rows") > 0))
    rows = rows.with_columns(row=pl.int_ranges(0, "rows")).explode("row")
    for blocks in _alike(session, page["block"].drop_nulls().unique().to_list(), found):
        heights = [max(table.height for table in tables) for _, *tables in blocks]  # either may have no columns
        starts = pl.Series(heights).cum_sum().shift(1, fill_value=0)
        places = pl.DataFrame({"block": [key for key, _, _ in blocks], "start": starts.cast(pl.Int64)})
        mine = rows.join(places, on="block", maintain_order="left")
        at = mine["start"] + mine["first"] + mine["row"]
        inputs = pl.concat([inputs for _, inputs, _ in blocks])
        answers = pl.concat([answers for _, _, answers in blocks])
        inputs, answers = (table[at] if table.width else table for table in (inputs, answers))
        yield _joined(_about(session, mine), inputs, answers, found)


def _alike(session: Session, ids: Sequence[str], found: Logged) -> list[list[tuple[str, pl.DataFrame, pl.DataFrame]]]:
    """Blocks with their inputs and answers, those of the same columns and types together."""
    groups: dict[Any, list[tuple[str, pl.DataFrame, pl.DataFrame]]] = {}
    columns = (BlockRow.id, BlockRow.inputs, BlockRow.answers, BlockRow.masked)
    for some in (ids[at : at + _VARIABLES] for at in range(0, len(ids), _VARIABLES)):
        for key, inputs, answers, masked in session.execute(select(*columns).where(BlockRow.id.in_(some))):
            tables = unpack(inputs), unpack(answers) if answers is not None else pl.DataFrame()
            kinds = tuple(tuple(table.schema.items()) for table in tables)
            groups.setdefault(kinds, []).append((key, *tables))
            found.masked += [name for name in masked if name not in found.masked]
    return [*groups.values()]


def _joined(about: pl.DataFrame, inputs: pl.DataFrame, answers: pl.DataFrame, found: Logged) -> pl.DataFrame:
    answers = answers.rename({name: f"answer_{name}" for name in answers.columns if name in inputs.columns})
    about = about.rename({n: f"request_{n}" for n in about.columns if n in inputs.columns or n in answers.columns})
    found.inputs += [name for name in inputs.columns if name not in found.inputs]
    found.answers += [name for name in answers.columns if name not in found.answers]
    return pl.concat([about, inputs, answers], how="horizontal")


def _about(session: Session, rows: pl.DataFrame) -> pl.DataFrame:
    """What is known of the request of each row."""
    truths = _truths(session, rows["id"].unique().to_list())
    told = [truths.get(place) for place in rows.select("id", "row").rows()] if truths else [None] * rows.height
    named = rows.rename({"methods": "method"}).with_columns(pl.Series("truth", told, strict=False))
    return named.select(ABOUT)


def _truths(session: Session, ids: Sequence[str]) -> dict[tuple[str, int], Any]:
    columns = (TruthRow.prediction, TruthRow.row, TruthRow.value)
    found = {}
    for some in (ids[at : at + _VARIABLES] for at in range(0, len(ids), _VARIABLES)):
        for key, row, value in session.execute(select(*columns).where(TruthRow.prediction.in_(some))):
            found[key, row] = value
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
    frame = frame[[*about, *found.inputs, *found.answers]]
    if "truth" in about and frame["truth"].null_count() == frame.height:
        frame = frame.drop("truth")
    return frame.sort(order, descending=[True, True, False])

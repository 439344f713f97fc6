"""What came true, told afterwards: joined with predictions by their id and row, and told twice is told once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from nbdeploy.database import Database, PredictionRow, TruthRow
from nbdeploy.wire.messages import FeedbackAnswer, Truth, Unmatched

__all__ = ["join"]

_SOME = 500
_LISTED = 20


def join(
    database: Database, deployment: str, truths: Sequence[Truth], caller: str, now: datetime, endpoint: str = ""
) -> FeedbackAnswer:
    """Keep what came true of predictions, the latest word for each.

    Parameters
    ----------
    database : Database
        Where the predictions are.
    deployment : str
        Who made them.
    truths : sequence of Truth
        What came true. The row may be left out of a prediction that has one only.
    caller : str
        Who tells.
    now : datetime
        When.
    endpoint : str
        The endpoint that made them.

    Returns
    -------
    FeedbackAnswer
        How many were joined, and which were not.
    """
    tally = {"matched": 0, "replaced": 0, "unchanged": 0}
    unmatched: list[Unmatched] = []
    for some in (truths[i : i + _SOME] for i in range(0, len(truths), _SOME)):
        with database.writing() as session:
            heights = _heights(session, deployment, endpoint, [truth.id for truth in some])
            fitting: dict[tuple[str, int], Any] = {}
            for truth in some:
                reason = _unfit(truth, heights)
                if reason:
                    unmatched.append(Unmatched(truth.id, truth.row, reason))
                else:
                    fitting[truth.id, truth.row or 0] = truth.truth
                    tally["matched"] += 1
            _keep(session, fitting, tally, {"time": now, "caller": caller, "endpoint": endpoint})
    return FeedbackAnswer(len(truths), **tally, unmatched=len(unmatched), first=unmatched[:_LISTED])


def _heights(session: Session, deployment: str, endpoint: str, ids: Sequence[str]) -> dict[str, int]:
    query = select(PredictionRow.id, PredictionRow.rows)
    query = query.where(PredictionRow.id.in_({*ids}), PredictionRow.deployment == deployment)
    query = query.where(PredictionRow.endpoint.in_({endpoint, ""}))
    return {key: rows for key, rows in session.execute(query)}  # noqa: C416 - rows, not pairs


def _unfit(truth: Truth, heights: dict[str, int]) -> str:
    if truth.id not in heights:
        return "no prediction has this id here; it may be older than the log is kept"
    if truth.truth is None:
        return "there is no truth in it"
    rows = heights[truth.id]
    if truth.row is None:
        return "" if rows == 1 else f"the prediction has {rows} rows: say which, from 0"
    return "" if 0 <= truth.row < rows else f"the prediction has {rows} rows, numbered from 0"


def _keep(session: Session, fitting: dict[tuple[str, int], Any], tally: dict[str, int], told: dict[str, Any]) -> None:
    if not fitting:
        return
    known = session.scalars(select(TruthRow).where(TruthRow.prediction.in_({key for key, _ in fitting})))
    before = {(truth.prediction, truth.row): truth.value for truth in known}
    tally["unchanged"] += sum(1 for key, value in fitting.items() if key in before and _same(before[key], value))
    changed = {key: value for key, value in fitting.items() if key not in before or not _same(before[key], value)}
    tally["replaced"] += sum(1 for key in changed if key in before)
    if changed:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        insert = dialect.insert(TruthRow)
        update = {name: getattr(insert.excluded, name) for name in ("value", "time", "caller")}
        rows = [{"prediction": key, "row": row, "value": value, **told} for (key, row), value in changed.items()]
        session.execute(insert.on_conflict_do_update(index_elements=["prediction", "row"], set_=update), rows)


def _same(before: Any, value: Any) -> bool:
    return type(before) is type(value) and bool(before == value)

"""What was asked and answered in production, and what came true of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.api.releases import remote
from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import Progress, Report, ignore_progress

if TYPE_CHECKING:
    import polars as pl

    from nbdeploy.targets.logged import Labelled, LoggedRows
    from nbdeploy.wire.messages import FeedbackAnswer, Truth

__all__ = ["DAY", "label", "requests"]

DAY = timedelta(hours=24)
_SOME = 5_000
_LISTED = 20


def requests(
    where: str,
    *,
    since: timedelta | None = None,
    id: str | None = None,  # noqa: A002 - as the command calls it
    condition: str | None = None,
    limit: int = 10_000,
    settings: Settings | None = None,
) -> LoggedRows:
    """Return rows that a deployment was asked, with its answers and what came true of them.

    Parameters
    ----------
    where : str
        ``TARGET/DEPLOYMENT``.
    since : timedelta, optional
        How long ago at most; 24 hours by default, and ever if there is an id.
    id : str, optional
        The prediction that they belong to.
    condition : str, optional
        What is true of them, as SQL has it: ``tenure_days is null and plan = 'gold'``. It may name the model's inputs,
        its answers, and ``id``, ``row``, ``time``, ``version``, ``caller``, ``protocol``, ``method``, ``seconds``,
        ``outcome``, ``reason`` and ``truth``.
    limit : int
        How many at most: the latest ones.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> bad = nd.requests("prod/churn", condition="tenure_days is null").frame  # doctest: +SKIP
    >>> nd.load("prod/churn").predict(bad)  # doctest: +SKIP
    """
    target, deployment = remote(where, settings)
    span = since if since is not None or id else DAY
    return target.requests(deployment, span, id=id, where=condition, limit=limit)


def label(
    where: str,
    data: Any,
    *,
    id: str,  # noqa: A002 - as the command calls it
    truth: str,
    row: str | None = None,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
) -> Labelled:
    """Tell an endpoint what came true of predictions. Told twice is told once; another truth replaces the first.

    Parameters
    ----------
    where : str
        ``TARGET/DEPLOYMENT``.
    data : table, str or Path
        Rows in memory or a file.
    id, truth : str
        The columns of predictions' ids and of truths. Rows without a truth are left out.
    row : str, optional
        The column of row numbers, from 0; a column ``row`` by default, if there is one.

    Returns
    -------
    Labelled
        How many were joined; false if some belong to no prediction.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.label("prod/churn", "churned.csv", id="prediction", truth="churned")  # doctest: +SKIP
    """
    from nbdeploy.targets.logged import Labelled

    target, deployment = remote(where, settings)
    total: FeedbackAnswer | None = None
    done = 0
    for truths in _truths(data, id, truth, row):
        answer = target.feedback(deployment, truths)
        total = answer if total is None else _sum(total, answer)
        done += len(truths)
        progress(Progress(done, None, "rows", "telling what came true"))
    if total is None:
        raise WrongUsage(f"there is no row with a truth in column {truth!r}")
    return Labelled(f"{target.name}/{deployment}", total)


def _truths(data: Any, key: str, truth: str, row: str | None) -> Iterator[list[Truth]]:
    from nbdeploy.wire.messages import Truth

    for frame in _frames(data, key):
        for name in filter(None, (key, truth, row)):
            if name not in frame.columns:
                raise NotFound("column", name, frame.columns)
        number = row or ("row" if "row" in frame.columns and "row" not in (key, truth) else None)
        told = frame.drop_nulls([key, truth])
        places = told[number].cast(int).to_list() if number else [None] * told.height
        values = [value.item() if hasattr(value, "item") else value for value in told[truth].to_list()]
        found = [Truth(str(k), v, r) for k, v, r in zip(told[key].to_list(), values, places, strict=True)]
        if found:
            yield found


def _frames(data: Any, key: str) -> Iterator[pl.DataFrame]:
    """Tables of some rows each; values of text files are read as what they look like."""
    import io

    import polars as pl

    from nbdeploy.codecs.frames import CONTAINERS, container_of
    from nbdeploy.tables import frames, open_source

    if not isinstance(data, str | Path):
        parts = CONTAINERS[container_of(data)].parts(data)
        yield from pl.DataFrame([part.series().alias(part.name) for part in parts]).iter_slices(_SOME)
        return
    source = open_source(data)
    for frame in frames(source, _SOME):
        if source.text:
            text = io.BytesIO(frame.write_csv().encode())
            frame = pl.read_csv(text, infer_schema_length=None, schema_overrides={key: pl.String})
        yield frame


def _sum(one: FeedbackAnswer, other: FeedbackAnswer) -> FeedbackAnswer:
    from nbdeploy.wire.messages import FeedbackAnswer

    return FeedbackAnswer(
        one.received + other.received,
        one.matched + other.matched,
        one.replaced + other.replaced,
        one.unchanged + other.unchanged,
        one.unmatched + other.unmatched,
        [*one.first, *other.first][:_LISTED],
    )

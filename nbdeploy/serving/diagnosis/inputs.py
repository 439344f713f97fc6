"""Rows of now beside training and beside the week before: what changed, since when, in whose rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from nbdeploy.cards import Table
from nbdeploy.profiles import Profile, profile_of
from nbdeploy.serving.diagnosis.cause import Cause, cause_of
from nbdeploy.serving.diagnosis.finding import Finding
from nbdeploy.serving.diagnosis.shift import Shift, shifts

__all__ = ["Rows", "callers_table", "changes", "shifts_table"]

_TOLD = 5
_WEIGHTS = {"inputs": 50.0, "predictions": 30.0}


@dataclass(frozen=True)
class Rows:
    """Rows to be looked at, or rows to compare with.

    Attributes
    ----------
    frame : polars.DataFrame, n rows
        Inputs and answers.
    about : polars.DataFrame, n rows
        What was logged of their requests, if they had some: ``time``, ``caller``, ``id``, ``outcome`` ….
    """

    frame: pl.DataFrame
    about: pl.DataFrame = field(default_factory=pl.DataFrame)

    def where(self, true: pl.Expr) -> Rows:
        """Return the rows of whose requests something is true."""
        hits = self.about.select(true).to_series() if self.about.height else pl.Series([], dtype=pl.Boolean)
        return Rows(self.frame.filter(hits), self.about.filter(hits)) if len(hits) else self

    def cause(self, shift: Shift) -> Cause:
        """Since when a difference shows, and in whose rows, as far as that was logged."""
        if not self.about.height:
            return Cause()
        return cause_of(shift.hits, self.about["time"], self.about["caller"])


def changes(
    name: str,
    columns: Sequence[str],
    now: Rows,
    training: Profile | None,
    week: Rows | None,
    step: Callable[[str], str],
) -> tuple[list[Finding], list[Shift]]:
    """Say how rows differ from training, and from the week before where there are such rows.

    What was so a week ago already is told, and not held to be what is wrong today.

    Parameters
    ----------
    name : str
        ``inputs`` or ``predictions``.
    columns : sequence of str
        Which columns.
    now : Rows
        The rows.
    training : Profile or None
        Of the snapshot's own data.
    week : Rows or None
        Rows of the week before.
    step : callable
        From a condition to the command that gets the rows of which it is true.
    """
    ours = now.frame[[name for name in columns if name in now.frame.columns]]
    past = _past(week, ours.columns)
    reference, label = (training, "training") if training is not None else (past, "last week")
    if reference is None or not set(ours.columns) & set(reference.columns):
        return [Finding(name, None, "there is nothing to compare them with: the snapshot keeps no profile")], []
    if ours.height < 10:
        return [Finding(name, None, f"{ours.height} rows are too few to compare")], []
    found = shifts(ours, reference, label)
    since = shifts(ours, past, "last week") if past is not None and label == "training" else []
    recent = {(shift.column, shift.kind) for shift in since}
    findings = [
        _finding(
            name, shift, now, past, past is None or (shift.column, shift.kind) in recent or label != "training", step
        )
        for shift in found[:_TOLD]
    ]
    known = {(shift.column, shift.kind) for shift in found}
    only = [shift for shift in since if (shift.column, shift.kind) not in known]
    findings += [
        Finding(
            name, None, f"{s.column} {s.told}{now.cause(s).words()}, within what training had", evidence=_facts(s, now)
        )
        for s in only[:_TOLD]
    ]
    if not findings:
        beside = " and the week before" if past is not None else ""
        count = f"{len(ours.columns)} column{'s' if len(ours.columns) != 1 else ''}"
        told = f"{count} of {ours.height:,} rows: like {label}{beside}"
        findings.append(Finding(name, True, told))
    if len(found) > _TOLD:
        findings.append(Finding(name, None, f"{len(found) - _TOLD} more differences are in the table"))
    return findings, found


def _past(week: Rows | None, columns: Sequence[str]) -> Profile | None:
    if week is None or week.frame.height < 10:
        return None
    return profile_of(week.frame[[name for name in columns if name in week.frame.columns]], anonymity=1)


def _finding(
    name: str, shift: Shift, now: Rows, past: Profile | None, is_new: bool, step: Callable[[str], str]
) -> Finding:
    cause = now.cause(shift)
    told = f"{shift.column} {shift.told}{cause.words()}"
    if not is_new:
        return Finding(name, None, f"{told}; so it was last week", evidence=_facts(shift, now))
    before = _before(shift, past)
    told = f"{told}; last week {before}" if before else told
    verdict = f"{'inputs' if name == 'inputs' else name} changed: {shift.column} {shift.told}{cause.words()}"
    weight = _WEIGHTS.get(name, 10.0) + shift.strength
    return Finding(name, False, told, verdict, step(shift.condition), weight, _facts(shift, now))


def _before(shift: Shift, past: Profile | None) -> str:
    column = past.columns.get(shift.column) if past is not None else None
    if column is None:
        return ""
    if shift.kind == "missing":
        from nbdeploy.serving.diagnosis.shift import percent

        return percent(column.missing_rate)
    if shift.kind == "values" and column.numbers is not None and column.kind == "number":
        return f"median {column.numbers.quantile(0.5):.4g}"
    return ""


def _facts(shift: Shift, now: Rows) -> dict[str, object]:
    cause = now.cause(shift)
    return {
        "column": shift.column,
        "kind": shift.kind,
        "now": shift.now,
        "before": shift.before,
        "rows": int(shift.hits.sum()),
        "where": shift.condition,
        "since": cause.since.isoformat(timespec="seconds") if cause.since is not None else None,
        "caller": cause.caller or None,
        "share": cause.share,
    }


def shifts_table(found: Sequence[Shift], now: Rows) -> Table:
    """Every difference, with the condition that finds its rows."""
    rows = [(s.column, s.told, f"{int(s.hits.sum()):,}", now.cause(s).words().strip(", "), s.condition) for s in found]
    return Table(("column", "difference", "rows", "since, caller", "where"), rows)


def callers_table(about: pl.DataFrame) -> Table:
    """Who asked: requests, rows, how many were refused, and how long they took.

    Parameters
    ----------
    about : polars.DataFrame
        Rows of requests: ``caller``, ``id``, ``outcome``, ``seconds``.
    """
    requests = about.group_by("caller", "id").agg(pl.col("outcome", "seconds").first(), pl.len().alias("rows"))
    told = requests.group_by("caller").agg(
        pl.len().alias("requests"),
        pl.col("rows").sum(),
        (pl.col("outcome") != "ok").sum().alias("refused"),
        (pl.col("seconds").median() * 1000).alias("median"),
        (pl.col("seconds").quantile(0.95) * 1000).alias("high"),
    )
    rows = [
        (caller or "–", f"{count:,}", f"{rows:,}", f"{refused:,}", f"{median:.1f} ms", f"{high:.1f} ms")
        for caller, count, rows, refused, median, high in told.sort("requests", "caller", descending=True).rows()
    ]
    return Table(("caller", "requests", "rows", "refused", "median", "95 % within"), rows)

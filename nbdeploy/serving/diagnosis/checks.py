"""What is looked at in a deployment, one thing at a time."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.cards import Table
from nbdeploy.errors import NbdeployError
from nbdeploy.hints import typed
from nbdeploy.predictor import Predictor
from nbdeploy.profiles import ModelProfile, Profile
from nbdeploy.serving.diagnosis.again import predicted_again
from nbdeploy.serving.diagnosis.cause import cause_of, moment
from nbdeploy.serving.diagnosis.finding import Finding
from nbdeploy.serving.diagnosis.inputs import Rows, callers_table, changes, shifts_table
from nbdeploy.serving.diagnosis.shift import percent
from nbdeploy.wire.messages import CheckAnswer, Deployment, LogState

__all__ = [
    "Place",
    "compared",
    "log_told",
    "profile_of_snapshot",
    "refusals",
    "release",
    "rows_again",
    "sample",
    "truths",
]

_FEW = 5
_SHARE = 0.01
_LABELLED = 30
_ORDINARY = 1.96


@dataclass(frozen=True)
class Place:
    """Where something is looked for.

    Attributes
    ----------
    name : str
        Target and deployment.
    snapshot : str
        What serves there.
    since : timedelta
        How far back.
    """

    name: str
    snapshot: str
    since: timedelta

    @property
    def span(self) -> str:
        """How far back, as options of commands have it."""
        return f"{self.since.total_seconds() / 3600:g}h"

    def step(self, condition: str) -> str:
        """The command that gets the rows of which a condition is true."""
        if not condition:
            return typed(f"requests {self.name} --since {self.span}")
        plain = not set(condition) & set('"$`{}\\!')
        quoted = f'"{condition}"' if plain else shlex.quote(condition)
        return typed(f"requests {self.name} --since {self.span} --where {quoted}")


def release(state: Deployment, place: Place, now: datetime) -> Finding:
    """What serves since when, and what served before."""
    evidence = {
        "deployed": state.deployed,
        "by": state.by,
        "before": [f"{p.model}:{p.version}" for p in state.history[-3:]],
    }
    if not state.deployed:
        return Finding("release", None, f"{place.snapshot} serves; since when was not kept", evidence=evidence)
    since = datetime.fromisoformat(state.deployed)
    told = f"{place.snapshot} since {moment(since)}, by {state.by}"
    if state.history:
        last = state.history[-1]
        told += f"; before it {last.model}:{last.version}"
    if now - since < place.since and state.history:
        return Finding("release", None, f"{told}: a change within the last {place.span}", evidence=evidence)
    return Finding("release", True, told, evidence=evidence)


def sample(found: CheckAnswer | str, place: Place) -> Finding:
    """Whether the endpoint answers the snapshot's sample as certified, or why that is not known."""
    if isinstance(found, str):
        return Finding("sample", None, f"not asked: {found}")
    evidence = msgspec.to_builtins(found)
    if not found.rows:
        return Finding("sample", None, "the snapshot keeps no rows to ask (--sample none)", evidence=evidence)
    if not found.different:
        bits = "to the last bit" if found.identical else "to rounding"
        return Finding("sample", True, f"{found.rows:,} rows are answered as certified, {bits}", evidence=evidence)
    told = f"{found.different:,} of {found.rows:,} certified rows are answered otherwise: {found.first}"
    verdict = f"the endpoint does not answer as {place.snapshot} was certified: its packages or processor differ"
    return Finding("sample", False, told, verdict, typed(f"verify {place.snapshot}"), 90.0, evidence)


def rows_again(predictor: Predictor | str, now: Rows, place: Place) -> Finding:
    """Whether logged rows get the same answers here."""
    name = "logged rows"
    if isinstance(predictor, str):
        return Finding(name, None, f"not predicted again here: {predictor}")
    answered = now.where(pl.col("outcome") == "ok") if now.about.height else now
    if not answered.frame.height:
        return Finding(name, None, "there are none of this version to predict again")
    found = predicted_again(predictor, answered.frame, answered.about["method"])
    evidence = {"rows": found.rows, "different": found.different}
    if not found.rows:
        return Finding(name, None, f"not predicted again here: {found.first}", evidence=evidence)
    if not found.different:
        return Finding(name, True, f"{found.rows:,} of them get the same answers here", evidence=evidence)
    told = f"{found.different:,} of {found.rows:,} get other answers here: {found.first}"
    verdict = (
        f"logged rows get other answers here than from {place.name}: one of both environments is not the certified one"
    )
    return Finding(name, False, told, verdict, typed(f"verify {place.snapshot} --fresh-env"), 80.0, evidence)


def refusals(bad: pl.DataFrame, counts: tuple[int, int], now: Rows, place: Place) -> Finding:
    """How many requests were not answered, and why.

    Parameters
    ----------
    bad : polars.DataFrame
        What is known of requests that were not answered: the latest ones.
    counts : tuple of int
        How many of those there were, and how many requests in all.
    now : Rows
        Rows that were answered.
    place : Place
        Where.
    """
    bad = bad.unique("id", keep="first", maintain_order=True) if bad.height else bad
    count, total = counts
    evidence: dict[str, Any] = {"requests": total, "refused": count}
    if not total:
        told = f"nothing was asked in the last {place.span}"
        return Finding("requests", None, told, evidence=evidence)
    share = count / total
    if not bad.height:
        return Finding("requests", True, f"all {total:,} were answered", evidence=evidence)
    told = f"{count:,} of {total:,} ({percent(share)}) were not answered"
    good = (
        now.about.select("id", "time", "caller").unique("id")
        if now.about.height
        else bad.select("id", "time", "caller").clear()
    )
    both = pl.concat(
        [bad.select("id", "time", "caller", pl.lit(True).alias("hit")), good.with_columns(pl.lit(False).alias("hit"))]
    )
    cause = cause_of(both["hit"], both["time"], both["caller"])
    reason = bad["reason"].value_counts(sort=True, name="count").row(0)[0]
    told = f"{told}{cause.words()}: {reason}"
    evidence |= {"reason": reason, "caller": cause.caller or None}
    if count < _FEW or share < _SHARE:
        return Finding("requests", None, told, evidence=evidence)
    verdict = f"{percent(share)} of requests are not answered{cause.words()}: {reason}"
    return Finding("requests", False, told, verdict, place.step("outcome != 'ok'"), 60.0 + share, evidence)


def compared(
    now: Rows, week: Rows, predictor: Predictor | None, inputs: Sequence[str], step: Callable[[str], str]
) -> tuple[list[Finding], list[tuple[str, Table]]]:
    """Inputs and predictions beside training and the week before, and who asked."""
    profile = profile_of_snapshot(predictor) if predictor is not None else None
    answers = [name for name in now.frame.columns if name not in inputs]
    findings: list[Finding] = []
    tables: list[tuple[str, Table]] = []
    trained = (None, None) if profile is None else (profile.inputs, _as_logged(profile.predictions, inputs))
    parts = (("inputs", inputs, trained[0]), ("predictions", answers, trained[1]))
    for name, columns, training in parts:
        if not now.frame.height:
            continue
        told, found = changes(name, columns, now, training, week, step)
        findings += told
        if found:
            tables.append((f"{name} that are not as in training", shifts_table(found, now)))
    return findings, tables


def _as_logged(answers: Profile, inputs: Sequence[str]) -> Profile:
    """A profile of answers by the names that the log gives them."""
    named = {f"answer_{name}" if name in inputs else name: found for name, found in answers.columns.items()}
    return msgspec.structs.replace(answers, columns=named)


def callers(about: pl.DataFrame) -> list[tuple[str, Table]]:
    """Who asked."""
    return [("who asked", callers_table(about))] if about.height else []


def truths(rows: Sequence[Rows], predictor: Predictor | None, place: Place) -> list[Finding]:
    """How much of what came true was predicted, beside the certificate."""
    parts = [
        pl.DataFrame([part.frame["prediction"], part.about["truth"]]).drop_nulls()
        for part in rows
        if "prediction" in part.frame.columns and "truth" in part.about.columns
    ]
    both = pl.concat(parts, how="vertical_relaxed") if parts else pl.DataFrame()
    if not both.height:
        return []
    record = predictor.manifest if predictor is not None else {}
    metrics = record.get("metrics") or {}
    if both["prediction"].dtype.is_float() and both["truth"].dtype.is_numeric() and "accuracy" not in metrics:
        return [_errors(both, metrics, record, place)]
    return [_hits(both, metrics, record, place)]


def _hits(both: pl.DataFrame, metrics: dict[str, Any], record: dict[str, Any], place: Place) -> Finding:
    numbers = all(series.dtype.is_numeric() for series in both)
    kind = pl.Float64 if numbers else pl.String
    share = float((both["prediction"].cast(kind) == both["truth"].cast(kind)).mean() or 0.0)  # type: ignore[arg-type]
    certified = metrics.get("accuracy")
    told = f"{percent(share)} of {both.height:,} predictions came true"
    evidence = {"rows": both.height, "accuracy": share, "certified": certified}
    if certified is None:
        return Finding("truth", None, told, evidence=evidence)
    low = float((record.get("intervals") or {}).get("accuracy", [certified])[0])
    told += f" (certificate {percent(certified)})"
    spread = _ORDINARY * math.sqrt(max(share * (1 - share), 1 / both.height) / both.height)
    return _judged(both.height, share + spread < low, told, place, evidence)


def _errors(both: pl.DataFrame, metrics: dict[str, Any], record: dict[str, Any], place: Place) -> Finding:
    errors = (both["prediction"] - both["truth"]).abs().to_numpy()
    mean, certified = float(errors.mean()), metrics.get("mae")
    told = f"{both.height:,} predictions were off by {mean:.4g} on average"
    evidence = {"rows": both.height, "mae": mean, "certified": certified}
    if certified is None:
        return Finding("truth", None, told, evidence=evidence)
    high = float((record.get("intervals") or {}).get("mae", [0, certified])[1])
    spread = _ORDINARY * float(np.std(errors)) / math.sqrt(both.height)
    return _judged(both.height, mean - spread > high, f"{told} (certificate {certified:.4g})", place, evidence)


def _judged(rows: int, worse: bool, told: str, place: Place, evidence: dict[str, Any]) -> Finding:
    if rows < _LABELLED:
        return Finding("truth", None, f"{told}: too few to judge", evidence=evidence)
    if not worse:
        return Finding("truth", True, told, evidence=evidence)
    verdict = f"{place.snapshot} is worse than certified: {told}"
    return Finding("truth", False, told, verdict, place.step("truth != prediction"), 40.0, evidence)


def log_told(log: LogState | None) -> list[Finding]:
    """What the log itself lacks."""
    if log is None or (log.ok and not log.dropped):
        return []
    told = [] if log.ok else [f"its database takes no rows since {log.since}: {log.reason}"]
    told += [f"{log.dropped:,} rows were lost to it since the endpoint started"] if log.dropped else []
    return [Finding("log", None, "; ".join(told), evidence=msgspec.to_builtins(log))]


def profile_of_snapshot(predictor: Predictor) -> ModelProfile | None:
    """What the snapshot keeps of its data; None if nothing that is understood."""
    try:
        return ModelProfile.from_document(msgspec.json.decode((predictor.bundle.path / "profile.json").read_bytes()))
    except (OSError, msgspec.MsgspecError, NbdeployError):
        return None

"""What is wrong with a deployment, or with an output, today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from nbdeploy.api.predictions import load
from nbdeploy.api.production import DAY
from nbdeploy.api.releases import remote
from nbdeploy.errors import NbdeployError, NotFound, Unreachable
from nbdeploy.hints import typed
from nbdeploy.settings import Settings
from nbdeploy.types import Progress, Report, ignore_progress

if TYPE_CHECKING:
    import polars as pl

    from nbdeploy.api.remote import Target
    from nbdeploy.predictor import Predictor
    from nbdeploy.serving.diagnosis import Diagnosis, Finding, Rows
    from nbdeploy.serving.diagnosis.checks import Place
    from nbdeploy.targets.logged import LoggedRows
    from nbdeploy.targets.results import TargetStatus
    from nbdeploy.wire.messages import CheckAnswer, Deployment

__all__ = ["diagnose"]

WEEK = timedelta(days=7)
ROWS = 20_000
"""Logged rows that are looked at, at most, spread over all."""


def diagnose(
    subject: str,
    *,
    since: timedelta | None = None,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
) -> Diagnosis:
    """Look for what is wrong: with a deployment, or with an output that ``predict`` wrote.

    Of a deployment: what was released, whether the endpoint answers the snapshot's sample as certified and logged rows
    as this computer does, what was refused, whether inputs and predictions are like those of training and of the week
    before, whether what came true is what was predicted, and who asked.

    Parameters
    ----------
    subject : str
        ``TARGET/DEPLOYMENT``, or the path of an output that has its provenance beside it.
    since : timedelta, optional
        How far to look back; 24 hours by default.

    Returns
    -------
    Diagnosis
        False if something is wrong: the verdict, what was found, the evidence, and the next command.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.diagnose("prod/churn").verdict  # doctest: +SKIP
    'inputs changed: tenure_days missing 41 % (training 0.2 %) since 06:10, caller crm-batch'
    """
    if _is_output(subject):
        from nbdeploy.api.outputs import diagnose_output

        return diagnose_output(Path(subject), settings)
    target, deployment = remote(subject, settings)
    return _Case(target, deployment, since or DAY, settings, progress).diagnosis()


class _Case:
    """A deployment that is looked at."""

    def __init__(
        self, target: Target, deployment: str, since: timedelta, settings: Settings | None, progress: Report
    ) -> None:
        self._target, self._deployment, self._since = target, deployment, since
        self._settings, self._progress = settings, progress
        self._name = f"{target.name}/{deployment}"

    def diagnosis(self) -> Diagnosis:
        from nbdeploy.serving.diagnosis import Diagnosis, checks

        status = self._target.status()
        state = self._state(status)
        if not state.serving:
            return Diagnosis(self._name, "", "", [_broken(state, checks.Place(self._name, state.name, self._since))])
        serving = state.serving[0]
        place = checks.Place(self._name, f"{serving.model}:{serving.version}", self._since)
        released = checks.release(state, place, datetime.now(UTC))
        if state.state == "failed":
            return Diagnosis(self._name, place.snapshot, serving.digest, [released, _broken(state, place)])
        predictor = self._predictor(f"{serving.model}@{serving.digest}")
        loaded = None if isinstance(predictor, str) else predictor
        found, bad = self._logged()
        now = _rows(found)
        week = self._rows(self._since + WEEK, self._since)
        self._tell("the endpoint answers the snapshot's sample")
        findings = [
            released,
            checks.sample(self._checked(), place),
            checks.rows_again(predictor, now.where(_of_version(serving.version)), place),
            checks.refusals(bad.about, (bad.facts.requests, found.facts.requests), now, place),
        ]
        told, tables = checks.compared(now, week, loaded, found.facts.inputs, place.step)
        findings += [*told, *checks.truths([now, week], loaded, place), *checks.log_told(status.log)]
        tables += checks.callers(_joined(now.about, bad.about))
        step = typed(f"requests {self._name} --since {place.span}")
        return Diagnosis(self._name, place.snapshot, serving.digest, findings, tables, step)

    def _state(self, status: TargetStatus) -> Deployment:
        if not status.deployments and not status.healthy:
            raise Unreachable(f"{self._target.name} cannot be looked at: {status.reason}", target=self._target.name)
        known = {state.name: state for state in status.deployments}
        if self._deployment not in known:
            raise NotFound("deployment", self._name, [f"{self._target.name}/{name}" for name in known])
        return known[self._deployment]

    def _predictor(self, ref: str) -> Predictor | str:
        """The snapshot here, or why it is not."""
        self._tell(f"loading {ref[:40]}")
        try:
            return load(ref, settings=self._settings)
        except NbdeployError as error:
            return str(error)

    def _checked(self) -> CheckAnswer | str:
        try:
            return self._target.check(self._deployment)
        except NbdeployError as error:
            return str(error)

    def _logged(self) -> tuple[LoggedRows, LoggedRows]:
        """Rows of now, and requests that were not answered."""
        self._tell("reading the prediction log")
        found = self._target.requests(self._deployment, self._since, limit=ROWS, spread=True)
        return found, self._target.requests(self._deployment, self._since, unanswered=True, limit=ROWS)

    def _rows(self, since: timedelta, until: timedelta) -> Rows:
        return _rows(self._target.requests(self._deployment, since, until, limit=ROWS, spread=True))

    def _tell(self, message: str) -> None:
        self._progress(Progress(message=message))


def _rows(found: LoggedRows) -> Rows:
    from nbdeploy.serving.diagnosis import Rows

    return Rows(found.values, found.about)


def _of_version(number: int) -> pl.Expr:
    import polars as pl

    return pl.col("version") == number


def _joined(about: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    """What is known of all requests that were looked at, each row once."""
    import polars as pl

    columns = ("caller", "id", "outcome", "seconds")
    parts = [part.select(columns) for part in (about, bad) if part.height]
    if len(parts) == 2:
        parts[1] = parts[1].filter(~pl.col("id").is_in(parts[0]["id"].implode()))
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


def _broken(state: Deployment, place: Place) -> Finding:
    from nbdeploy.serving.diagnosis import Finding

    told = f"{place.snapshot} does not serve: {state.reason}"
    return Finding("serving", False, told, told, typed(f"push {place.snapshot} --to {place.name}"), 100.0)


def _is_output(subject: str) -> bool:
    """Whether a word names a file: one that is there, or was; ``T/D`` has no suffix of data."""
    from nbdeploy.tables import SOURCES

    path = Path(subject)
    words = path.name.lower().split(".")[1:]
    return path.exists() or any(word in SOURCES for word in words)

"""How fast something goes, and how long it still takes, in words."""

from __future__ import annotations

from nbdeploy.cards.wording import duration
from nbdeploy.types import Progress

__all__ = ["Pace"]

_STEPS = "steps"


class Pace:
    """The speed of one phase: a stretch of progress with one unit and one total.

    Parameters
    ----------
    step : Progress
        The first step of the phase.
    now : float
        The time of that step, in seconds of any monotonic clock.
    """

    def __init__(self, step: Progress, now: float) -> None:
        self.unit = step.unit
        self.total = step.total
        self._first, self._share = step.done, step.share
        self._started = now

    def covers(self, step: Progress) -> bool:
        """Whether a step belongs to this phase."""
        return step.unit == self.unit and step.total == self.total and step.done >= self._first

    def describe(self, step: Progress, now: float) -> str:
        """The step in words: how much, how fast, how long still.

        Examples
        --------
        >>> pace = Pace(Progress(0, 5000, "rows"), now=0.0)
        >>> pace.describe(Progress(1200, 5000, "rows", "predicting"), now=4.0)
        'predicting · 1,200 of 5,000 rows · 300 rows/s · 13 s left'
        >>> pace.describe(Progress(3, 5, message="rehearsing"), now=4.0)  # steps are of any length
        'rehearsing · step 4 of 5'
        """
        if step.unit == _STEPS:
            count = f" · step {min(step.done + 1, step.total)} of {step.total}" if step.total is not None else ""
            return step.message + count
        of_total = f" of {step.total:,}" if step.total is not None else ""
        parts = [step.message] if step.message else []
        if step.done or step.total is not None:
            parts.append(f"{step.done:,}{of_total} {step.unit}")
        parts += self._speed(step, now)
        return " · ".join(parts)

    def _speed(self, step: Progress, now: float) -> list[str]:
        rate = self.rate(step, now)
        words = [f"{rate:,.0f} {step.unit}/s"] if rate is not None and rate >= 2 else []
        left = self.left(step, now)
        return [*words, f"{duration(left)} left"] if left else words

    def rate(self, step: Progress, now: float) -> float | None:
        """How much is done in a second; None at the beginning."""
        done, seconds = step.done - self._first, now - self._started
        return done / seconds if done > 0 and seconds > 0 else None

    def left(self, step: Progress, now: float) -> float | None:
        """Seconds still to go; None if nobody knows. Who tells the step may know better: ``left`` among its facts.

        Where the total is not known, the share may be: of a large file's bytes, for example.
        """
        known: float | None = (step.facts or {}).get("left")
        if known is not None:
            return known
        rate, share = self.rate(step, now), step.share
        if rate is None:
            return None
        if step.total is not None:
            return (step.total - step.done) / rate
        gone = share - (self._share or 0.0) if share is not None else 0.0
        return (1.0 - share) / gone * (now - self._started) if share is not None and gone > 0 else None

"""Which twin a model gets, how fast it is, and for which batches it answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import polars as pl

from nbdeploy.compilers import Twin, Unsure, compile_twins
from nbdeploy.compilers.proof import Differs, Native, Proof, prove
from nbdeploy.types import Signature

__all__ = ["SIZES", "Choice", "Speed", "below", "choose", "given", "measure"]

_log = logging.getLogger(__name__)

SIZES = (1, 32, 1024, 32768)
"""Batch sizes that are measured, in rows."""

_TILE = 16
_PATIENCE = 4.0


@dataclass(frozen=True)
class Speed:
    """Seconds for one batch of one method.

    Attributes
    ----------
    rows : int
        Its size.
    native, twin : float
        Seconds by the canonical native call, and by the twin.
    """

    rows: int
    native: float
    twin: float


@dataclass(frozen=True)
class Choice:
    """The twin of a model, or why it has none.

    Attributes
    ----------
    compiler : str or None
        The compiler of the twin; None without one.
    reasons : tuple of str
        Why other compilers have none, or none that is equal.
    proof : Proof or None
        How it was proven.
    native_steps : tuple of str
        Steps that it calls natively.
    speeds : tuple of Speed
        What was measured; empty if nothing was.
    """

    compiler: str | None = None
    reasons: tuple[str, ...] = ()
    proof: Proof | None = None
    native_steps: tuple[str, ...] = ()
    speeds: tuple[Speed, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether it gives the native bits, so that it may answer some batches and native code others."""
        return self.proof is not None and self.proof.exact

    def document(self) -> dict[str, Any]:
        """Return the facts for the version record."""
        if self.proof is None:
            return {"compiler": None, "reason": "; ".join(dict.fromkeys(self.reasons)) or "no compiler was asked"}
        return {
            "compiler": self.compiler,
            "exact": self.exact,
            "below": below(self.speeds) if self.exact else None,
            "native_steps": list(self.native_steps),
            **asdict(self.proof),
            "speed": [asdict(speed) for speed in self.speeds],
        }


def choose(
    model: Any,
    signature: Signature,
    native: Native,
    sample: pl.DataFrame,
    wanted: str | None = None,
    *,
    seconds: float = 1.0,
    speed_seconds: float = 0.5,
) -> Choice:
    """Compile a model and prove its twin; the first compiler whose twin has the native bits, and is faster, wins.

    Parameters are those of :func:`~nbdeploy.compilers.compile_by` and :func:`~nbdeploy.compilers.proof.prove`, and:

    Parameters
    ----------
    wanted : str, optional
        The only compiler to ask.
    seconds : float
        How long to look for rows that differ, besides the sample.
    speed_seconds : float
        How long to measure; 0 measures nothing.
    """
    reasons: list[str] = []
    for name, twin in compile_twins(model, signature, wanted):
        if isinstance(twin, str):
            reasons.append(twin)
            continue
        choice = given(name, twin, signature, native, sample, seconds=seconds, speed_seconds=speed_seconds)
        if choice.exact and below(choice.speeds):
            return replace(choice, reasons=tuple(reasons))
        slow = f"{name}: its twin is slower than native code, even for one row"
        rounds = f"{name}: its twin is equal only to rounding, and takes too long to answer every batch"
        reasons += choice.reasons or ([slow] if choice.exact else [rounds])
    return Choice(reasons=tuple(reasons))


def given(
    name: str,
    twin: Twin,
    signature: Signature,
    native: Native,
    sample: pl.DataFrame,
    *,
    seconds: float = 1.0,
    speed_seconds: float = 0.5,
) -> Choice:
    """Prove and measure one twin. See :func:`choose`; a twin that answers differently is none, with the reason."""
    try:
        proof = prove(twin, native, signature, sample, seconds=seconds)
    except Differs as difference:
        return Choice(reasons=(f"{name}: {difference}",))
    except Exception as error:  # whatever else the model does with strange rows, it only loses its twin by it
        _log.debug("the twin by %s could not be proven", name, exc_info=True)
        return Choice(reasons=(f"{name}: it could not be proven: {type(error).__name__}",))
    default = signature.default_method
    method = default if default in twin.methods else next(iter(twin.methods))
    speeds = measure(twin, native, method, sample, seconds=speed_seconds) if speed_seconds else ()
    return Choice(name, (), proof, twin.native, speeds)


def measure(
    twin: Twin,
    native: Native,
    method: str,
    sample: pl.DataFrame,
    *,
    seconds: float = 5.0,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[Speed, ...]:
    """Measure a twin beside native code for batches of 1, 32, 1024 and 32768 rows.

    A size that would take longer than the time left, judged by the size before, ends it.

    Parameters
    ----------
    method : str
        The method to ask.
    sample : polars.DataFrame
        Rows, repeated until there are enough.
    seconds : float
        Time for all sizes together.
    """
    found: list[Speed] = []
    started = clock()
    for size in SIZES:
        left = seconds - (clock() - started)
        if found and (found[-1].native + found[-1].twin) * size / found[-1].rows > left * _PATIENCE:
            break
        rows = sample[[i % sample.height for i in range(size)]]
        try:
            found.append(_speed(twin, native, method, rows, clock))
        except Unsure:
            break
        if clock() - started > seconds:
            break
    return tuple(found)


def _speed(twin: Twin, native: Native, method: str, rows: pl.DataFrame, clock: Callable[[], float]) -> Speed:
    values = rows.row(0)

    def ask() -> Any:
        return twin.many(method, rows) if rows.height > 1 else twin.one(method, values)

    return Speed(rows.height, _timed(lambda: native(rows, method), clock), _timed(ask, clock))


def _timed(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    """The faster of two calls; the first one may load something."""
    times = []
    for _ in range(2):
        before = clock()
        call()
        times.append(clock() - before)
        if times[0] > 0.2:
            break
    return round(min(times), 7)


def below(speeds: Sequence[Speed]) -> int:
    """Return the largest batch that an exact twin answers, in rows; larger ones are faster natively.

    Between two sizes, both times are taken for straight lines, and where they cross is the border. Without
    figures it is one tile of the canonical call, which takes as long for one row.

    Examples
    --------
    >>> below((Speed(1, 0.010, 0.001), Speed(32, 0.010, 0.032)))
    10
    >>> below(())
    16
    """
    if not speeds:
        return _TILE
    if speeds[0].twin > speeds[0].native:
        return 0
    for before, after in pairwise(speeds):
        if after.twin > after.native:
            gain, loss = before.native - before.twin, after.twin - after.native
            return int(before.rows + (after.rows - before.rows) * gain / (gain + loss))
    if len(speeds) == 1:  # native calls are padded to a tile: it takes as long as one row
        return min(_TILE, int(speeds[0].native / max(speeds[0].twin, 1e-9)))
    return speeds[-1].rows if len(speeds) < len(SIZES) else 2**31

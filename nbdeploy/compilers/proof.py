"""Proving that a twin answers as native code does: to the bit, or to rounding, or not at all."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.outputs import describe_output
from nbdeploy.compare import ROUNDING, compare
from nbdeploy.compilers.samples import border_rows, edge_rows, random_rows
from nbdeploy.compilers.twin import Twin, Unsure
from nbdeploy.types import Signature

__all__ = ["Differs", "Proof", "prove"]

Native = Callable[[pl.DataFrame, str], Any]
"""The canonical native call: bound rows and a method to the method's own answer."""

_RANDOM = 256
_ALONE = 48
_SPLIT = 8


class Differs(Exception):  # noqa: N818 - it is no error: the twin is dropped
    """A twin answers differently; the text says where."""


@dataclass
class Proof:
    """What was tried, and what came of it.

    Attributes
    ----------
    methods : dict of str to str
        ``exact`` where every bit was the same, else ``rounding``: up to 1e-9 relative.
    max_difference : float
        The largest relative difference.
    tried : dict of str to int
        Rows of each kind: sample, random, one column missing, unseen, zero, huge …, and borders (where answers
        change, on both sides).
    left : int
        Rows that the twin left to native code.
    seconds : float
        How long it took.
    """

    methods: dict[str, str] = field(default_factory=dict)
    max_difference: float = 0.0
    tried: dict[str, int] = field(default_factory=dict)
    left: int = 0
    seconds: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether every method has the native bits."""
        return set(self.methods.values()) == {"exact"}


def prove(
    twin: Twin,
    native: Native,
    signature: Signature,
    sample: pl.DataFrame,
    *,
    seconds: float = 3.0,
    clock: Callable[[], float] = time.monotonic,
) -> Proof:
    """Compare a twin with the native call on the sample, and on random, strange and bordering rows.

    Every row is also asked alone, or a part of them: its bits have to be the same. Where native code raises,
    the twin has to leave the row to it.

    Parameters
    ----------
    twin : Twin
        What to prove.
    native : callable
        The canonical native call.
    signature : Signature
        What the model takes.
    sample : polars.DataFrame
        Observed rows, bound.
    seconds : float
        When to stop looking for more rows; the sample is always tried.

    Raises
    ------
    Differs
        If an answer is another, by more than 1e-9 relative for floats.
    """
    started = clock()
    proof = Proof(methods={name: "exact" if exact else "rounding" for name, exact in twin.exact.items()})
    with warnings.catch_warnings(action="ignore"):  # strange rows make native code warn; it is only compared here
        for kind, rows in _kinds(twin, signature, sample, lambda: clock() - started < seconds):
            if not rows.height or (clock() - started > seconds and kind != "sample"):
                continue
            for method in twin.methods:
                _Trial(twin, native, method, proof).on(rows)
            proof.tried[kind] = rows.height
    proof.seconds = round(clock() - started, 3)
    return proof


def _kinds(
    twin: Twin, signature: Signature, sample: pl.DataFrame, in_time: Callable[[], bool]
) -> Iterator[tuple[str, pl.DataFrame]]:
    random = np.random.default_rng(0)
    yield "sample", sample
    yield "random", random_rows(sample, signature, _RANDOM, random)
    yield from edge_rows(sample, signature).items()
    method = next((name for name in ("predict", "predict_proba") if name in twin.methods), next(iter(twin.methods)))

    def answer(rows: pl.DataFrame) -> Any:
        if not in_time():
            return None
        try:
            answers, _ = twin.many(method, rows)
        except Unsure:
            return None
        return np.concatenate(answers, axis=-1) if isinstance(answers, list) else answers

    yield "borders", border_rows(sample, signature, answer)


class _Trial:
    """One method of a twin, tried."""

    def __init__(self, twin: Twin, native: Native, method: str, proof: Proof) -> None:
        self.twin, self.native, self.method, self.proof = twin, native, method, proof

    def on(self, rows: pl.DataFrame) -> None:
        """Try rows together; where that raises, each by itself."""
        try:
            expected = self.native(rows, self.method)
            answer, doubt = self.twin.many(self.method, rows)
        except Exception:  # whatever native code raises, or the twin leaves to it
            for i in range(min(rows.height, _SPLIT)):
                self._alone(rows[i : i + 1])
            return
        sure = np.ones(rows.height, bool) if doubt is None else ~doubt
        self.proof.left += int((~sure).sum())
        self._same(expected, answer, sure, rows)
        for i in np.flatnonzero(sure)[:_ALONE]:
            alone = self._one(rows, int(i))
            if alone is None or not _identical(alone, _part(answer, [i])):
                raise Differs(
                    f"{self.method} answers {_show(rows, int(i))} alone with {alone}, in a batch with another"
                )

    def _alone(self, row: pl.DataFrame) -> None:
        """One row: where native code raises, the twin has to leave it."""
        answer = self._one(row, 0)
        try:
            expected = self.native(row, self.method)
        except Exception as error:
            if answer is not None:
                text = f"{type(error).__name__}: {error}"
                raise Differs(f"{self.method} answers {_show(row, 0)}, which the model refuses: {text:.160}") from None
            expected = None
        if answer is None:
            self.proof.left += 1
        else:
            self._same(expected, answer, np.ones(1, bool), row)

    def _one(self, rows: pl.DataFrame, i: int) -> Any:
        try:
            return self.twin.one(self.method, rows.row(i))
        except Unsure:
            return None

    def _same(self, expected: Any, answer: Any, sure: Any, rows: pl.DataFrame) -> None:
        at = np.flatnonzero(sure)
        if not len(at):
            return
        if _kind(expected) != _kind(answer):
            raise Differs(f"{self.method} answers with {_kind(answer)}, the model with {_kind(expected)}")
        frames = [describe_output(self.method, _part(raw, at))[1] for raw in (expected, answer)]
        found = compare(*frames, ROUNDING)
        if not found.equal:
            where = _show(rows, int(at[found.rows[0]]))
            raise Differs(f"{self.method} answers {where} differently: {found.first}")
        if not found.identical:
            self.proof.methods[self.method] = "rounding"
        self.proof.max_difference = max(self.proof.max_difference, found.max_difference)


def _part(raw: Any, at: Any) -> Any:
    return [part[at] for part in raw] if isinstance(raw, list) else raw[at]


def _identical(a: Any, b: Any) -> bool:
    if isinstance(a, list):
        return all(_identical(x, y) for x, y in zip(a, b, strict=True))
    return bool(a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _kind(raw: Any) -> str:
    """The type of an answer, without its rows; text of any width is text."""
    if isinstance(raw, list):
        return f"a list of {len(raw)}: {_kind(raw[0]) if raw else ''}"
    if not isinstance(raw, np.ndarray):
        return type(raw).__name__
    return f"{'text' if raw.dtype.kind == 'U' else raw.dtype} of {raw.shape[1:]}"


def _show(rows: pl.DataFrame, i: int) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in list(rows.row(i, named=True).items())[:6])
    return f"the row {shown}{' …' if rows.width > 6 else ''}"

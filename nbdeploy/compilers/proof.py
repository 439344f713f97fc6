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

__all__ = ["Differs", "Native", "Proof", "prove"]

Native = Callable[[pl.DataFrame, str], Any]
"""The canonical native call: bound rows and a method to the method's own answer."""

_MOST = 256
_FEW = 64
_ALONE = 12
_SPLIT = 4


class Differs(Exception):
    """A twin answers differently; the text says how, and holds no values, as it travels with the snapshot."""


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
        Rows of each kind: sample, random, edges (one column missing, unseen, empty, zero, tiny), extremes (beyond
        float32, huge, infinite), and borders (where answers change, on both sides).
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
    seconds: float = 1.5,
    clock: Callable[[], float] = time.process_time,
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
        About how long it may take, of the processor's time. Of a slow model, methods after the first are tried with
        64 rows of each kind, and not every kind is tried; 256 rows of the sample always are.

    Raises
    ------
    Differs
        If an answer is another, by more than 1e-9 relative for floats.
    """
    started = clock()
    proof = Proof(methods={name: "exact" if exact else "rounding" for name, exact in twin.exact.items()})
    with warnings.catch_warnings(action="ignore"):  # strange rows make native code warn; it is only compared here
        for kind, groups in _kinds(twin, signature, sample, seconds, clock):
            if not groups or (clock() - started > seconds and kind != "sample"):
                continue
            for i, method in enumerate(twin.methods):
                hurry = i > 0 and clock() - started > seconds / 4
                _Trial(twin, native, method, proof).on([rows[:_FEW] for rows in groups] if hurry else groups)
            proof.tried[kind] = sum(rows.height for rows in groups)
            if kind == "sample" and proof.left >= len(twin.methods) * groups[0].height:
                raise Differs("it leaves every row of the sample to native code")
    proof.seconds = round(clock() - started, 3)
    return proof


def _kinds(
    twin: Twin, signature: Signature, sample: pl.DataFrame, seconds: float, clock: Callable[[], float]
) -> Iterator[tuple[str, list[pl.DataFrame]]]:
    """Rows of each kind, in groups that native code may refuse as a whole; what takes longest to find is last."""
    started = clock()
    yield "sample", [sample[:_MOST]]
    hurry = clock() - started > seconds / 2
    usual, extreme = edge_rows(sample, signature)
    yield "edges", usual
    yield "random", [random_rows(sample, signature, _FEW if hurry else _MOST, np.random.default_rng(0))]
    yield "extremes", extreme
    method = next((name for name in ("predict", "predict_proba") if name in twin.methods), next(iter(twin.methods)))
    before = clock()
    _answers(twin, method, sample[:_FEW])
    # Bisection asks 64 times: for so many rows that it takes a third of the time at most.
    moved = int(seconds / 3 / 64 * min(sample.height, _FEW) / max(clock() - before, 1e-6))

    def answer(rows: pl.DataFrame) -> Any:
        return None if clock() - started > seconds else _answers(twin, method, rows)

    borders = border_rows(sample, signature, answer, moved)
    yield "borders", [borders] if borders.height else []


def _answers(twin: Twin, method: str, rows: pl.DataFrame) -> Any:
    try:
        answers, _ = twin.many(method, rows)
    except Unsure:
        return None
    return np.concatenate(answers, axis=-1) if isinstance(answers, list) else answers


class _Trial:
    """One method of a twin, tried."""

    def __init__(self, twin: Twin, native: Native, method: str, proof: Proof) -> None:
        self.twin, self.native, self.method, self.proof = twin, native, method, proof

    def on(self, groups: list[pl.DataFrame]) -> None:
        """Try groups of rows together; where that raises, each group, and then some rows of it by themselves."""
        rows = pl.concat(groups)
        try:
            expected = self.native(rows, self.method)
            answer, doubt = self.twin.many(self.method, rows)
        except Exception:  # whatever native code raises, or the twin leaves to it
            if len(groups) > 1:
                for group in groups:
                    self.on([group])
                return
            first = self.method == next(iter(self.twin.methods))
            tried = min(rows.height, _SPLIT if first else 1)
            for i in range(tried):
                self._alone(rows[i : i + 1])
            self.proof.left += rows.height - tried
            return
        sure = np.ones(rows.height, bool) if doubt is None else ~doubt
        self.proof.left += int((~sure).sum())
        self._same(expected, answer, sure)
        for i in np.flatnonzero(sure)[:_ALONE]:
            alone = self._one(rows, int(i))
            if alone is None or not _identical(alone, _part(answer, [i])):
                raise Differs(f"{self.method} answers a row alone otherwise than in a batch")

    def _alone(self, row: pl.DataFrame) -> None:
        """One row: where native code raises, the twin has to leave it."""
        answer = self._one(row, 0)
        try:
            expected = self.native(row, self.method)
        except Exception as error:
            if answer is not None:
                name = type(error).__name__
                raise Differs(f"{self.method} answers a row that the model refuses with {name}") from error
            expected = None
        if answer is None:
            self.proof.left += 1
        else:
            self._same(expected, answer, np.ones(1, bool))

    def _one(self, rows: pl.DataFrame, i: int) -> Any:
        try:
            return self.twin.one(self.method, rows.row(i))
        except Unsure:
            return None

    def _same(self, expected: Any, answer: Any, sure: Any) -> None:
        at = np.flatnonzero(sure)
        if not len(at):
            return
        if _kind(expected) != _kind(answer):
            raise Differs(f"{self.method} answers with {_kind(answer)}, the model with {_kind(expected)}")
        wanted, made = (describe_output(self.method, _part(raw, at))[1] for raw in (expected, answer))
        found = compare(wanted, made, ROUNDING)
        if not found.equal:
            raise Differs(
                f"{self.method} answers {len(found.rows)} of {len(at)} rows differently, by {found.max_difference:.2g}"
            )
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

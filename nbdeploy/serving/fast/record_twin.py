"""What a version answers inside the event loop: its proven twin, asked record by record."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from nbdeploy.codecs.plain_answers import PlainAnswer, beside, plain_answer
from nbdeploy.codecs.records import RecordBinder, record_binder
from nbdeploy.compilers import Unsure
from nbdeploy.types import Signature

__all__ = ["MOST", "One", "RecordTwin", "record_twin", "record_twin_of", "relayed_records"]

BUDGET = 0.001
"""Seconds that an answer may keep the event loop from others."""

MOST = 64
"""Records that are asked at once."""

_TIMES = 5

One = Callable[[Sequence[Any]], Any]
"""Answers bound values as a method answers one row; raises :class:`~nbdeploy.compilers.Unsure`."""


@dataclass(frozen=True)
class RecordTwin:
    """A version's twin, between the values of records and those of answers.

    Attributes
    ----------
    signature : Signature
        What the version takes and answers.
    binder : RecordBinder
        Binds records.
    methods : mapping of str to (callable, PlainAnswer)
        What can be asked, and what reads the answers.
    most : int
        How many records may be asked at once.
    """

    signature: Signature
    binder: RecordBinder
    methods: Mapping[str, tuple[One, PlainAnswer]]
    most: int

    def answer(self, methods: Sequence[str], records: Sequence[Sequence[Any]]) -> list[Sequence[Any]] | None:
        """Answer bound records, as rows of the methods' columns.

        Returns
        -------
        list of sequences, or None
            None if the twin has not all of the methods, is not sure, or its answer is of an unusual kind.
        """
        if len(methods) == 1:
            return self._answer(methods[0], records)
        parts = []
        for method in methods:
            rows = self._answer(method, records)
            if rows is None:
                return None
            parts.append(rows)
        return beside(parts)

    def _answer(self, method: str, records: Sequence[Sequence[Any]]) -> list[Sequence[Any]] | None:
        if method not in self.methods:
            return None
        one, reader = self.methods[method]
        rows: list[Sequence[Any]] = []
        try:
            for values in records:
                found = reader.rows(one(values))
                if found is None:
                    return None
                rows += found
        except Unsure:
            return None
        return rows


def record_twin(signature: Signature, ones: Mapping[str, One], most: int) -> RecordTwin | None:
    """Return what answers records; None if they or the answers are of unusual kinds.

    Parameters
    ----------
    signature : Signature
        What the version takes and answers.
    ones : mapping of str to callable
        What answers one record, by method.
    most : int
        How many of them may be asked at once.
    """
    binder, methods = record_binder(signature), dict[str, tuple[One, PlainAnswer]]()
    for name, one in ones.items():
        reader = plain_answer(signature.outputs[name])
        if reader is not None:
            methods[name] = (one, reader)
    return None if binder is None or not methods or most < 1 else RecordTwin(signature, binder, methods, most)


def relayed_records(signature: Signature) -> RecordTwin | None:
    """Return what binds records for a version's processes and knows its answers' columns; it answers nothing itself."""
    return record_twin(signature, dict.fromkeys(signature.outputs, _unsure), MOST)


def _unsure(_: Sequence[Any]) -> Any:
    raise Unsure


class Version(Protocol):
    """A version that is served."""

    signature: Signature

    @property
    def sample(self) -> pl.DataFrame:
        """The rows that it was rehearsed with."""

    def alone(self, method: str) -> One | None:
        """What answers one record by the twin and nothing else. See :meth:`nbdeploy.predictor.Predictor.alone`."""


def record_twin_of(predictor: Version, clock: Callable[[], float] = time.perf_counter) -> RecordTwin | None:
    """Return what answers a loaded version's records, if it has a twin for that which is quick enough.

    Parameters
    ----------
    predictor : Version
        The version. How long its twin takes is tried on the first row of its sample.
    clock : callable
        Seconds.
    """
    if not predictor.sample.height:
        return None
    found = {name: predictor.alone(name) for name in predictor.signature.outputs}
    ones = {name: one for name, one in found.items() if one is not None}
    row = predictor.sample.row(0)
    seconds = max((_shortest(one, row, clock) for one in ones.values()), default=0.0)
    return record_twin(predictor.signature, ones, min(MOST, int(BUDGET / max(seconds, 1e-9))))


def _shortest(one: One, row: Sequence[Any], clock: Callable[[], float]) -> float:
    """The shortest of a few times: a machine that does something else meanwhile says nothing about the twin."""
    taken = []
    for _ in range(_TIMES):
        begun = clock()
        with contextlib.suppress(Unsure):
            one(row)
        taken.append(clock() - begun)
    return min(taken)

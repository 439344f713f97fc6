"""A version that answers what it was given, and an endpoint of one worker that serves it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs import bind
from nbdeploy.codecs.outputs import output_frame
from nbdeploy.compilers import Twin
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.serving.fast.record_twin import RecordTwin, record_twin_of, relayed_records
from nbdeploy.serving.service import Service
from nbdeploy.serving.twins import Inline
from nbdeploy.serving.worker.calls import Ask, OnAnswer
from nbdeploy.serving.worker.deployments import Served
from nbdeploy.types import Column, MethodOutput, Signature
from nbdeploy.wire.messages import Deployment, Serving

DIGEST = "sha256:" + "7" * 64
OUTPUTS = {
    "predict": MethodOutput(["prediction"], ["string"]),
    "lengths": MethodOutput(["lengths_0", "lengths_1"], ["float64", "float64"], dims=2),
    "count": MethodOutput(["count_0"], ["int64"]),
}


def _texts(rows: Sequence[Sequence[Any]]) -> Any:
    return np.array([repr([*row]) for row in rows])


def _lengths(rows: Sequence[Sequence[Any]]) -> Any:
    return np.array([[len(repr(row[0])) / 7, float("nan")] for row in rows])


def _count(rows: Sequence[Sequence[Any]]) -> Any:
    return np.array([sum(value is None for value in row) for row in rows], dtype=np.int64)


ANSWERS: dict[str, Callable[[Sequence[Sequence[Any]]], Any]] = {
    "predict": _texts,
    "lengths": _lengths,
    "count": _count,
}


@dataclass
class Told:
    """A version that answers what it was given, so that a value bound in another way shows."""

    signature: Signature
    sample: pl.DataFrame
    compiled: bool = True
    twin: Twin = field(init=False)

    def __post_init__(self) -> None:
        alone = {
            name: (lambda row, answer=answer: (answer([row.values])[0, ...], None)) for name, answer in ANSWERS.items()
        }
        self.twin = Twin(alone, dict.fromkeys(ANSWERS, True))

    def bind(self, rows: Any) -> pl.DataFrame:
        return bind(rows, self.signature)

    problem = ""
    digest = DIGEST

    @cached_property
    def record_twin(self) -> RecordTwin | None:
        return record_twin_of(self) if self.compiled else None

    @cached_property
    def inline(self) -> Inline | None:
        """The same answers, asked for several rows at once."""
        wide = range(len(self.signature.columns))

        def method(answer: Callable[[Sequence[Sequence[Any]]], Any]) -> Any:
            return lambda rows: (answer([*zip(*map(rows.column, wide), strict=True)]), None)

        many = {name: method(answer) for name, answer in ANSWERS.items()}
        return Inline(Twin(many, dict.fromkeys(many, True)), 3, self.signature) if self.compiled else None

    @cached_property
    def relayed(self) -> RecordTwin | None:
        return relayed_records(self.signature)

    @property
    def processes(self) -> Told:
        return self

    def put(self, records: list[Any], methods: Sequence[str], prediction: str, on_answer: OnAnswer) -> Ask:
        """As a process of the version answers, a little later."""
        asked = Ask(records, tuple(methods), prediction, on_answer)
        asyncio.get_running_loop().call_soon(asked.answer, self._of_process(records, methods))
        return asked

    def _of_process(self, records: list[Any], methods: Sequence[str]) -> Any:
        if len(records) > 2:
            return InvalidData("these are too many for the model")
        parts = [ANSWERS[method](records).reshape(len(records), -1).tolist() for method in methods]
        return [[value for part in row for value in part] for row in zip(*parts, strict=True)]

    def take(self) -> None:
        """Somebody uses the processes."""

    leave = take

    def used(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    async def outputs(self, wire: pl.DataFrame, asked: Sequence[str], _: str) -> pl.DataFrame:
        if wire.height > 2 and not self.compiled:
            raise InvalidData("these are too many for the model")
        frames = [output_frame(ANSWERS[name](wire.rows()), self.signature.outputs[name]) for name in asked]
        return pl.concat(frames, how="horizontal")

    def methods(self, wanted: Sequence[str]) -> list[str]:
        for method in wanted:
            if method not in ANSWERS:
                raise InvalidData(str(NotFound("method", method, ANSWERS)), method=method)
        return [*dict.fromkeys(wanted)] or [self.signature.default_method]

    def alone(self, method: str) -> Callable[[Sequence[Any]], Any]:
        return lambda values: self.twin.one(method, values)


class Alone:
    """A worker without a supervisor."""

    def order(self, what: str, *arguments: Any) -> Any:
        raise AssertionError(what)

    def note(self, topic: str, content: Any) -> None:
        """Nobody listens."""

    async def begin(self) -> None:
        """What serves is told by the tests."""


def serve(service: Service, signature: Signature, sample: dict[str, Any], compiled: bool = True) -> bool:
    """Serve a version of a signature; whether it has lanes."""
    predictor: Any = Told(signature, bind([sample], signature), compiled)
    state = Deployment(name="told", state="serving", serving=[Serving("told", 3, DIGEST)])
    service.deployments.install({"told": Served(state, predictor)})
    return predictor.record_twin is not None


MIXED = Signature(
    "pandas",
    [
        Column("age", "float64", "float64", nullable=True),
        Column("n", "int64", "int64"),
        Column("plan", "categorical", "category", categories=["a", "b"]),
        Column("ok", "bool", "bool"),
    ],
    OUTPUTS,
)
ROW = {"age": None, "n": 3, "plan": "b", "ok": True}

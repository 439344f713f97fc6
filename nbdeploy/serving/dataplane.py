"""Predictions, whatever the protocol: find the deployment, read, bind, call, write."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

import polars as pl

from nbdeploy.codecs import unknown_columns
from nbdeploy.codecs.outputs import output_types
from nbdeploy.codecs.veiled import veiled
from nbdeploy.errors import InvalidData, NbdeployError, TimedOut, TooLarge
from nbdeploy.serving.cache import MOST_ROWS, Answers
from nbdeploy.serving.prediction_log import Event, PredictionLog, new_id
from nbdeploy.serving.watching.asked import note
from nbdeploy.serving.watching.metrics import Metrics
from nbdeploy.serving.watching.secrets import redact
from nbdeploy.serving.worker.deployments import Deployments, Served
from nbdeploy.serving.worker.model import Model
from nbdeploy.types import Signature

__all__ = ["Answer", "DataPlane", "Question"]

T = TypeVar("T")
_log = logging.getLogger(__name__)

_FEW = 4096
"""Values that are written in less time than handing them to a thread takes."""


@dataclass(frozen=True)
class Question:
    """Rows to predict, in any container, and the methods to answer with (the default one if empty)."""

    rows: Any
    methods: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """Predictions, and what made them.

    Attributes
    ----------
    deployment : str
        Who was asked.
    version : int
        The version that answered.
    digest : str
        Its digest.
    id : str
        Of this prediction, for a later look.
    frame : polars.DataFrame
        One row per row asked.
    signature : Signature
        What the version takes and answers.
    unknown : int
        How many columns were sent that the model does not take.
    """

    deployment: str
    version: int
    digest: str
    id: str
    frame: pl.DataFrame
    signature: Signature
    unknown: int = 0


class DataPlane:
    """Answers questions: by twins at once, otherwise by the processes of versions.

    Parameters
    ----------
    deployments : Deployments
        What is served.
    bodies : Executor
        The threads that read and write bodies.
    metrics : Metrics
        Where requests are counted.
    log : PredictionLog
        Where they are taken down.
    cache : Answers, optional
        What answered the same before.
    new_id : callable
        Makes prediction ids.
    seconds : float
        How long a model may take, waiting included.
    rows : int
        Most rows of a request.
    """

    def __init__(
        self,
        deployments: Deployments,
        bodies: Executor,
        metrics: Metrics,
        log: PredictionLog,
        cache: Answers | None = None,
        new_id: Callable[[], str] = new_id,
        seconds: float = 60.0,
        rows: int = 1_000_000,
    ) -> None:
        self._deployments = deployments
        self._bodies = bodies
        self._metrics = metrics
        self._log = log
        self._cache = cache
        self.new_id = new_id
        self.seconds = seconds
        self._rows = rows

    async def infer(
        self,
        protocol: str,
        name: str,
        version: str | None,
        read: Callable[[Signature], Question],
        write: Callable[[Answer], T],
        caller: str = "",
        quick: bool = False,
        refusal: Exception | None = None,
    ) -> tuple[Answer, T]:
        """Answer one request.

        Parameters
        ----------
        protocol : str
            Who asks, for the metrics.
        name, version : str
            The deployment, and the version of it that is meant, if one is.
        read : callable
            Makes the question of the request's body, knowing the signature. Runs off the event loop, as does
        write : callable
            which makes the response's body of the answer.
        caller : str
            The name of the token that asks.
        quick : bool
            Whether reading takes less time than handing it to a thread.
        refusal : Exception, optional
            What came of asking the model, where that was done before.

        Raises
        ------
        NotFound
            If there is no such deployment or version.
        InvalidData
            If the rows do not fit, or the model itself refuses them.
        TooLarge
            If there are more rows than may be.
        TimedOut
            If the model does not answer in time.
        """
        served = self._deployments.get(name, version)
        note(deployment=name, protocol=protocol)
        begun = time.perf_counter()
        event = Event(served.subject, self.new_id(), protocol, caller, time.time())
        try:
            async with asyncio.timeout(self.seconds):
                answer, written = await self._answered(served, event, read, write, quick, refusal)
            event.outcome = "ok"
            note(version=answer.version, rows=answer.frame.height, prediction=answer.id)
        except (TimeoutError, TimedOut):
            late = self._late(served)
            event.outcome, event.reason = "late", str(late)
            raise late from None
        except NbdeployError as error:
            event.outcome, event.reason = "refused", redact(str(error))
            raise
        except Exception as error:
            event.reason = type(error).__name__
            raise
        finally:
            event.seconds = time.perf_counter() - begun
            self.take_down(event)
        return answer, written

    def take_down(self, event: Event) -> None:
        """Count a request that was answered or refused, and log it."""
        rows = event.rows if event.outcome == "ok" else 0
        subject = event.subject  # its name is a deployment's, as it was found: callers cannot make labels
        self._metrics.record(subject.deployment, subject.version, event.protocol, event.outcome, rows, event.seconds)
        self._log.append(event)

    async def _answered(
        self,
        served: Served,
        event: Event,
        read: Callable[[Signature], Question],
        write: Callable[[Answer], T],
        quick: bool,
        refusal: Exception | None,
    ) -> tuple[Answer, T]:
        model = served.model
        with model.used():
            read_here = functools.partial(self._bound, model, event, read)
            wire, unknown = read_here() if quick else await self._beside(read_here)
            if refusal is not None:
                raise refusal
            frame = event.answers = await self._outputs(model, wire, event)
        now, signature = served.now, model.signature
        answer = Answer(served.state.name, now.version, now.digest, event.id, frame, signature, unknown)
        if quick and frame.height * frame.width <= _FEW:
            return answer, write(answer)
        return answer, await self._beside(functools.partial(write, answer))

    async def _beside(self, work: Callable[[], T]) -> T:
        """Do what takes long beside the event loop."""
        run = functools.partial(contextvars.copy_context().run, work)
        return await asyncio.get_running_loop().run_in_executor(self._bodies, run)

    def _bound(self, model: Model, event: Event, read: Callable[[Signature], Question]) -> tuple[pl.DataFrame, int]:
        question = _asked(read, model.signature)
        event.methods = model.methods(question.methods)
        wire = model.bind(question.rows)
        event.inputs, event.rows = wire, wire.height
        if wire.height > self._rows:
            raise TooLarge(f"the request has {wire.height} rows, of {self._rows} that may be; send less at a time")
        return wire, len(unknown_columns(question.rows, model.signature))

    async def _outputs(self, model: Model, wire: pl.DataFrame, event: Event) -> pl.DataFrame:
        cache, methods = self._cache, event.methods
        if cache is None or wire.height > MOST_ROWS:
            return await model.outputs(wire, methods, event.id)
        types = dict[str, Any]()
        for method in methods:
            types |= output_types(model.signature.outputs[method])
        name = cache.name(model.digest, methods, wire)
        found = await self._beside(lambda: cache.found(name, types, wire.height))
        if found is None:
            found = await model.outputs(wire, methods, event.id)
            await self._beside(functools.partial(cache.keep, name, found))
        return found

    def _late(self, served: Served) -> TimedOut:
        asked = f"{served.state.name} (version {served.now.version})"
        _log.error("%s did not answer within %g s", asked, self.seconds)
        return TimedOut(
            f"{asked} did not answer within {self.seconds:g} s; send fewer rows, or serve with a longer --timeout",
            deployment=served.state.name,
        )


def _asked(read: Callable[[Signature], Question], signature: Signature) -> Question:
    try:
        return read(signature)
    except InvalidData as error:
        hidden = veiled(error, signature)
        if hidden is None:
            raise
        raise hidden from None

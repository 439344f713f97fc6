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
from nbdeploy.codecs.veiled import veil, veiled
from nbdeploy.errors import InvalidData, NbdeployError, NotFound, TimedOut, TooLarge
from nbdeploy.predictor import Predictor
from nbdeploy.serving.cache import MOST_ROWS, Answers
from nbdeploy.serving.deployments import Deployments, Served
from nbdeploy.serving.prediction_log import Event, PredictionLog, new_id
from nbdeploy.serving.watching.asked import note
from nbdeploy.serving.watching.metrics import Metrics
from nbdeploy.serving.watching.secrets import redact
from nbdeploy.types import Signature

__all__ = ["Answer", "DataPlane", "Question"]

T = TypeVar("T")
_log = logging.getLogger(__name__)


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
    """Answers questions by calling models in the one thread that may.

    Parameters
    ----------
    deployments : Deployments
        What is served.
    calls : Executor
        The one thread that calls models.
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
        calls: Executor,
        metrics: Metrics,
        log: PredictionLog,
        cache: Answers | None = None,
        new_id: Callable[[], str] = new_id,
        seconds: float = 60.0,
        rows: int = 1_000_000,
    ) -> None:
        self._deployments = deployments
        self._calls = calls
        self._metrics = metrics
        self._log = log
        self._cache = cache
        self.new_id = new_id
        self._seconds = seconds
        self._rows = rows

    async def infer(
        self,
        protocol: str,
        name: str,
        version: str | None,
        read: Callable[[Signature], Question],
        write: Callable[[Answer], T],
        caller: str = "",
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
            work = functools.partial(contextvars.copy_context().run, self._work, served, event, read, write)
            async with asyncio.timeout(self._seconds):
                answer, written = await asyncio.get_running_loop().run_in_executor(self._calls, work)
            event.outcome = "ok"
            note(version=answer.version, rows=answer.frame.height, prediction=answer.id)
        except TimeoutError:
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

    def _outputs(self, predictor: Predictor, wire: pl.DataFrame, methods: Sequence[str]) -> pl.DataFrame:
        if self._cache is None or wire.height > MOST_ROWS:
            return predictor.outputs(wire, methods)
        outputs, types = predictor.signature.outputs, dict[str, Any]()
        for method in methods:
            types |= output_types(outputs[method])
        name = self._cache.name(predictor.digest, methods, wire)
        return self._cache.frame(name, types, wire.height, lambda: predictor.outputs(wire, methods))

    def _late(self, served: Served) -> TimedOut:
        asked = f"{served.state.name} (version {served.now.version})"
        _log.error("%s did not answer within %g s", asked, self._seconds)
        return TimedOut(
            f"{asked} did not answer within {self._seconds:g} s; send fewer rows, or serve with a longer --timeout",
            deployment=served.state.name,
        )

    def _work(
        self, served: Served, event: Event, read: Callable[[Signature], Question], write: Callable[[Answer], T]
    ) -> tuple[Answer, T]:
        predictor = served.model
        question = _asked(read, predictor.signature)
        for method in question.methods:
            if method not in predictor.signature.outputs:
                raise InvalidData(str(NotFound("method", method, predictor.signature.outputs)), method=method)
        wire = predictor.bind(question.rows)
        event.methods, event.inputs, event.rows = predictor.methods(question.methods), wire, wire.height
        if wire.height > self._rows:
            raise TooLarge(f"the request has {wire.height} rows, of {self._rows} that may be; send less at a time")
        try:
            frame = event.answers = self._outputs(predictor, wire, event.methods)
        except NbdeployError:
            raise
        except Exception as error:
            # The rows fit the signature and yet the model will not have them: an unseen category, an infinity.
            private = any(column.private for column in predictor.signature.columns)
            reason = veil(f"{type(error).__name__}: {error}", wire, predictor.signature)
            # A traceback would quote what the model was given.
            _log.warning("%s, prediction %s: %s", served.state.name, event.id, reason, exc_info=not private)
            raise InvalidData(
                f"the model could not answer these rows: {reason[:500]} (prediction {event.id} in the server's log)"
            ) from (None if private else error)
        unknown = len(unknown_columns(question.rows, predictor.signature))
        now, signature = served.now, predictor.signature
        answer = Answer(served.state.name, now.version, now.digest, event.id, frame, signature, unknown)
        return answer, write(answer)


def _asked(read: Callable[[Signature], Question], signature: Signature) -> Question:
    try:
        return read(signature)
    except InvalidData as error:
        hidden = veiled(error, signature)
        if hidden is None:
            raise
        raise hidden from None

"""Worker processes: forked from a zygote that has loaded the model, each doing a span at a time."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from nbdeploy import errors
from nbdeploy.bundles import Bundle
from nbdeploy.errors import NbdeployError
from nbdeploy.offline.work import Done, Work
from nbdeploy.predictor import Predictor, load_again
from nbdeploy.tables import Span
from nbdeploy.zygote import Serve, Worker, WorkerDied, Zygote

__all__ = ["Failure", "Workers", "one_zygote", "prepare"]

_TRIES = 3


class Failure(msgspec.Struct, frozen=True):
    """An error that crosses from one process into another.

    Attributes
    ----------
    kind : str
        The error's class, by name.
    message : str
        What it says.
    facts : dict
        Those of its facts that are plain values.
    """

    kind: str
    message: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Return what crosses of an error."""
        if not isinstance(error, NbdeployError):
            told = "".join(traceback.format_exception(error))
            return cls(
                "NbdeployError", f"a worker process failed with {type(error).__name__}: {error}", {"trace": told}
            )
        plain = (str, int, float, type(None))
        return cls(type(error).__name__, str(error), {k: v for k, v in error.facts.items() if isinstance(v, plain)})

    def error(self) -> NbdeployError:
        """Return the error again."""
        kind = getattr(errors, self.kind, NbdeployError)
        error: NbdeployError = kind.__new__(kind, self.message)
        NbdeployError.__init__(error, self.message, **self.facts)
        return error


_SHARED: ContextVar[tuple[ExitStack, dict[Any, Zygote]] | None] = ContextVar("shared", default=None)


@contextmanager
def one_zygote() -> Iterator[None]:
    """Let the jobs in a block have their workers from one process, which loads the model once."""
    with ExitStack() as stack:
        token = _SHARED.set((stack, {}))
        try:
            yield
        finally:
            _SHARED.reset(token)


class Workers:
    """The worker processes of one job; a context manager.

    Parameters
    ----------
    work : Work
        What they do for each span.
    predictor : Predictor
        Whose bundle they load; it was found trustworthy when it was loaded here.
    count : int
        How many there will be: they share the machine's processors.
    """

    def __init__(self, work: Work, predictor: Predictor, count: int) -> None:
        self._work = work
        self._threads = str(max(1, (os.cpu_count() or 1) // count))
        self._arguments = {"bundle": predictor.bundle.path, "digest": predictor.digest}
        self._stack = ExitStack()

    def __enter__(self) -> Workers:
        stack, known = _SHARED.get() or (self._stack, {})
        key = (self._arguments["digest"], self._threads)
        if key not in known or not known[key].alive:
            environment = {"POLARS_MAX_THREADS": self._threads}
            known[key] = stack.enter_context(Zygote(f"{__name__}:prepare", self._arguments, environment))
        self._zygote = known[key]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _forked(self) -> Worker:
        worker = self._zygote.fork()
        with suppress(ConnectionError):  # whoever asks it is told how it ended
            worker.connection.send(self._work)
        return worker

    @contextmanager
    def seat(self) -> Iterator[Callable[[Span], Done]]:
        """Give a function that has a worker do a span; another worker, if it dies of it, and again."""
        worker = self._forked()

        def ask(span: Span) -> Done:
            nonlocal worker
            for tried in range(1, _TRIES + 1):
                try:
                    answer = worker.ask(span)
                except WorkerDied as died:
                    worker.connection.close()
                    if tried == _TRIES:
                        raise NbdeployError(
                            f"{died}; so were {_TRIES - 1} others that were given the same rows, from row {span.first} "
                            "on",
                            **died.facts,
                        ) from None
                    worker = self._forked()
                else:
                    if isinstance(answer, Failure):
                        raise answer.error()
                    done: Done = answer
                    return done
            raise AssertionError

        try:
            yield ask
        finally:
            worker.connection.close()


def prepare(bundle: Path, digest: str) -> Serve:
    """Load the model in the zygote, and return what its workers do.

    Raises
    ------
    Corrupted
        If the bundle is not the one that was found trustworthy.
    """
    found = Bundle.open(bundle)
    if found.digest != digest:
        raise errors.Corrupted(f"the bundle {digest[:19]} was replaced while it was used")
    predictor = load_again(found)

    def serve(connection: Connection) -> None:
        work: Work = connection.recv()
        while True:
            span = connection.recv()
            try:
                answer: Done | Failure = work.answer(predictor, span, work.read(span))
            except Exception as error:
                answer = Failure.of(error)
            connection.send(answer)

    return serve

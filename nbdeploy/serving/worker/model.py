"""A version as a worker has it: its documents, its twin, and the way to its processes. Never the model itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import polars as pl

from nbdeploy.bundles import Bundle
from nbdeploy.bundles.described import Described
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.manifest import Manifest
from nbdeploy.serving.fast.record_twin import RecordTwin, record_twin_of, relayed_records
from nbdeploy.serving.messages import Version
from nbdeploy.serving.twins import Inline, read_twin
from nbdeploy.serving.worker.calls import Processes

__all__ = ["Model"]


class Model(Described):
    """What answers requests for one version.

    Parameters
    ----------
    version : Version
        The version. Its bundle was checked by the supervisor.
    seconds : float
        How long a process may take to answer.
    on_silent : callable
        Called with key and number of a process that takes longer.
    on_call : callable
        Called with model, version and number of requests that go together in a call.

    Attributes
    ----------
    bundle : Bundle
        The snapshot at rest.
    signature : Signature
        What it takes and answers.
    inline : Inline or None
        Its compiled twin.
    place : (str, int)
        Model and version.
    processes : Processes
        What answers where no twin does.
    """

    def __init__(
        self,
        version: Version,
        seconds: float,
        on_silent: Callable[[str, int], None],
        on_call: Callable[[str, int, int], None],
    ) -> None:
        self.key = version.key
        super().__init__(Bundle(version.bundle, Manifest.read(version.bundle)))
        self.inline: Inline | None = read_twin(version.twin, self.signature) if version.twin else None
        name, _, number = version.key.partition(":")
        self.place = (name, int(number))
        self.processes = Processes(
            version.key,
            version.batch_rows,
            seconds,
            lambda process: on_silent(version.key, process),
            lambda requests: on_call(*self.place, requests),
        )
        self._users = 0
        self._dropped = False

    @cached_property
    def record_twin(self) -> RecordTwin | None:
        """What answers few records inside the event loop, if it has a twin for that."""
        return record_twin_of(self)

    @cached_property
    def relayed(self) -> RecordTwin | None:
        """What binds few records for the processes and reads their answers, where there is no twin for them."""
        return relayed_records(self.signature)

    def alone(self, method: str) -> Callable[[Sequence[Any]], Any] | None:
        """What answers one record by the twin and nothing else. See :meth:`nbdeploy.predictor.Predictor.alone`."""
        if self.inline is None or method not in self.inline.twin.methods:
            return None
        return partial(self.inline.twin.one, method)

    @property
    def problem(self) -> str:
        """Why it does not answer now; empty if it does."""
        return self.processes.reason

    def methods(self, wanted: Sequence[str]) -> list[str]:
        """Return the methods to answer with: those wanted, each once, or the default one.

        Raises
        ------
        InvalidData
            If the snapshot has no such method.
        """
        for method in wanted:
            if method not in self.signature.outputs:
                raise InvalidData(str(NotFound("method", method, self.signature.outputs)), method=method)
        return list(dict.fromkeys(wanted)) or [self.signature.default_method]

    async def outputs(self, wire: pl.DataFrame, methods: Sequence[str], prediction: str) -> pl.DataFrame:
        """Answer bound rows with the output columns of some methods: by the twin, or by a process of the version.

        Parameters
        ----------
        wire : polars.DataFrame, n rows
            What :meth:`bind` returned.
        methods : sequence of str
            What :meth:`methods` returned.
        prediction : str
            The id of the prediction, for the log.

        Raises
        ------
        InvalidData
            If the model refuses the rows.
        RemoteError
            If no process of the version answers.
        """
        frame = self.inline.outputs(wire, methods) if self.inline else None
        if frame is None:
            frame = await self.processes.ask(wire, methods, prediction)
        return frame

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Keep the processes while a request is on its way to them, also if the version is dropped meanwhile."""
        self.take()
        try:
            yield
        finally:
            self.leave()

    def take(self) -> None:
        """Begin to use the processes; :meth:`leave` has to follow."""
        self._users += 1

    def leave(self) -> None:
        """Use them no longer."""
        self._users -= 1
        self._hang_up()

    def drop(self) -> None:
        """Hang up the processes as soon as nobody uses them."""
        self._dropped = True
        self._hang_up()

    def _hang_up(self) -> None:
        if self._dropped and not self._users:
            self.processes.close()

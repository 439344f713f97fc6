"""What a process of a version does: it is forked from one that has loaded the model, and answers workers.

The supervisor starts it and gives it sockets to workers; on each it answers one question after the other. When
the supervisor has ended, or all workers hung up after it was told to finish, it ends.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import resource
import selectors
import socket
import struct
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from nbdeploy.bundles import Bundle
from nbdeploy.codecs.columns import frame_of_records
from nbdeploy.codecs.outputs import output_frame
from nbdeploy.codecs.plain_answers import plain_answer
from nbdeploy.codecs.veiled import veil
from nbdeploy.compare import ROUNDING, SINGLE, compare
from nbdeploy.compilers.samples import plain_rows
from nbdeploy.environments.wanted import HERE
from nbdeploy.errors import Corrupted, InvalidData, NbdeployError, RehearsalFailed
from nbdeploy.flavors import FLAVORS
from nbdeploy.predictor import Predictor, load_again
from nbdeploy.serving.frames import Asked, Buffer, Told, pack, rows_bytes, rows_of, table_bytes, table_of
from nbdeploy.serving.link import Gone, Link
from nbdeploy.serving.twins import Inline, NotShipped, proof_of, rows_inline, write_twin
from nbdeploy.serving.watching.traced import Traced, working_for
from nbdeploy.zygote import Serve, end_with_parent

__all__ = ["Answered", "Finish", "Listen", "Prove", "Proven", "batch_rows", "get_ready", "prepare", "to_process"]

_log = logging.getLogger(__name__)

_CHUNK = 2**18
"""Bytes that are read at once, into memory that is kept: the system takes as long to give new as some models answer."""
_SEND_SECONDS = 10
_BATCH_SECONDS = 0.005
_BATCH_ROWS = 64
_MOST_ROWS = 4096
_TIMES = 3


class Prove(msgspec.Struct, frozen=True, tag=True):
    """To the process: compare the sample's answers, measure, and write the twin to a file.

    Attributes
    ----------
    twin : str
        The file.
    python : str
        Which Python reads it, if that is one of another environment: ``3.11``.
    """

    twin: str
    python: str = ""


class Proven(msgspec.Struct, frozen=True, tag=True):
    """Of the process.

    Attributes
    ----------
    difference : str
        How the sample was answered differently; empty if it was not.
    problem : str
        Why it could not be answered; empty if it could.
    twin : bool
        Whether the twin was written.
    why_not : str
        Why it was not; empty if the model has none.
    batch_rows : int
        Up to how many rows requests should be put together; 0 if that does not pay.
    seconds : float
        For one row.
    proof : str
        What the twin answered to the sample, as a digest; empty if it stays in this environment.
    """

    difference: str = ""
    problem: str = ""
    twin: bool = False
    why_not: str = ""
    batch_rows: int = 0
    seconds: float = 0.0
    proof: str = ""


class Listen(msgspec.Struct, frozen=True, tag=True):
    """To the process, with a socket: one more worker asks here."""


class Finish(msgspec.Struct, frozen=True, tag=True):
    """To the process: end when all workers have hung up."""


class Answered(msgspec.Struct, frozen=True, tag=True):
    """Of the process: it has answered a first question."""


def to_process(connection: Connection) -> Link:
    """Return the supervisor's end of the line to a process, which may run code that came with a snapshot."""
    return Link(connection, msgspec.msgpack.encode, msgspec.msgpack.Decoder(Proven | Answered).decode)


def get_ready(flavor: str) -> None:
    """Import what takes long to import, so that all models of a flavor share it."""
    FLAVORS[flavor].get_ready()


def prepare(bundle: Path, digest: str, name: str) -> Serve:
    """Load a model, and return what the processes do that share it.

    Parameters
    ----------
    bundle : Path
        Its folder, which was found trustworthy; every file is compared with its digest again.
    digest : str
        The digest that it had.
    name : str
        What it is called in messages.

    Raises
    ------
    RehearsalFailed
        If it cannot be loaded here.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(Traced())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        found = Bundle.open(bundle)
        if found.digest != digest:
            raise Corrupted(f"the bundle {digest[:19]} was replaced while it was used")
        predictor = load_again(found)
    except NbdeployError as error:
        raise RehearsalFailed(f"{name} cannot be served here: {error}") from error
    except Exception as error:
        _log.exception("%s cannot be loaded", name)
        raise RehearsalFailed(f"{name} cannot be loaded here: {type(error).__name__}: {error}") from error

    zygote = os.getpid()

    def serve(connection: Connection) -> None:
        end_with_parent(zygote)
        faulthandler.enable()
        commands = msgspec.msgpack.Decoder(Prove | Listen | Finish)
        _Process(predictor, name, Link(connection, msgspec.msgpack.encode, commands.decode)).run()

    return serve


class _Process:
    def __init__(self, predictor: Predictor, name: str, link: Link) -> None:
        self._predictor, self._name, self._link = predictor, name, link
        self._readers = {name: plain_answer(output) for name, output in predictor.signature.outputs.items()}
        self._selector = selectors.DefaultSelector()
        self._room = memoryview(bytearray(_CHUNK))
        self._lines = 0
        self._finishing = self._answered = False

    def run(self) -> None:
        self._predictor.caller.settle()
        self._selector.register(self._link, selectors.EVENT_READ, self._obey)
        try:
            while not (self._finishing and not self._lines):
                for key, _ in self._selector.select():
                    key.data()
        except Gone:
            return

    def _obey(self) -> None:
        message, sockets = self._link.receive()
        if isinstance(message, Prove):
            self._link.send(self._proven(Path(message.twin), message.python))
        elif isinstance(message, Listen):
            line = sockets[0]
            _limit_sending(line)
            self._selector.register(line, selectors.EVENT_READ, self._reader(line))
            self._lines += 1
        elif isinstance(message, Finish):
            self._finishing = True

    # -- answering -------------------------------------------------------------------------------

    def _reader(self, line: socket.socket) -> Callable[[], None]:
        buffer = Buffer()

        def read() -> None:
            try:
                size = line.recv_into(self._room)
                buffer.feed(self._room[:size])
                while (message := buffer.take(Asked)) is not None:
                    line.sendall(self._answer(*message))
            except OSError:
                size = 0
            if not size:
                self._selector.unregister(line)
                line.close()
                self._lines -= 1

        return read

    def _answer(self, asked: Asked, body: bytes) -> bytes:
        with working_for(asked.traces):
            return self._answered_by_model(asked, body)

    def _answered_by_model(self, asked: Asked, body: bytes) -> bytes:
        rows = rows_of(body) if asked.records else table_of(body)
        try:
            told, answer = self._told(rows, self._predictor.methods(asked.methods))
        except NbdeployError as error:
            return pack(Told(type(error).__name__, str(error)), b"")
        except BaseException as error:  # a model that calls sys.exit has not answered, and that is all
            return pack(Told(InvalidData.__name__, self._refusal(error, rows, asked.id)), b"")
        if not self._answered:
            self._answered = True
            self._link.send(Answered())
        return pack(told, answer)

    def _told(self, rows: Any, methods: Sequence[str]) -> tuple[Told, bytes]:
        """Answer records as rows, if those are plain, and everything else as a table."""
        if isinstance(rows, pl.DataFrame):
            return Told(), table_bytes([self._predictor.outputs(rows, methods)])
        caller, outputs = self._predictor.caller, self._predictor.signature.outputs
        raws = [caller.raw_records(rows, method) for method in methods]
        readers = [self._readers[method] for method in methods]
        parts = [reader.rows(raw) if reader else None for reader, raw in zip(readers, raws, strict=True)]
        plain = [part for part in parts if part is not None]
        if len(plain) < len(parts):
            frames = [output_frame(raw, outputs[method]) for raw, method in zip(raws, methods, strict=True)]
            return Told(), table_bytes([pl.concat(frames, how="horizontal")])
        joined = (
            plain[0] if len(plain) == 1 else [[v for part in row for v in part] for row in zip(*plain, strict=True)]
        )
        return Told(records=True), rows_bytes(joined)

    def _refusal(self, error: BaseException, rows: Any, prediction: str) -> str:
        """The rows fit the signature and yet the model will not have them: an unseen category, an infinity."""
        private = any(column.private for column in self._predictor.signature.columns)
        signature = self._predictor.signature
        wire = rows if isinstance(rows, pl.DataFrame) else frame_of_records(rows, signature)
        reason = veil(f"{type(error).__name__}: {error}", wire, signature)
        # A traceback would quote what the model was given.
        _log.warning("%s, prediction %s: %s", self._name, prediction, reason, exc_info=None if private else error)
        return f"the model could not answer these rows: {reason[:500]} (prediction {prediction} in the server's log)"

    # -- proving ---------------------------------------------------------------------------------

    def _proven(self, twin: Path, python: str) -> Proven:
        try:
            difference = _difference(self._predictor)
        except Exception as error:
            _log.exception("%s does not answer its sample", self._name)
            return Proven(problem=f"{type(error).__name__}: {error}")
        if difference:
            return Proven(difference=difference)
        try:
            rows = self._rows()
            one, many = self._seconds(rows[:1]), self._seconds(rows)
        except Exception:  # rows that nobody observed may be none that it answers
            return Proven()
        proof, why_not = self._ship(twin, rows, python)
        together = batch_rows(one, many, rows.height, _together(rows))
        return Proven("", "", proof is not None, why_not, together, one, proof or "")

    def _rows(self) -> pl.DataFrame:
        sample = self._predictor.sample
        if not sample.height:
            return plain_rows(self._predictor.signature, _BATCH_ROWS)
        return sample[[i % sample.height for i in range(_BATCH_ROWS)]]

    def _seconds(self, rows: pl.DataFrame) -> float:
        times = []
        for _ in range(_TIMES):
            before = time.perf_counter()
            self._predictor.outputs(rows)
            times.append(time.perf_counter() - before)
            if times[0] > 0.2:
                break
        return min(times)

    def _ship(self, path: Path, rows: pl.DataFrame, python: str) -> tuple[str | None, str]:
        """Write the twin, if a worker can answer by it, and return the proof of it; say why not otherwise."""
        pair = self._predictor.caller
        most, twin = pair.twin_rows, pair.twin
        if twin is None or not most:
            return None, ""
        try:
            default = self._predictor.signature.default_method
            within = rows_inline(twin, default if default in twin.methods else next(iter(twin.methods)), rows)
            if not within:
                raise NotShipped("it takes more than a millisecond for a row")
            if python and python != HERE:
                raise NotShipped(f"it is made of code for Python {HERE}, and the endpoint runs {python}")
            inline = Inline(twin, min(most, within), self._predictor.signature)
            proof = proof_of(inline, self._predictor.sample) if python else ""
            write_twin(twin, inline.rows, path)
        except NotShipped as reason:
            return None, str(reason)
        except Exception as error:
            _log.warning("%s: its twin stays in its own process", self._name, exc_info=True)
            return None, f"{type(error).__name__}: {error}"
        return proof, ""


def _limit_sending(line: socket.socket) -> None:
    """Let the system see to the time that a worker has to take an answer: Python would ask it before each call."""
    line.setblocking(True)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_SECONDS, 0))


def batch_rows(one: float, many: float, rows: int, together: float) -> int:
    """Return up to how many rows requests should be put together; 0 if that does not pay.

    A call takes a time of its own, and a time for each row. Putting requests together saves the first, which has to
    be more than the work of putting together; and as the first request waits for the rows of all, these should not
    take longer than the call itself, or some milliseconds.

    Parameters
    ----------
    one, many : float
        Seconds for one row, and for `rows` of them.
    together : float
        Seconds to put one more request with others, and to take its answer out again.

    Examples
    --------
    >>> batch_rows(0.010, 0.010, 64, 1e-5), batch_rows(0.001, 0.064, 64, 1e-5), batch_rows(0.002, 0.00263, 64, 1e-5)
    (4096, 0, 500)
    """
    each = max((many - one) / (rows - 1), 1e-9)
    call = one - each
    return min(_MOST_ROWS, round(max(call, _BATCH_SECONDS) / each)) if call > together else 0


def _together(rows: pl.DataFrame) -> float:
    """Measure the work of putting one more request of a row with others."""
    parts = [rows[i : i + 1] for i in range(rows.height)]
    before = time.perf_counter()
    for i in range(pl.concat(parts).height):
        rows[i : i + 1].shape  # noqa: B018 - taking it out is what is measured
    return (time.perf_counter() - before) / rows.height


def _difference(predictor: Predictor) -> str:
    sample: Any = predictor.sample
    if not sample.height:
        return ""
    found = compare(predictor.expected, predictor.outputs(sample, list(predictor.signature.outputs)), ROUNDING, SINGLE)
    return found.first

"""What a job has finished, kept beside its output so that a killed job can go on.

A journal is a file of records, each with its length and checksum. It is only appended to: whenever the
job dies, all records but the last are whole, and a torn last one is dropped. The file is locked while a
job uses it; the system frees the lock however the job ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import socket
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import msgspec
import polars as pl

from nbdeploy.errors import Conflict, InvalidData
from nbdeploy.files import writing
from nbdeploy.settings import Settings

__all__ = ["Entry", "Head", "Journal", "is_url", "pack", "place_of", "unpack"]

VERSION = 1
"""Version of the records. A journal of another one is started over."""

_FRAME = struct.Struct("<QI")


class Head(msgspec.Struct, frozen=True, tag="head"):
    """Which job the entries belong to, and which process works on it.

    Attributes
    ----------
    key : dict
        Everything that determines the answers: input, model, methods, versions.
    chunk : int
        Rows of a span, which the entries are counted in.
    pid, host
        The process; the last head of a journal counts.
    version : int
        Version of the records.
    """

    key: dict[str, Any]
    chunk: int
    pid: int
    host: str
    version: int = VERSION

    @classmethod
    def here(cls, key: Mapping[str, Any], chunk: int) -> Head:
        """Return the head that this process writes."""
        return cls(dict(key), chunk, os.getpid(), socket.gethostname())


class Entry(msgspec.Struct, frozen=True, tag="entry"):
    """What one finished span answered.

    Attributes
    ----------
    index, first : int
        The span's number, and that of its first row.
    rows : int
        Well-formed rows that were read.
    dropped : list of int
        Those among them that were set aside, from 0.
    answers : bytes
        The answers to the others, as :func:`pack` packs a table.
    rejects : bytes
        What was set aside, likewise; empty if nothing was.
    seal : str or None
        See :class:`nbdeploy.tables.Span`.
    """

    index: int
    first: int
    rows: int
    dropped: list[int]
    answers: bytes
    rejects: bytes = b""
    seal: str | None = None


class Journal:
    """The journal of one output, locked for this process.

    Parameters
    ----------
    path : Path
        The journal's file; made if there is none.
    out : str
        The output that it belongs to, for messages.

    Raises
    ------
    Conflict
        If another job works on the same output.
    NotWritable
        If the file cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp(), "journal")
    >>> journal = Journal(place, "scores.csv")
    >>> journal.begin(Head.here({"input": "a.csv"}, 100))
    >>> journal.append(Entry(0, 0, 100, [], b""))
    >>> journal.close(keep=True)
    >>> again = Journal(place, "scores.csv")
    >>> again.entry(0).rows
    100
    >>> again.close(keep=False)
    """

    def __init__(self, path: Path, out: str) -> None:
        self.path = path
        self.out = out
        self.head: Head | None = None
        self.finished: dict[int, int] = {}
        self.rows = 0
        self._file = self._locked()
        self._end = 0
        for at, record, end in self._records():
            if isinstance(record, Head):
                self.head = record
            elif self.head is None or self.head.version != VERSION:
                break
            else:
                self._note(record, at)
            self._end = end

    def begin(self, head: Head) -> None:
        """Forget all entries, and begin a job."""
        self.finished, self.rows, self._end = {}, 0, 0
        self.go_on(head)

    def go_on(self, head: Head) -> None:
        """Keep the entries, and go on with their job in this process; a torn last record is cut off."""
        self.head = head
        self._write(head)

    def append(self, entry: Entry) -> None:
        """Remember a finished span.

        Raises
        ------
        NotWritable
            If the disk is full; the entries before are whole.
        """
        self._note(entry, self._write(entry))

    def entry(self, index: int) -> Entry:
        """Return the entry of a finished span."""
        record, _ = self._read(self.finished[index])
        if not isinstance(record, Entry):
            raise InvalidData(
                f"{self.path} was changed by somebody else while it was used; start over without --resume"
            )
        return record

    def close(self, *, keep: bool) -> None:
        """Free the lock, and keep the file if it is worth it.

        It is deleted before the lock is freed: whoever opened it meanwhile sees that it is gone.
        """
        with self._file:
            if not (keep and self.finished):
                self.path.unlink(missing_ok=True)

    def _note(self, entry: Entry, at: int) -> None:
        self.finished[entry.index] = at
        self.rows += entry.rows

    def _locked(self) -> IO[bytes]:
        while True:
            with writing(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with file:
                    raise self._conflict(file) from None
            except OSError:
                file.close()
                raise
            with contextlib.suppress(FileNotFoundError):
                if os.fstat(file.fileno()).st_ino == self.path.stat().st_ino:
                    return file
            file.close()

    def _conflict(self, file: IO[bytes]) -> Conflict:
        self._file = file
        heads = [record for _, record, _ in self._records() if isinstance(record, Head)]
        who = f"process {heads[-1].pid} on {heads[-1].host}" if heads else "another process"
        pid = heads[-1].pid if heads else None
        return Conflict(
            f"{who} is writing {self.out} just now; wait until it has ended, or choose another output",
            output=self.out,
            pid=pid,
        )

    def _records(self) -> Iterator[tuple[int, Head | Entry, int]]:
        """Every whole record, with where it begins and ends."""
        at = 0
        while True:
            record, end = self._read(at)
            if record is None:
                return
            yield at, record, end
            at = end

    def _read(self, at: int) -> tuple[Head | Entry | None, int]:
        descriptor = self._file.fileno()
        frame = os.pread(descriptor, _FRAME.size, at)
        if len(frame) < _FRAME.size:
            return None, at
        length, checksum = _FRAME.unpack(frame)
        end = at + _FRAME.size + length
        if end > os.fstat(descriptor).st_size:
            return None, at
        body = os.pread(descriptor, length, at + _FRAME.size)
        if len(body) < length or zlib.crc32(body) != checksum:
            return None, at
        try:
            return msgspec.msgpack.decode(body, type=Head | Entry), end
        except msgspec.MsgspecError:
            return None, at

    def _write(self, record: Head | Entry) -> int:
        """Append a record, and return where it begins."""
        body = msgspec.msgpack.encode(record)
        at = self._end
        with writing(Path(self.out)):
            descriptor = self._file.fileno()
            os.ftruncate(descriptor, at)
            whole = memoryview(_FRAME.pack(len(body), zlib.crc32(body)) + body)
            done = 0
            while done < len(whole):
                done += os.pwrite(descriptor, whole[done:], at + done)
        self._end = at + len(whole)
        return at


def is_url(place: str | Path) -> bool:
    """Whether an output is in an object store, rather than a file of this machine."""
    return "://" in str(place)


def place_of(out: str | Path) -> Path:
    """Where the journal of an output is: hidden beside it, also where the output is a link.

    Of what is in an object store it is in ``NBDEPLOY_HOME``.

    Examples
    --------
    >>> place_of(Path("/tmp/scores.csv")).name
    '.scores.csv.nbdeploy-journal'
    """
    if is_url(out):
        return Settings.load().home / "jobs" / f"{hashlib.sha256(str(out).encode()).hexdigest()[:32]}.journal"
    real = Path(os.path.realpath(out))
    return real.with_name(f".{real.name}.nbdeploy-journal")


def pack(frame: pl.DataFrame) -> bytes:
    """Return a table as bytes, exactly.

    Examples
    --------
    >>> unpack(pack(pl.DataFrame({"x": [1, None]}))).to_dicts()
    [{'x': 1}, {'x': None}]
    """
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="lz4")
    return buffer.getvalue()


def unpack(content: bytes) -> pl.DataFrame:
    """Return what :func:`pack` packed."""
    return pl.read_ipc(content)

"""Files of text whose rows are lines, cut into ranges of bytes; what can be read only forward is cut as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, NamedTuple

import numpy as np

from nbdeploy.errors import InvalidData, WrongUsage
from nbdeploy.tables.origins import Origin
from nbdeploy.tables.protocol import Identity, Span
from nbdeploy.tables.records import Bytes, Cut, Window, cuts

__all__ = ["BOM", "LineFile", "Piece"]

BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BLOCK = 2**20


class Piece(NamedTuple):
    """A range of bytes with whole records, and the bytes themselves where they can be read only forward."""

    cut: Cut
    content: bytes | None


class LineFile:
    """The common part of sources whose rows are lines.

    Parameters
    ----------
    origin : Origin
        Where the bytes come from.
    """

    separator: bytes | None = None
    """What is between two fields, where quotes may hold newlines."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.name = origin.name
        self._window: _File | _Stream | None = None
        self._began: tuple[Any, int, int] | None = None

    def __getstate__(self) -> Any:
        return self.origin, self.began()

    def __setstate__(self, state: Any) -> None:
        LineFile.__init__(self, state[0])
        self._began = state[1]

    def identity(self) -> Identity:
        """See :class:`nbdeploy.tables.Source`."""
        return self.origin.identity()

    def sha256(self) -> str | None:
        """See :class:`nbdeploy.tables.Source`."""
        return self.origin.sha256()

    def spans(self, size: int) -> Iterator[Span]:
        """Cut the file at the ends of records."""
        _, start, line = self.began()
        window, self._window = self._opened(start), None
        total, first = self.origin.size(), 0
        for index, cut in enumerate(cuts(window, start, size, self.separator, line)):
            share = min(1.0, cut.stop / total) if total else None
            yield Span(index, first, cut.records, Piece(cut, window.take(cut)), share)
            first += cut.records

    def began(self) -> tuple[Any, int, int]:
        """Return what :meth:`begin` found."""
        if self._began is None:
            self._window = self._opened(0)
            start = self._window.look(0, len(BOM)).tobytes()
            if start[:2] in _UTF_16:
                raise InvalidData(f"{self.name} is UTF-16 text; save it as UTF-8", path=self.name)
            self._began = self.begin(self._window, len(BOM) if start == BOM else 0)
        return self._began

    def begin(self, window: Window, start: int) -> tuple[Any, int, int]:
        """Read what is before the rows. Return it, where the first row begins, and the number of its line."""
        raise NotImplementedError

    def content(self, piece: Piece) -> bytes:
        """Return the bytes of a range."""
        if piece.content is not None:
            return piece.content
        start, stop = piece.cut.start, piece.cut.stop
        content = self.origin.at(start, stop - start)
        if len(content) < stop - start:
            raise InvalidData(f"{self.name} became shorter while it was read", path=self.name)
        return content

    def _opened(self, start: int) -> _File | _Stream:
        if self.origin.ranged:
            return _File(self.origin)
        if self._window is not None:
            return self._window
        if start and self.origin.once:
            raise WrongUsage(f"{self.name} can be read only once")
        return _Stream(self.origin.open(), self.name)


class _File:
    """A file that can be read anywhere. See :class:`nbdeploy.tables.records.Window`."""

    def __init__(self, origin: Origin) -> None:
        self._origin, self.name = origin, origin.name
        self._held: tuple[int, bytes] = (0, b"")

    def look(self, at: int, size: int) -> Bytes:
        start, held = self._held
        if not (start <= at and at + size <= start + len(held)):
            start, held = at, self._origin.at(at, max(size, self._origin.ahead))
            self._held = (start, held)
        return np.frombuffer(held, np.uint8)[at - start : at - start + size]

    def take(self, _: Cut) -> bytes | None:
        return None


class _Stream:
    """What can be read only forward; bytes are kept until they are taken."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self.name = file, name
        self._base, self._held = 0, bytearray()

    def look(self, at: int, size: int) -> Bytes:
        while self._base + len(self._held) < at + size:
            piece = self._file.read(_BLOCK)
            if not piece:
                break
            self._held += piece
        return np.frombuffer(bytes(self._held[at - self._base : at - self._base + size]), np.uint8)

    def take(self, cut: Cut) -> bytes:
        content = bytes(self._held[cut.start - self._base : cut.stop - self._base])
        del self._held[: cut.stop - self._base]
        self._base = cut.stop
        return content

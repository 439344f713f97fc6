"""Reading Universal Binary JSON, the format of XGBoost's models, without trusting it.

The format: https://ubjson.org. XGBoost writes a subset: lengths and counts as integers, arrays of one type with
``$`` and ``#``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["parse"]

_INTEGERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8"}
_NUMBERS = {**_INTEGERS, b"d": ">f4", b"D": ">f8"}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}
_DEEPEST = 64


def parse(raw: bytes) -> Any:
    r"""Read a document; arrays of numbers come as NumPy arrays.

    Raises
    ------
    ValueError
        If it is not such a document, or ends early or late.

    Examples
    --------
    >>> parse(b"{U\x01a[$U#U\x02\x05\x06}")
    {'a': array([5, 6], dtype=uint8)}
    """
    reader = _Reader(raw)
    document = reader.value(reader.take(1), 0)
    if reader.position != len(raw):
        raise ValueError("there is something after its end")
    return document


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.position = 0

    def take(self, size: int) -> bytes:
        piece = self._raw[self.position : self.position + size]
        if size < 0 or len(piece) != size:
            raise ValueError("it ends too early")
        self.position += size
        return piece

    def value(self, marker: bytes, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("it is nested too deeply")
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker in _NUMBERS:
            return self._numbers(marker, 1)[0].item()
        if marker == b"S":
            return self._text()
        if marker == b"{":
            return self._object(depth + 1)
        if marker == b"[":
            return self._array(depth + 1)
        raise ValueError(f"{marker!r} is no type")

    def _numbers(self, marker: bytes, count: int) -> Any:
        kind = np.dtype(_NUMBERS[marker])
        return np.frombuffer(self.take(count * kind.itemsize), kind).astype(kind.newbyteorder("="))

    def _size(self) -> int:
        marker = self.take(1)
        if marker not in _INTEGERS:
            raise ValueError(f"{marker!r} is no length")
        size = int(self._numbers(marker, 1)[0])
        if size < 0:
            raise ValueError(f"{size} is no length")
        return size

    def _text(self) -> str:
        return self.take(self._size()).decode()

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (marker := self.take(1)) != b"}":
            self.position -= len(marker)
            name = self._text()
            found[name] = self.value(self.take(1), depth)
        return found

    def _array(self, depth: int) -> Any:
        marker = self.take(1)
        if marker == b"$":
            kind = self.take(1)
            if kind not in _NUMBERS or self.take(1) != b"#":
                raise ValueError(f"an array of {kind!r} is not understood")
            return self._numbers(kind, self._size())
        if marker == b"#":
            return [self.value(self.take(1), depth) for _ in range(self._bounded(self._size()))]
        items = []
        while marker != b"]":
            items.append(self.value(marker, depth))
            marker = self.take(1)
        return items

    def _bounded(self, count: int) -> int:
        """Each item takes a byte at least."""
        if count > len(self._raw) - self.position:
            raise ValueError("it ends too early")
        return count

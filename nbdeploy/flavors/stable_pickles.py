"""Pickles that depend on values only: not on hash seeds, nor on which equal texts happen to be one object."""

from __future__ import annotations

import pickle
import sys
from typing import Any, ClassVar

__all__ = ["StablePickler"]

_DEPTH = 20_000
"""Frames allowed while pickling: this pickler is written in Python, and needs more of them than the one in C."""


_Base: Any = pickle._Pickler


class StablePickler(_Base):  # type: ignore[misc]
    """A pickler that writes sets in one order, and a text once however many equal ones there are.

    Examples
    --------
    >>> import io
    >>> def pickled(thing):
    ...     StablePickler(file := io.BytesIO(), protocol=5).dump(thing)
    ...     return file.getvalue()
    >>> one, other = "ab", "".join(["a", "b"])
    >>> pickled([one, one]) == pickled([one, other])
    True
    """

    dispatch: ClassVar[dict[type, Any]] = dict(_Base.dispatch)

    def __init__(self, file: Any, protocol: int) -> None:
        super().__init__(file, protocol=protocol)
        self._texts: dict[str, str] = {}

    def dump(self, obj: Any) -> None:
        """Write one object."""
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, _DEPTH))
        try:
            super().dump(obj)
        finally:
            sys.setrecursionlimit(before)

    def _save_text(self, text: str) -> None:
        first = self._texts.setdefault(text, text)
        if id(first) in self.memo:
            self.write(self.get(self.memo[id(first)][0]))
        else:
            self.save_str(first)

    def _save_set(self, values: set[Any]) -> None:
        self.write(pickle.EMPTY_SET)
        self.memoize(values)
        self.write(pickle.MARK)
        for value in _ordered(values):
            self.save(value)
        self.write(pickle.ADDITEMS)

    def _save_frozenset(self, values: frozenset[Any]) -> None:
        self.save_reduce(frozenset, (_ordered(values),), obj=values)

    dispatch[str] = _save_text
    dispatch[set] = _save_set
    dispatch[frozenset] = _save_frozenset


def _ordered(values: Any) -> list[Any]:
    """Members in an order that does not come from their hashes: their own, or that of what is written of them."""
    if len({type(value) for value in values}) == 1 and isinstance(next(iter(values)), (str, bytes, int)):
        return sorted(values)
    return sorted(values, key=_written)


def _written(value: Any) -> tuple[str, bytes]:
    import io

    file = io.BytesIO()
    try:
        StablePickler(file, 5).dump(value)
    except (AttributeError, TypeError, pickle.PicklingError):
        return type(value).__qualname__, repr(value).encode()
    return type(value).__qualname__, file.getvalue()

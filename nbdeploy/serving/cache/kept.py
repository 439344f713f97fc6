"""Answers by what was asked."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from nbdeploy.serving.cache.places import Place

__all__ = ["MOST_ROWS", "Answers"]

MOST_ROWS = 64
"""Larger requests hardly come twice, and naming them takes longer than many models."""

_encoder = msgspec.msgpack.Encoder(enc_hook=str)
_PREFIX = b"nbdeploy:1:"


class Answers(Collector):
    """Answers that are kept, and those that have to be worked out.

    Parameters
    ----------
    place : Place
        Where.

    Attributes
    ----------
    hits, misses : int
        How many answers were there, and how many were not.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.near = place.near
        self.hits = self.misses = 0

    def name(self, digest: str, methods: Sequence[str], rows: Any) -> bytes:
        """Name a question: same name, same answer.

        Parameters
        ----------
        digest : str
            The snapshot's.
        methods : sequence of str
            What is asked for, in this order.
        rows : sequence of sequences, or polars.DataFrame
            Bound rows. Times count as numbers of their columns' units, so that none is rounded.
        """
        values = _physical(rows).rows() if isinstance(rows, pl.DataFrame) else rows
        asked = _encoder.encode((digest, [*methods], values))
        return _PREFIX + hashlib.blake2b(asked, digest_size=32).digest()

    def rows(self, name: bytes, work: Callable[[], Sequence[Sequence[Any]] | None]) -> Any:
        """Return the rows that are kept, or that `work` returns, which are kept then; None is not."""
        content = self._get(b"rows:" + name)
        if content is not None:
            return msgspec.msgpack.decode(content)
        rows = work()
        if rows is not None:
            self._place.put(b"rows:" + name, _encoder.encode(rows))
        return rows

    def frame(
        self, name: bytes, types: Mapping[str, Any], height: int, work: Callable[[], pl.DataFrame]
    ) -> pl.DataFrame:
        """Return the table that is kept, or that `work` returns, which is kept then.

        Parameters
        ----------
        name : bytes
            See :meth:`name`.
        types, height : mapping of str to data type, int
            What it has to be: others may write where it is kept.
        work : callable
            Works it out.
        """
        found = self.found(name, types, height)
        if found is None:
            found = work()
            self.keep(name, found)
        return found

    def found(self, name: bytes, types: Mapping[str, Any], height: int) -> pl.DataFrame | None:
        """Return the table that is kept, if there is one. See :meth:`frame`."""
        found = self._read(b"table:" + name)
        return found if found is not None and found.height == height and dict(found.schema) == types else None

    def keep(self, name: bytes, made: pl.DataFrame) -> None:
        """Keep a table."""
        buffer = io.BytesIO()
        made.write_ipc_stream(buffer)
        self._place.put(b"table:" + name, buffer.getvalue())

    def _read(self, name: bytes) -> pl.DataFrame | None:
        content = self._get(name)
        try:
            return None if content is None else pl.read_ipc_stream(io.BytesIO(content))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, EOFError):
            return None

    def close(self) -> None:
        """Let go of connections."""
        self._place.close()

    def _get(self, name: bytes) -> bytes | None:
        content = self._place.get(name)
        if content is None:
            self.misses += 1
        else:
            self.hits += 1
        return content

    def collect(self) -> Iterator[Metric]:
        """The figures of this moment."""
        yield CounterMetricFamily("nbdeploy_cache_hits", "Answers that were kept.", self.hits)
        yield CounterMetricFamily("nbdeploy_cache_misses", "Answers that had to be worked out.", self.misses)

    def describe(self) -> list[Metric]:
        """Nothing: the figures have no labels to look for before they are asked for."""
        return []


def _physical(wire: pl.DataFrame) -> pl.DataFrame:
    times = [series.to_physical() for series in wire.get_columns() if series.dtype.is_temporal()]
    return wire.with_columns(times) if times else wire

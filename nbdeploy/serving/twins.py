"""Compiled twins on their way from a version's own process to the workers, which load no framework.

A twin is functions along rows, arrays and trees: the functions travel by value, the arrays beside them in one file
that all workers map into memory, so that it is there once. Only files that this endpoint's own processes wrote are
read; a twin is never taken from a snapshot.
"""

from __future__ import annotations

import importlib
import io
import mmap
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from nbdeploy.codecs.outputs import output_frame
from nbdeploy.compilers import Twin, Unsure
from nbdeploy.types import Signature

__all__ = ["Inline", "NotShipped", "read_twin", "rows_inline", "write_twin"]

INLINE_SECONDS = 0.001
"""How long a worker may answer by itself; meanwhile it does nothing else."""

_ALIGN = 64
_SOME = 16
_TIMES = 5
_ROOMS = frozenset({"builtins", "cloudpickle", "functools", "math", "nbdeploy", "numpy", "polars", "scipy", "treelite"})


class NotShipped(Exception):
    """A twin cannot leave the process that built it; the text says why."""


class _Head(msgspec.Struct, frozen=True):
    rows: int
    code: int
    arrays: list[int]


class Inline:
    """A twin that answers where it is, as the model does.

    Parameters
    ----------
    twin : Twin
        The twin.
    rows : int
        Up to how many rows it is asked here.
    signature : Signature
        What the model takes and answers.
    """

    def __init__(self, twin: Twin, rows: int, signature: Signature) -> None:
        self.twin, self.rows, self._signature = twin, rows, signature

    def outputs(self, wire: pl.DataFrame, methods: Sequence[str]) -> pl.DataFrame | None:
        """Answer bound rows with the output columns of some methods; None where the model itself has to."""
        if not 0 < wire.height <= self.rows or not all(method in self.twin.methods for method in methods):
            return None
        frames = []
        for method in methods:
            try:
                answer, doubt = self.twin.many(method, wire)
            except Unsure:
                return None
            if doubt is not None and doubt.any():
                return None
            frames.append(output_frame(answer, self._signature.outputs[method]))
        return frames[0] if len(frames) == 1 else pl.concat(frames, how="horizontal")


def write_twin(twin: Twin, rows: int, path: Path) -> None:
    """Write a twin to a file.

    Parameters
    ----------
    twin : Twin
        The twin.
    rows : int
        Up to how many rows it may answer at all.
    path : Path
        A new file.

    Raises
    ------
    NotShipped
        If it calls the framework for some steps, or refers to anything of it.
    """
    import cloudpickle

    if twin.native:
        raise NotShipped(f"it calls {', '.join(twin.native)} natively")
    arrays: list[pickle.PickleBuffer] = []
    try:
        code = cloudpickle.dumps(twin, protocol=5, buffer_callback=arrays.append)
        _Reader(io.BytesIO(code), buffers=arrays).load()
    except NotShipped:
        raise
    except Exception as error:  # whatever a compiled step holds on to
        raise NotShipped(f"{type(error).__name__}: {error}") from error
    raw = [array.raw() for array in arrays]
    head = msgspec.msgpack.encode(_Head(rows, len(code), [len(array) for array in raw]))
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "big") + head + code)
        for array in raw:
            file.write(b"\0" * (-file.tell() % _ALIGN))
            file.write(array)


def read_twin(path: Path, signature: Signature) -> Inline:
    """Read what :func:`write_twin` wrote; arrays stay in the file, which may be deleted."""
    with path.open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    start = 8 + int.from_bytes(whole[:8], "big")
    head = msgspec.msgpack.decode(whole[8:start], type=_Head)
    at = start + head.code
    arrays = []
    for size in head.arrays:
        at += -at % _ALIGN
        arrays.append(whole[at : at + size])
        at += size
    twin: Twin = _Reader(io.BytesIO(whole[start : start + head.code]), buffers=arrays).load()
    return Inline(twin, head.rows, signature)


def rows_inline(twin: Twin, method: str, rows: pl.DataFrame) -> int:
    """Measure how many rows a twin answers within a millisecond; 0 if it takes longer for one.

    Parameters
    ----------
    method : str
        What it is asked for.
    rows : polars.DataFrame
        Some rows to ask with.
    """
    one = _timed(lambda: twin.many(method, rows[:1]))
    many = rows[[i % rows.height for i in range(_SOME)]]
    each = max((_timed(lambda: twin.many(method, many)) - one) / (_SOME - 1), 1e-7)
    return max(0, int((INLINE_SECONDS - one) / each) + 1) if one < INLINE_SECONDS else 0


def _timed(ask: Callable[[], Any]) -> float:
    """The fastest of a few calls: a machine that does something else meanwhile says nothing about the twin."""
    times = []
    for _ in range(_TIMES):
        before = time.perf_counter()
        ask()
        times.append(time.perf_counter() - before)
    return min(times)


class _Reader(pickle.Unpickler):
    """Refuses what would load a framework into the process that reads."""

    def find_class(self, module: str, name: str) -> Any:
        _check(module)
        return _imported if (module, name) == _IMPORT else super().find_class(module, name)


_IMPORT = ("cloudpickle.cloudpickle", "subimport")


def _imported(name: str) -> Any:
    _check(name)
    return importlib.import_module(name)


def _check(module: str) -> None:
    if module.partition(".")[0] not in _ROOMS:
        raise NotShipped(f"it refers to {module}")

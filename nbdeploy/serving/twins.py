"""Compiled twins on their way from a version's own process to the workers, which load no framework.

A twin is functions along rows, arrays and trees: the functions travel by value, the arrays beside them in one file
that all workers map into memory, so that it is there once. Only files that this endpoint's own processes wrote are
read; a twin is never taken from a snapshot.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import mmap
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.bundles import Bundle
from nbdeploy.bundles.described import Described
from nbdeploy.codecs.outputs import output_frame
from nbdeploy.compilers import Twin, Unsure
from nbdeploy.errors import RehearsalFailed
from nbdeploy.manifest import Manifest
from nbdeploy.types import Signature
from nbdeploy.zygote import Serve

__all__ = ["Inline", "NotShipped", "prepare_trial", "proof_of", "read_twin", "rows_inline", "write_twin"]

INLINE_SECONDS = 0.001
"""How long a worker may answer by itself; meanwhile it does nothing else."""

_ALIGN = 64
_SOME = 16
_MOST_ALONE = 64
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
        self.twin, self.rows, self.signature = twin, rows, signature

    def outputs(self, wire: pl.DataFrame | np.ndarray[Any, Any], methods: Sequence[str]) -> pl.DataFrame | None:
        """Answer bound rows with the output columns of some methods; None where the model itself has to.

        Parameters
        ----------
        wire : polars.DataFrame or numpy.ndarray, n rows
            The rows; an array is what :func:`nbdeploy.codecs.numpy_tables.is_plain_matrix` is true of.
        methods : sequence of str
            What is asked for.
        """
        if not 0 < len(wire) <= self.rows or not all(method in self.twin.methods for method in methods):
            return None
        frames = []
        for method in methods:
            try:
                answer, doubt = self.twin.many(method, wire)
            except Unsure:
                return None
            if doubt is not None and doubt.any():
                return None
            frames.append(output_frame(answer, self.signature.outputs[method]))
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


def proof_of(inline: Inline, sample: pl.DataFrame) -> str:
    """Return the digest of what a twin answers to a sample: row by row, and as many rows at once as it may be asked.

    Parameters
    ----------
    inline : Inline
        The twin.
    sample : polars.DataFrame, n rows
        What a snapshot was rehearsed with.

    Raises
    ------
    NotShipped
        If there are no rows.
    """
    if not sample.height:
        raise NotShipped("there is no sample to compare its answers by, in another environment")
    found = hashlib.sha256()
    for method in sorted(inline.twin.methods):
        for row in sample[:_MOST_ALONE].rows():
            try:
                answer = inline.twin.one(method, row)
            except Unsure:
                found.update(b"?")
                continue
            found.update(_encoded([part.tolist() for part in (answer if isinstance(answer, list) else [answer])]))
        for start in range(0, sample.height, inline.rows):
            frame = inline.outputs(sample[start : start + inline.rows], [method])
            found.update(b"?" if frame is None else _encoded(frame.to_dict(as_series=False)))
    return found.hexdigest()


def prepare_trial(twin: Path, bundle: Path, proof: str) -> Serve:
    """Read a twin that a process of another environment wrote, and ask it: what :class:`Zygote` prepares.

    It does not answer anybody: packages of other versions may read it wrongly, or crash, and this process is for that.

    Parameters
    ----------
    twin : Path
        What :func:`write_twin` wrote.
    bundle : Path
        The snapshot's folder.
    proof : str
        What :func:`proof_of` said of it there.

    Raises
    ------
    RehearsalFailed
        If it answers differently here.
    """
    described = Described(Bundle(bundle, Manifest.read(bundle)))
    if proof_of(read_twin(twin, described.signature), described.sample) != proof:
        raise RehearsalFailed("its compiled twin answers differently with the packages of the endpoint")
    return lambda _: None


def _encoded(values: Any) -> bytes:
    return msgspec.msgpack.encode(values, enc_hook=repr)


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

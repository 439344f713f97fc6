"""Steps that no compiler knows, called natively between compiled ones: padded, as every native call is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.codecs import rebuild
from nbdeploy.compilers.stages import Fields, NotCompiled, Numbers, Stage
from nbdeploy.compilers.twin import Unsure
from nbdeploy.types import Canonical

__all__ = ["call_natively"]

_PAD = Canonical().multiple
_TRIED = 3


def call_natively(step: Any, given: Stage, name: str, reason: str) -> Numbers:
    """Return the stage after a step that is called natively.

    What it makes of a few rows tells how wide its answer is. It has to answer with a plain array of numbers.

    Raises
    ------
    NotCompiled
        With `reason`, if it cannot be called here, or answers with something else.
    """
    if isinstance(given, Numbers) and (given.sparse or not given.exact):
        raise NotCompiled(reason)
    if not callable(getattr(step, "transform", None)):
        raise NotCompiled(reason)
    if isinstance(given, Numbers) and hasattr(step, "feature_names_in_"):
        raise NotCompiled(f"{reason}; it reads columns by name")
    ask = _of_numbers(step) if isinstance(given, Numbers) else _of_fields(step, given)
    try:
        tried = ask(_example(given))
    except Unsure as error:
        raise NotCompiled(f"{reason}; it cannot be called natively either: {error.__cause__ or error}") from None
    given.plan.native.append(name)
    run: Callable[[Any], Any] = ask if isinstance(given, Fields) else given.then(ask).run
    return Numbers(run, tried.shape[-1], tried.dtype, given.plan)


def _of_numbers(step: Any) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        rows = np.atleast_2d(x)
        short = -len(rows) % _PAD
        padded = np.concatenate([rows, np.repeat(rows[-1:], short, axis=0)]) if short else rows
        out = _asked(step, np.ascontiguousarray(padded), len(padded))
        return out[0] if x.ndim == 1 else np.ascontiguousarray(out[: len(rows)])

    return run


def _of_fields(step: Any, given: Fields) -> Callable[[Any], Any]:
    signature = given.plan.signature
    if any(field.filled is not None for field in given.fields):
        raise NotCompiled("a native step cannot read columns that were filled before")
    positions = [field.position for field in given.fields]
    part = msgspec.structs.replace(signature, columns=[field.column for field in given.fields])
    schema = {field.column.name: _wire(field.column) for field in given.fields}

    def run(rows: Any) -> Any:
        columns = {name: rows.column(i) for name, i in zip(schema, positions, strict=True)}
        wire = pl.DataFrame(columns, schema=schema)
        height = wire.height
        short = -height % _PAD
        wire = wire[[*range(height), *[height - 1] * short]] if short else wire
        out = _asked(step, rebuild(wire, part), height + short)
        return out[0] if not rows.lead else np.ascontiguousarray(out[:height])

    return run


def _wire(column: Any) -> Any:
    from nbdeploy.codecs.columns import wire_dtype

    return wire_dtype(column)


def _asked(step: Any, data: Any, rows: int) -> Any:
    """Ask a step, with one thread; whatever goes wrong is told by the whole native call."""
    try:
        with _threads().limit(limits=1):
            out = step.transform(data)
    except Exception as error:
        raise Unsure from error
    if hasattr(out, "to_numpy") and not isinstance(out, np.ndarray):
        out = out.to_numpy()
    if not isinstance(out, np.ndarray) or out.ndim != 2 or out.dtype.kind not in "fiub" or len(out) != rows:
        raise Unsure
    return np.ascontiguousarray(out)


@cache
def _threads() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _example(given: Stage) -> Any:
    """Make some rows to try a step with: ordinary values of each column's type."""
    if isinstance(given, Numbers):
        return np.ones((_TRIED, given.width), given.dtype)
    from nbdeploy.compilers.samples import plain_rows
    from nbdeploy.compilers.twin import Rows

    return Rows(plain_rows(given.plan.signature, _TRIED))

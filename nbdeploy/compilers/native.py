"""Steps that no compiler knows, called natively between compiled ones: padded, as every native call is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.codecs import bind, describe, rebuild
from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.compilers.samples import plain_rows
from nbdeploy.compilers.stages import Fields, NotCompiled, Numbers, Plan, Stage, fields_of
from nbdeploy.compilers.twin import Row, Rows, Unsure
from nbdeploy.errors import NbdeployError
from nbdeploy.types import Canonical

__all__ = ["call_natively"]

_log = logging.getLogger(__name__)

_PAD = Canonical().multiple
_TRIED = 3


def call_natively(step: Any, given: Stage, name: str, reason: NotCompiled) -> Stage:
    """Return the stage after a step that is called natively.

    What it makes of a few rows tells how wide its answer is: a plain array of numbers, or a pandas frame.

    Raises
    ------
    NotCompiled
        The `reason`, if it cannot be called here, or answers with something else.
    """
    if isinstance(given, Numbers) and (given.sparse or not given.exact):
        raise reason
    if not callable(getattr(step, "transform", None)):
        raise reason
    if isinstance(given, Numbers) and hasattr(step, "feature_names_in_"):
        raise reason.because("it reads columns by name")
    if isinstance(given, Fields) and (given.before or any(field.filled is not None for field in given.fields)):
        raise reason.because("a native step cannot read what another one filled in or made")
    ask = _of_numbers(step) if isinstance(given, Numbers) else _of_fields(step, given)
    try:
        tried = ask(_example(given))
    except Unsure as error:
        failed = type(error.__cause__ or error).__name__
        raise reason.because(f"it cannot be called natively either: {failed}") from None
    given.plan.native.append(name)
    if not isinstance(tried, np.ndarray):
        return _reframed(ask, tried, given.plan)
    run: Callable[[Any], Any] = ask if isinstance(given, Fields) else given.then(ask).run
    return Numbers(run, tried.shape[-1], tried.dtype, given.plan)


def _reframed(ask: Callable[[Any], Any], tried: Any, plan: Plan) -> Fields:
    """Read the frame that a step answered with as new rows; any of its columns may have missing values."""
    seen = describe(tried)
    columns = [msgspec.structs.replace(column, nullable=True) for column in seen.columns]
    signature = msgspec.structs.replace(seen, columns=columns)

    def convert(rows: Any) -> Any:
        try:
            wire = bind(ask(rows), signature)
        except NbdeployError as error:
            raise Unsure from error
        return Rows(wire) if rows.lead else Row(wire.row(0))

    return fields_of(Plan(signature, plan.exact, plan.native, parent=plan), convert)


def _of_numbers(step: Any) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        rows = np.atleast_2d(x)
        short = -len(rows) % _PAD
        padded = np.concatenate([rows, np.repeat(rows[-1:], short, axis=0)]) if short else rows
        out = _asked(step, np.ascontiguousarray(padded), len(padded))
        return out[0] if x.ndim == 1 else np.ascontiguousarray(out[: len(rows)])

    return run


def _of_fields(step: Any, given: Fields) -> Callable[[Any], Any]:
    positions = [field.position for field in given.fields]
    part = msgspec.structs.replace(given.plan.signature, columns=[field.column for field in given.fields], index=None)
    schema = {field.column.name: wire_dtype(field.column) for field in given.fields}

    def run(rows: Any) -> Any:
        columns = {name: rows.column(i) for name, i in zip(schema, positions, strict=True)}
        wire = pl.DataFrame(columns, schema=schema)
        height = wire.height
        short = -height % _PAD
        wire = wire[[*range(height), *[height - 1] * short]] if short else wire
        out = _asked(step, rebuild(wire, part), height + short)
        if not isinstance(out, np.ndarray):
            return out.iloc[:height]
        return out[0] if not rows.lead else np.ascontiguousarray(out[:height])

    return run


def _asked(step: Any, data: Any, rows: int) -> Any:
    """Ask a step, with one thread; whatever goes wrong is told by the whole native call."""
    try:
        with _threads().limit(limits=1):
            out = step.transform(data)
    except Exception as error:
        _log.debug("a native step of a twin fails, and the whole model is asked", exc_info=True)
        raise Unsure from error
    if hasattr(out, "iloc") and out.ndim == 2 and len(out) == rows:
        if not all(getattr(dtype, "kind", "O") in "fiub" for dtype in out.dtypes):
            return out
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
    return Rows(plain_rows(given.plan.signature, _TRIED))

"""Steps that no compiler knows, called natively between compiled ones or after them: padded, as every native call is.

Whoever asks such a twin lets it work in one thread, as he does the model itself.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.canonical import is_row_by_row
from nbdeploy.codecs import bind, describe, rebuild
from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.compilers.samples import plain_rows
from nbdeploy.compilers.stages import Fields, NotCompiled, Numbers, Plan, Stage, fields_of
from nbdeploy.compilers.twin import Answer, Method, Row, Rows, Unsure
from nbdeploy.errors import NbdeployError
from nbdeploy.types import Canonical

__all__ = ["call_natively", "finish_natively"]

_log = logging.getLogger(__name__)

_PAD = Canonical().multiple
_TRIED = 3
_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples")


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


def finish_natively(model: Any, given: Stage, reason: NotCompiled) -> Mapping[str, tuple[Method, bool]]:
    """Return the methods of a model that is called natively after compiled steps: what it saves is theirs.

    Raises
    ------
    NotCompiled
        The `reason`, if nothing before it is compiled, or it cannot be called here.
    """
    if not isinstance(given, Numbers) or given.sparse or not given.exact or hasattr(model, "feature_names_in_"):
        raise reason
    wanted = given.plan.signature.outputs or _METHODS
    calls = {method: getattr(model, method, None) for method in _METHODS if method in wanted}
    multiple = 1 if is_row_by_row(model) else _PAD
    found = {method: (_answering(call, given, multiple), True) for method, call in calls.items() if callable(call)}
    if not found:
        raise reason
    try:
        with warnings.catch_warnings(action="ignore"):  # rows of ones may be unlike any that it was trained with
            for call in filter(callable, calls.values()):
                _answered(call, _example(given), multiple)
    except Unsure as error:
        failed = type(error.__cause__ or error).__name__
        raise reason.because(f"it cannot be called natively either: {failed}") from None
    given.plan.native.append(type(model).__name__)
    return found


def _answering(call: Callable[[Any], Any], given: Numbers, multiple: int) -> Method:
    run = given.run

    def method(rows: Any) -> Answer:
        x = run(rows)
        parts = _answered(call, np.atleast_2d(x), multiple)
        if x.ndim == 1:
            parts = [part.reshape(part.shape[1:]) for part in parts]
        return (parts[0] if len(parts) == 1 else parts), None

    return method


def _answered(call: Callable[[Any], Any], x: Any, multiple: int) -> list[Any]:
    """Ask a model; each of its outputs is an array with a row for each that was given."""
    padded = _padded(x, multiple)
    try:
        out = call(padded)
    except Exception as error:
        _log.debug("the native end of a twin fails, and the whole model is asked", exc_info=True)
        raise Unsure from error
    parts = out if isinstance(out, list) else [out]
    if not parts or not all(isinstance(part, np.ndarray) and part.shape[:1] == (len(padded),) for part in parts):
        raise Unsure
    return [part[: len(x)] for part in parts]


def _padded(x: Any, multiple: int) -> Any:
    short = -len(x) % multiple
    return np.ascontiguousarray(np.concatenate([x, np.repeat(x[-1:], short, axis=0)]) if short else x)


def _of_numbers(step: Any) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        rows = np.atleast_2d(x)
        padded = _padded(rows, _PAD)
        out = _asked(step, padded, len(padded))
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
    """Ask a step; whatever goes wrong is told by the whole native call."""
    try:
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


def _example(given: Stage) -> Any:
    """Make some rows to try a step with: ordinary values of each column's type."""
    if isinstance(given, Numbers):
        return np.ones((_TRIED, given.width), given.dtype)
    return Rows(plain_rows(given.plan.signature, _TRIED))

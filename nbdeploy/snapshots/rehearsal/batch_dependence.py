"""Which step of a model lets a row's answer depend on the other rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from nbdeploy.compare import ROUNDING, SINGLE

__all__ = ["FEW", "dependent_step"]

FEW = 12
"""How many rows are enough to see it."""

_METHODS = ("transform", "predict", "predict_proba", "decision_function")
_SINGLE_BYTES = 4


def dependent_step(model: Any, rows: Any) -> str:
    """Find the first, innermost step whose own answer for a row depends on the other rows.

    Pipelines, column transformers, feature unions, searches and chains of steps are looked into; every step is
    given what it is given inside the model.

    Parameters
    ----------
    model : object
        The live model.
    rows : table, n rows
        A few rows as the model takes them; it is asked for each alone.

    Returns
    -------
    str
        ``step 'scale' (Centre)``, with the steps around it; empty if no step was found.
    """
    with warnings.catch_warnings(action="ignore"):
        return " in ".join(f"step {name!r} ({type(part).__name__})" for name, part in _found(model, rows))


def _found(model: Any, rows: Any) -> list[tuple[str, Any]]:
    """The step and those around it, innermost first."""
    for name, part, given in _steps(model, rows):
        if _depends(part, given):
            return [*_found(part, given), (name, part)]
    return []


def _steps(model: Any, rows: Any) -> Iterator[tuple[str, Any, Any]]:
    """The steps of a model, with the rows that each is given."""
    if hasattr(model, "best_estimator_"):
        yield "best_estimator_", model.best_estimator_, rows
    elif hasattr(model, "transformers_"):
        for name, part, columns in model.transformers_:
            if hasattr(part, "transform"):
                yield name, part, _columns(rows, columns)
    elif hasattr(model, "transformer_list"):
        for name, part in model.transformer_list:
            yield name, part, rows
    elif isinstance(getattr(model, "steps", None), list | tuple):
        for name, part in _named(model.steps):
            yield name, part, rows
            if part in (None, "passthrough"):
                continue
            rows = part.transform(rows) if hasattr(part, "transform") else rows


def _named(steps: Any) -> Iterator[tuple[str, Any]]:
    for i, step in enumerate(steps):
        yield step if isinstance(step, tuple) and len(step) == 2 else (str(i), step)


def _columns(rows: Any, columns: Any) -> Any:
    from sklearn.utils import _safe_indexing

    wanted = columns(rows) if callable(columns) else columns
    return _safe_indexing(rows, wanted, axis=1)


def _depends(part: Any, rows: Any) -> bool:
    """Whether a step answers a row differently alone. A step that cannot be asked is not blamed."""
    asked = next((getattr(part, name) for name in _METHODS if callable(getattr(part, name, None))), part)
    if not callable(asked):
        return False
    try:
        whole = _array(asked(rows))
        alone = np.concatenate([_array(asked(_row(rows, i))) for i in range(len(whole))])
    except Exception:
        return False
    return not _same(whole, alone)


def _row(rows: Any, i: int) -> Any:
    """One row as a table."""
    return rows.iloc[i : i + 1] if hasattr(rows, "iloc") else rows[i : i + 1]


def _array(answer: Any) -> Any:
    return np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)


def _same(whole: Any, alone: Any) -> bool:
    if whole.shape != alone.shape:
        return False
    if whole.dtype.kind in "fc" and alone.dtype.kind in "fc":
        rounding = ROUNDING if whole.dtype.itemsize > _SINGLE_BYTES else SINGLE
        near_zero = rounding * np.nanmax(np.abs(whole), initial=0.0)
        return bool(np.allclose(whole, alone, rtol=rounding, atol=near_zero, equal_nan=True))
    return bool(((whole == alone) | ((whole != whole) & (alone != alone))).all())

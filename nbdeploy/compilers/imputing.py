"""Missing values filled in, and marked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nbdeploy.compilers.stages import Fields, NotCompiled, Numbers, Stage, as_numbers, floating, some_infinite
from nbdeploy.compilers.twin import Unsure

__all__ = ["missing_indicator", "simple_imputer"]


def simple_imputer(step: Any, given: Stage) -> Stage:
    """Compile ``SimpleImputer``: of numbers with its indicator, of text and categories without."""
    if not _means_missing(step.missing_values):
        raise NotCompiled(f"missing values are {step.missing_values!r}")
    if isinstance(given, Fields) and any(field.column.type in {"string", "categorical"} for field in given.fields):
        return _filled(step, given)
    numbers = floating(given) if step.statistics_.dtype.kind == "f" else as_numbers(given)
    if numbers.sparse or numbers.dtype.kind != "f":
        raise NotCompiled("it fills neither a dense array of floats nor text")
    statistics = np.asarray(step.statistics_, dtype=numbers.dtype)
    gone = np.isnan(np.asarray(step.statistics_, dtype=float))
    if step.keep_empty_features:
        gone[:] = False
    kept = np.flatnonzero(~gone)
    fill = statistics[kept]
    all_kept = len(kept) == numbers.width
    marked = _marked(step)

    def run(x: Any) -> Any:
        missing = np.isnan(x)
        if some_infinite(x):
            raise Unsure
        filled = x if all_kept else x[..., kept]
        np.copyto(filled, fill, where=missing if all_kept else missing[..., kept])
        return filled if marked is None else np.concatenate([filled, marked(missing)], axis=-1)

    width = len(kept) + (0 if marked is None else len(step.indicator_.features_))
    return numbers.then(run, width=width)


def missing_indicator(step: Any, given: Stage) -> Numbers:
    """Compile ``MissingIndicator``."""
    numbers = as_numbers(given)
    if not _means_missing(step.missing_values) or numbers.sparse or numbers.dtype.kind != "f":
        raise NotCompiled("it marks something else than NaN in a dense array of floats")
    if step.sparse is True:
        raise NotCompiled("it answers with a sparse matrix")
    marked = _indicated(step)

    def run(x: Any) -> Any:
        if some_infinite(x):
            raise Unsure
        return marked(np.isnan(x))

    return numbers.then(run, width=len(step.features_), dtype=np.dtype(bool))


def _means_missing(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _marked(step: Any) -> Any:
    return _indicated(step.indicator_) if step.add_indicator else None


def _indicated(indicator: Any) -> Any:
    """Columns that mark missing values; a value missing where none was in training may be an error."""
    features = np.asarray(indicator.features_, dtype=int)
    strict = indicator.features == "missing-only" and indicator.error_on_new

    def run(missing: Any) -> Any:
        if strict:
            others = missing.copy()
            others[..., features] = False
            if others.any():
                raise Unsure
        return missing[..., features]

    return run


def _filled(step: Any, given: Fields) -> Fields:
    """Text and categories: the encoders that read them look the filled value up."""
    if step.add_indicator or any(field.filled is not None for field in given.fields):
        raise NotCompiled("an indicator beside text")
    if any(field.column.type not in {"string", "categorical"} for field in given.fields):
        raise NotCompiled("text and numbers in one array")
    if any(value is None or value != value for value in step.statistics_):
        raise NotCompiled("a column without values")
    if any(field.column.nullable and field.column.missing not in (None, "nan") for field in given.fields):
        raise NotCompiled("missing values that are not NaN")
    pairs = zip(given.fields, step.statistics_, strict=True)
    return replace(given, fields=tuple(replace(field, filled=value) for field, value in pairs))

"""Compositions: pipelines, columns apart and together, unions, searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from nbdeploy.codecs.labels import labels
from nbdeploy.compilers.stages import Fields, NotCompiled, Numbers, Stage, as_numbers
from nbdeploy.compilers.steps import Final, compile_final, compile_transformer

__all__ = ["chain", "column_transformer", "feature_union", "final_pipeline", "pipeline", "search"]


def pipeline(model: Any, given: Stage) -> Stage:
    """Compile a pipeline of transformers."""
    return _transformed(model.steps, given)


def _transformed(steps: Sequence[Any], given: Stage) -> Stage:
    for i, (name, step) in enumerate(steps):
        given = _stepped(name, step, given)
        if isinstance(given, Fields) and given.before is not None and i + 1 < len(steps):
            made = _transformed(steps[i + 1 :], replace(given, before=None))
            if isinstance(made, Fields):
                raise NotCompiled("two frames are made one after the other, by it and later", f"step {name!r}")
            return replace(made, run=_after(given.before, made.run))
    return given


def final_pipeline(model: Any, given: Stage) -> Final:
    """Compile a pipeline that ends with a model."""
    name, last = model.steps[-1]
    if last is None or last == "passthrough":
        raise NotCompiled("a pipeline that ends with passthrough is no model")
    return _finished(model.steps[:-1], last, name, given)


def _finished(steps: Sequence[Any], last: Any, name: str, given: Stage) -> Final:
    for i, (before, step) in enumerate(steps):
        given = _stepped(before, step, given)
        if isinstance(given, Fields) and given.before is not None:
            final = _finished(steps[i + 1 :], last, name, replace(given, before=None))
            return {method: (_after(given.before, ask), exact) for method, (ask, exact) in final.items()}
    return compile_final(last, given, f"step {name!r}")


def _after(convert: Callable[[Any], Any], ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda rows: ask(convert(rows))


def _stepped(name: str, step: Any, given: Stage) -> Stage:
    return given if step is None or step == "passthrough" else compile_transformer(step, given, name)


def chain(model: Any, given: Stage) -> Final:
    """Compile a model behind preprocessing: transformers, and functions of rows, which are called natively."""
    steps = [(f"preprocessing {i}", _transforming(step)) for i, step in enumerate(model.steps, start=1)]
    return _finished(steps, model.model, "model", given)


def _transforming(step: Any) -> Any:
    return step if hasattr(step, "transform") else SimpleNamespace(transform=step)


def search(model: Any, given: Stage) -> Final:
    """Compile what a search found."""
    final = compile_final(model.best_estimator_, given)
    return {method: how for method, how in final.items() if callable(getattr(model, method, None))}


def column_transformer(step: Any, given: Stage) -> Stage:
    """Compile transformers of some columns each, and join what they make."""
    if isinstance(given, Numbers):
        return _over_numbers(given, lambda numbers: _columns(step, numbers))
    return _columns(step, given)


def _columns(step: Any, given: Stage) -> Stage:
    weights = step.transformer_weights or {}
    parts: list[Numbers] = []
    for name, transformer, columns in step.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        at = _positions(step, name, columns, given)
        if not at:
            continue
        stage = _taken(given, at)
        if not (isinstance(transformer, str) and transformer == "passthrough"):
            stage = compile_transformer(transformer, stage, name)
        parts.append(_weighted(_joinable(stage, name), weights.get(name)))
    return _joined(parts, given, sparse=bool(step.sparse_output_))


def _positions(step: Any, name: str, columns: Any, given: Stage) -> list[int]:
    """Where the columns are in what is given: by name in frames, by position otherwise."""
    if callable(columns):
        raise NotCompiled("its columns are chosen by a function", f"step {name!r}")
    at = [int(i) for i in np.atleast_1d(np.asarray(step._transformer_to_input_indices[name], dtype=int))]
    names = getattr(step, "feature_names_in_", None)
    if names is None or isinstance(given, Numbers) or given.plan.signature.container == "numpy":
        return at
    offered = labels([field.column for field in given.fields])
    wanted = [names[i] for i in at]
    if any(name not in offered for name in wanted):
        raise NotCompiled("it reads columns that the snapshot's data does not have", f"step {name!r}")
    return [offered.index(name) for name in wanted]


def _taken(given: Stage, at: list[int]) -> Stage:
    if isinstance(given, Fields):
        return given.take(at)
    index = np.array(at)
    return given.then(lambda x: x[..., index], width=len(at))


def _joinable(stage: Stage, name: str) -> Numbers:
    try:
        return as_numbers(stage)
    except NotCompiled as reason:
        raise NotCompiled(f"it passes on what is not numeric: {reason}", f"step {name!r}") from None


def _weighted(stage: Numbers, weight: float | None) -> Numbers:
    return stage if weight is None else stage.then(lambda x: x * weight)


def _joined(parts: Sequence[Numbers], given: Stage, *, sparse: bool) -> Numbers:
    if not parts:
        raise NotCompiled("it answers without columns")
    exact = all(part.exact for part in parts)
    width = sum(part.width for part in parts)
    dtype = np.result_type(*(part.dtype for part in parts))
    runs = [part.run for part in parts]
    if len(runs) == 1:
        return Numbers(runs[0], width, dtype, given.plan, exact, sparse)
    return Numbers(
        lambda rows: np.concatenate([run(rows) for run in runs], axis=-1), width, dtype, given.plan, exact, sparse
    )


def _over_numbers(given: Numbers, compile_parts: Callable[[Numbers], Stage]) -> Stage:
    """Compute an array once for all parts that read it."""
    shared = Numbers(lambda x: x.copy(), given.width, given.dtype, given.plan, given.exact, given.sparse)
    made = compile_parts(shared)
    if isinstance(made, Fields):
        return made
    return given.then(made.run, width=made.width, dtype=made.dtype, exact=made.exact, sparse=made.sparse)


def feature_union(step: Any, given: Stage) -> Stage:
    """Compile transformers of the same columns, and join what they make."""
    if isinstance(given, Numbers):
        return _over_numbers(given, lambda numbers: _united(step, numbers))
    return _united(step, given)


def _united(step: Any, given: Stage) -> Stage:
    weights = step.transformer_weights or {}
    parts = []
    for name, transformer in step.transformer_list:
        if transformer == "drop":
            continue
        stage = given if transformer == "passthrough" else compile_transformer(transformer, given, name)
        parts.append(_weighted(_joinable(stage, name), weights.get(name)))
    return _joined(parts, given, sparse=any(part.sparse for part in parts))

"""scikit-learn's trees and forests by Treelite: rows cast to float32 first, sums in the order of the trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nbdeploy.compilers.deciding import labels
from nbdeploy.compilers.gtil import forest_of
from nbdeploy.compilers.stages import NotCompiled, Numbers, Stage, all_finite, as_numbers, only_exact, some_infinite
from nbdeploy.compilers.steps import Final
from nbdeploy.compilers.twin import Answer, Unsure

__all__ = ["forest_classifier", "forest_regressor", "in_order", "isolation_forest", "single"]


def single(given: Stage, *, missing: bool) -> Numbers:
    """Return rows as scikit-learn's trees read them: as float32, held as Treelite compares them, in float64.

    Parameters
    ----------
    missing : bool
        Whether NaN is allowed. Other rows that are not finite go to native code, which refuses them.
    """
    numbers = only_exact(as_numbers(given), "a tree")

    def run(x: Any) -> Any:
        with np.errstate(over="ignore"):
            x = x.astype(np.float32)
        if some_infinite(x) if missing else not all_finite(x):
            raise Unsure
        return x.astype(np.float64)

    return numbers.then(run, dtype=np.dtype(np.float64))


def in_order(scores: Any) -> Any:
    """Sum the values of all trees one after the other; arrays of shape (…, trees, values)."""
    if scores.ndim == 2:
        return np.add.accumulate(scores, axis=0)[-1]
    total = scores[:, 0].copy()
    for i in range(1, scores.shape[1]):
        total += scores[:, i]
    return total


def _forest(model: Any, given: Stage) -> Callable[[Any], Any]:
    """Return what answers rows with the mean of all trees' leaf values, shape (…, outputs * classes)."""
    alone = not hasattr(model, "estimators_")
    members = [model] if alone else model.estimators_
    trees = [member.tree_ for member in members]
    numbers = single(given, missing=bool(members[0]._support_missing_values(np.zeros((1, 1)))))
    values = [tree.value.reshape(tree.node_count, -1) for tree in trees]
    forest = forest_of(trees, values, [tree.feature for tree in trees], numbers.width)
    numbers.plan.count(cells=forest.shape[0] * forest.shape[1])
    count = len(trees)

    def mean(x: Any) -> Any:
        scores = forest.scores(x)
        return scores[..., 0, :] if alone else in_order(scores) / count

    return numbers.then(mean).run


def forest_classifier(model: Any, given: Stage) -> Final:
    """Compile a tree or a forest that classifies, of one output or several."""
    run = _forest(model, given)
    outputs = model.n_outputs_
    counts = [int(n) for n in np.atleast_1d(model.n_classes_)]
    classes = [np.asarray(c) for c in (model.classes_ if outputs > 1 else [model.classes_])]
    widest = max(counts)

    def probability(rows: Any) -> Any:
        out = run(rows)
        if outputs == 1:
            return out
        parts = out.reshape(*out.shape[:-1], outputs, widest)
        return [np.ascontiguousarray(parts[..., k, : counts[k]]) for k in range(outputs)]

    def logarithm(rows: Any) -> Answer:
        out = probability(rows)
        with np.errstate(divide="ignore"):
            return ([np.log(part) for part in out] if outputs > 1 else np.log(out)), None

    def predict(rows: Any) -> Answer:
        out = probability(rows)
        if outputs == 1:
            return labels(classes[0], out.argmax(axis=-1)), None
        return np.stack([labels(c, part.argmax(axis=-1)) for c, part in zip(classes, out, strict=True)], axis=-1), None

    return {
        "predict": (predict, True),
        "predict_log_proba": (logarithm, True),
        "predict_proba": (lambda rows: (probability(rows), None), True),
    }


def forest_regressor(model: Any, given: Stage) -> Final:
    """Compile a tree or a forest that predicts numbers, of one output or several."""
    run = _forest(model, given)
    if model.n_outputs_ == 1:
        return {"predict": (lambda rows: (run(rows)[..., 0], None), True)}
    return {"predict": (lambda rows: (run(rows), None), True)}


def isolation_forest(model: Any, given: Stage) -> Final:
    """Compile an isolation forest: the mean depth of a row, as a score.

    Liu, Ting and Zhou, *Isolation Forest*, 2008, equation 2.
    """
    from sklearn.ensemble._iforest import _average_path_length

    numbers = single(given, missing=False)
    trees = [member.tree_ for member in model.estimators_]
    chosen = zip(trees, map(np.asarray, model.estimators_features_), strict=True)
    features = [np.where(tree.feature < 0, -2, subset[np.maximum(tree.feature, 0)]) for tree, subset in chosen]
    depths = zip(model._decision_path_lengths, model._average_path_length_per_tree, strict=True)
    forest = forest_of(trees, [(path + mean - 1.0)[:, None] for path, mean in depths], features, numbers.width)
    numbers.plan.count(cells=forest.shape[0])
    denominator = len(trees) * float(_average_path_length([model._max_samples])[0])
    if not denominator:
        raise NotCompiled("it was fitted with one row")
    offset = model.offset_

    def scores(rows: Any) -> Any:
        return -np.power(2.0, -(in_order(forest.scores(numbers.run(rows)))[..., 0] / denominator))

    return {
        "decision_function": (lambda rows: (scores(rows) - offset, None), True),
        "predict": (lambda rows: (np.where(scores(rows) - offset < 0, -1, 1), None), True),
        "score_samples": (lambda rows: (scores(rows), None), True),
    }

"""scikit-learn's gradient boosting by Treelite: the first guess, then the trees one after the other."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from scipy.special import expit

from nbdeploy.compilers.deciding import labels, softmax, two_columns
from nbdeploy.compilers.gtil import Forest, forest_of, imported
from nbdeploy.compilers.stages import NotCompiled, Numbers, Stage, floating, only_exact
from nbdeploy.compilers.steps import Final, compile_transformer
from nbdeploy.compilers.trees import single
from nbdeploy.compilers.twin import Answer, Method

__all__ = ["gradient_classifier", "gradient_regressor", "histogram_classifier", "histogram_regressor", "staged"]


def staged(
    forest: Forest, first: Any, parallel: int = 1, weigh: Callable[[Any], Any] | None = None
) -> Callable[[Any], Any]:
    """Return what sums scores in the order of the stages, beginning with the first guess.

    Parameters
    ----------
    forest : Forest
        Trees: each stage has some for every score, one score after the other. Trees whose leaves have vectors add to
        all scores.
    first : array of shape (c,)
        What each score begins with.
    parallel : int
        How many trees of a stage are for the same score.
    weigh : callable, optional
        Changes the trees' scores, arrays of shape (…, trees, values), before they are summed.
    """
    width = len(first)
    stages = forest.shape[0] * forest.shape[1] // (width * parallel)
    first = first.astype(forest.dtype)

    def run(x: Any) -> Any:
        scores = forest.scores(x)
        if weigh is not None:
            scores = weigh(scores)
        if parallel > 1 and forest.shape[1] == 1:
            scores = scores.reshape(*x.shape[:-1], stages, width, parallel).swapaxes(-1, -2)
        scores = scores.reshape(*x.shape[:-1], stages * parallel, width)
        if x.ndim == 1:
            return np.add.accumulate(np.concatenate([first[None], scores]), axis=0)[-1]
        total = np.broadcast_to(first, (len(x), width)).copy()
        for i in range(scores.shape[1]):
            total += scores[:, i]
        return total

    return run


def _gradient(model: Any, given: Stage) -> Callable[[Any], Any]:
    numbers = single(given, missing=False)
    if not isinstance(model.init_, str) and type(model.init_).__name__ not in {"DummyClassifier", "DummyRegressor"}:
        raise NotCompiled(f"its first guess is a {type(model.init_).__name__}")
    first = np.asarray(model._raw_predict_init(np.zeros((1, numbers.width), np.float32)), float)[0]
    trees = [member.tree_ for stage in model.estimators_ for member in stage]
    values = [(tree.value * model.learning_rate).reshape(tree.node_count, -1) for tree in trees]
    forest = forest_of(trees, values, [tree.feature for tree in trees], numbers.width)
    return _run(numbers, forest, first)


def _histogram(model: Any, given: Stage) -> Callable[[Any], Any]:
    from treelite.sklearn import import_model

    if getattr(model, "_preprocessor", None) is not None:
        given, model = _encoded(model, given)
    numbers = only_exact(floating(given), "a tree")
    if numbers.dtype != np.float64:
        numbers = numbers.then(lambda x: x.astype(np.float64), dtype=np.dtype(np.float64))
    first = np.asarray(model._baseline_prediction, float).reshape(-1)
    return _run(numbers, Forest(imported(import_model, model), numbers.width), first)


def _encoded(model: Any, given: Stage) -> tuple[Stage, Any]:
    """Return the rows with categories as codes, in the order of columns in which the trees know them, and the trees."""
    preparing, trees = copy(model._preprocessor), copy(model)
    preparing.transformers_ = [
        (name, "passthrough" if name == "numerical" else step, columns)
        for name, step, columns in preparing.transformers_
    ]
    trees._preprocessor = None
    return compile_transformer(preparing, given, "categories"), trees


def _run(numbers: Numbers, forest: Forest, first: Any) -> Callable[[Any], Any]:
    numbers.plan.count(cells=forest.shape[0])
    return numbers.then(staged(forest, first)).run


def gradient_classifier(model: Any, given: Stage) -> Final:
    """Compile ``GradientBoostingClassifier``; a score of zero is the second class."""
    return _classifier(model, _gradient(model, given), lambda score: score >= 0)


def histogram_classifier(model: Any, given: Stage) -> Final:
    """Compile ``HistGradientBoostingClassifier``; a score of zero is the first class."""
    return _classifier(model, _histogram(model, given), lambda score: score > 0)


def gradient_regressor(model: Any, given: Stage) -> Final:
    """Compile ``GradientBoostingRegressor``."""
    run = _gradient(model, given)
    return {"predict": (lambda rows: (run(rows)[..., 0], None), True)}


def histogram_regressor(model: Any, given: Stage) -> Final:
    """Compile ``HistGradientBoostingRegressor``, through the link of its loss."""
    run = _histogram(model, given)
    link = type(model._loss.link).__name__
    if link == "IdentityLink":
        return {"predict": (lambda rows: (run(rows)[..., 0], None), True)}
    if link != "LogLink":
        raise NotCompiled(f"its loss has a {link}")
    return {"predict": (lambda rows: (np.exp(run(rows)[..., 0]), None), True)}


def _classifier(model: Any, run: Callable[[Any], Any], second: Callable[[Any], Any]) -> Final:
    classes = np.asarray(model.classes_)
    binary = len(classes) == 2
    loss = type(model._loss).__name__
    if loss not in {"ExponentialLoss", "HalfBinomialLoss", "HalfMultinomialLoss"}:
        raise NotCompiled(f"its loss is {loss}")
    steep = 2.0 if loss == "ExponentialLoss" else 1.0

    def probability(rows: Any) -> Any:
        scores = run(rows)
        return two_columns(expit(steep * scores[..., 0])) if binary else softmax(scores)

    def predict(rows: Any) -> Answer:
        scores = run(rows)
        index = second(scores[..., 0]).astype(np.intp) if binary else scores.argmax(axis=-1)
        return labels(classes, index), None

    methods: dict[str, Method] = {
        "decision_function": lambda rows: (run(rows)[..., 0] if binary else run(rows), None),
        "predict": predict,
        "predict_proba": lambda rows: (probability(rows), None),
    }
    if hasattr(model, "predict_log_proba"):
        methods["predict_log_proba"] = lambda rows: (np.log(probability(rows)), None)
    return {name: (method, True) for name, method in methods.items()}

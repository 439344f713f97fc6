"""Naive Bayes: joint log likelihoods, and the posterior made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nbdeploy.compilers.deciding import best
from nbdeploy.compilers.scaling import above
from nbdeploy.compilers.stages import Stage, as_numbers, dot, finite, floating, in_rows, only_exact
from nbdeploy.compilers.steps import Final
from nbdeploy.compilers.twin import Answer, Unsure

__all__ = ["bernoulli", "categorical", "complement", "gaussian", "multinomial"]


def gaussian(model: Any, given: Stage) -> Final:
    """Compile Gaussian naive Bayes."""
    numbers = finite(floating(given))
    priors = np.log(model.class_prior_)
    constants = [-0.5 * np.sum(np.log(2.0 * np.pi * row)) for row in model.var_]
    parts = list(zip(priors, constants, model.theta_, model.var_, strict=True))

    numbers.plan.count(work=model.theta_.size)

    def likelihood(x: Any) -> Any:
        x = in_rows(x)
        joint = [
            prior + (constant - 0.5 * np.add.reduce(((x - mean) ** 2) / variance, axis=-1))
            for prior, constant, mean, variance in parts
        ]
        return np.stack(joint, axis=-1)

    return _methods(model, numbers.then(likelihood).run, exact=False)


def multinomial(model: Any, given: Stage) -> Final:
    """Compile multinomial naive Bayes."""
    return _product(model, given, model.feature_log_prob_, model.class_log_prior_)


def complement(model: Any, given: Stage) -> Final:
    """Compile complement naive Bayes."""
    prior = model.class_log_prior_ if len(model.classes_) == 1 else None
    return _product(model, given, model.feature_log_prob_, prior)


def bernoulli(model: Any, given: Stage) -> Final:
    """Compile Bernoulli naive Bayes: absent columns count too."""
    numbers = finite(floating(given))
    if model.binarize is not None:
        numbers = above(numbers, model.binarize, "BernoulliNB")
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    added = model.class_log_prior_ + absent.sum(axis=1)
    return _product(model, numbers, model.feature_log_prob_ - absent, added)


def categorical(model: Any, given: Stage) -> Final:
    """Compile categorical naive Bayes: a table of log probabilities per column."""
    numbers = only_exact(finite(as_numbers(given)), "CategoricalNB")
    tables = [np.ascontiguousarray(table.T) for table in model.feature_log_prob_]
    known = np.array([len(table) for table in tables])
    classes = len(model.classes_)

    def likelihood(x: Any) -> Any:
        at = x.astype(np.intp)
        if (at < 0).any() or (at >= known).any():
            raise Unsure
        joint = np.zeros((*x.shape[:-1], classes))
        for i, table in enumerate(tables):
            joint += table[at[..., i]]
        return joint + model.class_log_prior_

    return _methods(model, numbers.then(likelihood).run, exact=True)


def _product(model: Any, given: Stage, weights: Any, added: Any | None) -> Final:
    numbers = finite(floating(given))
    product = dot(numbers, weights)
    run = numbers.then(product if added is None else lambda x: product(x) + added).run
    return _methods(model, run, exact=numbers.exact and numbers.sparse)


def _methods(model: Any, likelihood: Callable[[Any], Any], *, exact: bool) -> Final:
    classes = np.asarray(model.classes_)

    def predict(rows: Any) -> Answer:
        joint = likelihood(rows)
        return best(classes, joint, None if exact else np.abs(joint).max(axis=-1))

    def logarithm(rows: Any) -> Any:
        joint = likelihood(rows)
        return joint - _log_sum(joint)

    return {
        "predict": (predict, exact),
        "predict_log_proba": (lambda rows: (logarithm(rows), None), exact),
        "predict_proba": (lambda rows: (np.exp(logarithm(rows)), None), exact),
    }


def _log_sum(joint: Any) -> Any:
    """Logarithm of the sum of exponentials, with the largest taken out, as in SciPy's ``logsumexp``."""
    largest = joint.max(axis=-1, keepdims=True)
    at = joint == largest
    count = at.sum(axis=-1, keepdims=True, dtype=joint.dtype)
    rest = np.where(at, -np.inf, joint) - np.where(np.isfinite(largest), largest, 0)
    total = np.exp(rest).sum(axis=-1, keepdims=True)
    return np.log1p(np.where(total == 0, total, total / count)) + np.log(count) + largest

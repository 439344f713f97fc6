"""XGBoost and LightGBM by Treelite, summed in the order and the type in which each sums."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nbdeploy.compilers.boosting import staged
from nbdeploy.compilers.deciding import labels, two_columns
from nbdeploy.compilers.gtil import Forest
from nbdeploy.compilers.stages import Fields, NotCompiled, Numbers, Stage, as_numbers, only_exact
from nbdeploy.compilers.steps import Final
from nbdeploy.compilers.twin import Answer, Method, Unsure

__all__ = ["lightgbm_classifier", "lightgbm_regressor", "xgboost_classifier", "xgboost_regressor"]


def _numbers(given: Stage, dtype: Any) -> Numbers:
    """Rows in the type that the framework compares; NaN is missing there, infinities are left to it."""
    if isinstance(given, Fields) and any(field.column.type == "categorical" for field in given.fields):
        raise NotCompiled("it has categorical columns")
    numbers = only_exact(as_numbers(given), "a tree")

    def run(x: Any) -> Any:
        with np.errstate(over="ignore"):
            x = x.astype(dtype)
        if np.isinf(x).any():
            raise Unsure
        return x

    return numbers.then(run, dtype=np.dtype(dtype))


def _margins(numbers: Numbers, model: Any, first: Any) -> Callable[[Any], Any]:
    forest = Forest(model, numbers.width)
    if forest.shape[1] != 1:
        raise NotCompiled("its leaves have vectors")
    numbers.plan.count(cells=forest.shape[0])
    return numbers.then(staged(forest, first)).run


def _xgboost(model: Any, given: Stage, objectives: set[str]) -> tuple[Callable[[Any], Any], str]:
    """Return what gives the margins (…, c) in float32, and the objective."""
    from treelite.frontend import from_xgboost

    booster = model.get_booster()
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["objective"]["name"]
    if objective not in objectives:
        raise NotCompiled(f"its objective is {objective}")
    if learner["learner_train_param"]["booster"] != "gbtree" or not _nan(model.missing):
        raise NotCompiled("it is not a gbtree booster with NaN for missing")
    if any(kind == "c" for kind in booster.feature_types or ()):
        raise NotCompiled("it has categorical columns")
    best = getattr(model, "best_iteration", None) if _stopped_early(model) else None
    if best is not None:
        booster = booster[: best + 1]
    params = learner["learner_model_param"]
    width = max(int(params["num_class"]), 1) * max(int(params.get("num_target", 1)), 1)
    base = np.array([float(value) for value in params["base_score"].strip("[]").split(",")], np.float32)
    numbers = _numbers(given, np.float32)
    return _margins(numbers, from_xgboost(booster), np.broadcast_to(_margin(base, objective), (width,))), objective


def _stopped_early(model: Any) -> bool:
    try:
        return model.best_iteration is not None
    except AttributeError:
        return False


def _nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _margin(base: Any, objective: str) -> Any:
    """The first guess as a margin, in float32 as XGBoost computes it."""
    if objective in {"binary:logistic", "reg:logistic"}:
        one = np.float32(1)
        return (-np.log((one / base - one).astype(np.float64))).astype(np.float32)
    return np.log(base.astype(np.float64)).astype(np.float32) if objective in _POSITIVE else base


_POSITIVE = {"count:poisson", "reg:gamma", "reg:tweedie"}
_PLAIN = {"reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"}


def xgboost_regressor(model: Any, given: Stage) -> Final:
    """Compile ``XGBRegressor``."""
    run, objective = _xgboost(model, given, _PLAIN | _POSITIVE)

    def predict(rows: Any) -> Answer:
        margin = run(rows)
        margin = _exp(margin) if objective in _POSITIVE else margin
        return (margin[..., 0] if margin.shape[-1] == 1 else margin), None

    return {"predict": (predict, True)}


def xgboost_classifier(model: Any, given: Stage) -> Final:
    """Compile ``XGBClassifier``."""
    run, objective = _xgboost(model, given, {"binary:logistic", "multi:softprob"})
    classes = np.asarray(model.classes_)

    def probability(rows: Any) -> Any:
        margin = run(rows)
        if objective == "binary:logistic":
            limited = np.minimum(-margin[..., 0], np.float32(88.7))
            return two_columns(np.float32(1) / (_exp(limited) + np.float32(1)))
        grown = _exp(margin - margin.max(axis=-1, keepdims=True))
        total = np.add.accumulate(grown.astype(np.float64), axis=-1)[..., -1:]
        return grown / total.astype(np.float32)

    def predict(rows: Any) -> Answer:
        p = probability(rows)
        index = (p[..., 1] > 0.5).astype(np.intp) if objective == "binary:logistic" else p.argmax(axis=-1)
        return labels(classes, index), None

    return {"predict": (predict, True), "predict_proba": (lambda rows: (probability(rows), None), True)}


def _exp(x: Any) -> Any:
    """Exponential in float32, rounded from float64: as correct as that of the C library, unlike NumPy's own."""
    return np.exp(x.astype(np.float64)).astype(np.float32)


def _libm_exp(x: Any) -> Any:
    """Exponential by the C library, as LightGBM computes it; NumPy's own differs in last bits."""
    with_rows = np.asarray(x)
    return np.fromiter(map(math.exp, with_rows.ravel().tolist()), np.float64, with_rows.size).reshape(with_rows.shape)


def _lightgbm(model: Any, given: Stage, objectives: set[str]) -> tuple[Callable[[Any], Any], str]:
    """Return what gives the raw scores (…, c), and the objective."""
    from treelite.frontend import from_lightgbm

    booster = model.booster_
    head = booster.model_to_string(num_iteration=1).split("\nTree=")[0]
    facts = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    objective = facts.get("objective", "").split(" ")[0]
    if objective not in objectives or "average_output" in head or booster.pandas_categorical:
        raise NotCompiled(f"its objective is {objective or 'not known'}, or it averages, or has categorical columns")
    if "sigmoid:1" not in facts["objective"] and objective == "binary":
        raise NotCompiled("its logistic function is scaled")
    width = int(facts["num_tree_per_iteration"])
    return _margins(_numbers(given, np.float64), from_lightgbm(booster), np.zeros(width)), objective


_IDENTITY = {"regression", "regression_l1", "huber", "fair", "quantile", "mape"}
_EXPONENTIAL = {"poisson", "gamma", "tweedie"}


def lightgbm_regressor(model: Any, given: Stage) -> Final:
    """Compile ``LGBMRegressor``."""
    run, objective = _lightgbm(model, given, _IDENTITY | _EXPONENTIAL)
    grown = _libm_exp if objective in _EXPONENTIAL else (lambda x: x)
    return {"predict": (lambda rows: (grown(run(rows)[..., 0]), None), True)}


def lightgbm_classifier(model: Any, given: Stage) -> Final:
    """Compile ``LGBMClassifier``."""
    run, objective = _lightgbm(model, given, {"binary", "multiclass"})
    classes = np.asarray(model.classes_)

    def probability(rows: Any) -> Any:
        raw = run(rows)
        if objective == "binary":
            return two_columns(1.0 / (1.0 + _libm_exp(-raw[..., 0])))
        grown = _libm_exp(raw - raw.max(axis=-1, keepdims=True))
        return grown / np.add.accumulate(grown, axis=-1)[..., -1:]

    def predict(rows: Any) -> Answer:
        p = probability(rows)
        return labels(classes, p.argmax(axis=-1)), None

    methods: dict[str, Method] = {"predict": predict, "predict_proba": lambda rows: (probability(rows), None)}
    return {name: (method, True) for name, method in methods.items()}

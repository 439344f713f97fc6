"""XGBoost by Treelite, summed in the order and the type in which it sums: float32 from the first guess on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbdeploy.compilers.boosting import staged
from nbdeploy.compilers.categories import with_codes
from nbdeploy.compilers.clibrary import exp, exp_single, log_single
from nbdeploy.compilers.deciding import labels, two_columns
from nbdeploy.compilers.gtil import Forest, imported
from nbdeploy.compilers.stages import NotCompiled, Stage, some_infinite
from nbdeploy.compilers.steps import Final
from nbdeploy.compilers.twin import Answer, Unsure

__all__ = ["booster", "classifier", "regressor"]

_ONE = np.float32(1)
_LOGISTIC = {"binary:logistic", "reg:logistic"}
_LOGARITHMIC = {"count:poisson", "reg:gamma", "reg:tweedie", "survival:aft", "survival:cox"}
_PLAIN = {
    "binary:logitraw", "rank:map", "rank:ndcg", "rank:pairwise", "reg:absoluteerror", "reg:pseudohubererror",
    "reg:quantileerror", "reg:squarederror", "reg:squaredlogerror",
}  # fmt: skip
_CLASSES = {"multi:softmax", "multi:softprob"}
_KNOWN = _PLAIN | _LOGISTIC | _LOGARITHMIC | _CLASSES | {"binary:hinge"}


@dataclass(frozen=True)
class _Margins:
    """A booster, compiled as far as its margins.

    Attributes
    ----------
    run : callable
        Computes them from rows, in float32: arrays of shape (…, width).
    width : int
        How many there are per row.
    objective : str
        What makes answers of them.
    """

    run: Callable[[Any], Any]
    width: int
    objective: str

    def values(self, rows: Any) -> Any:
        """Return what the objective makes of the margins, in the shape in which XGBoost answers."""
        margin = self.run(rows)
        if self.objective in _CLASSES:
            return _softmax(margin) if self.objective == "multi:softprob" else margin.argmax(axis=-1).astype(np.float32)
        if self.objective in _LOGISTIC:
            margin = _ONE / (exp_single(np.minimum(-margin, np.float32(88.7))) + _ONE)
        elif self.objective in _LOGARITHMIC:
            double = self.objective == "survival:aft"
            margin = exp(margin).astype(np.float32) if double else exp_single(margin)
        elif self.objective == "binary:hinge":
            margin = (margin > 0).astype(np.float32)
        return margin[..., 0] if self.width == 1 else margin


def _softmax(margin: Any) -> Any:
    """Exponentials in float32, their sum in float64 and rounded, as XGBoost's ``common/math.h`` has it."""
    grown = exp_single(margin - margin.max(axis=-1, keepdims=True))
    return grown / np.add.accumulate(grown.astype(np.float64), axis=-1)[..., -1:].astype(np.float32)


def _margins(model: Any, given: Stage, missing: float, rounds: int | None = None, *, in_place: bool) -> _Margins:
    learner = json.loads(model.save_config())["learner"]
    objective, inner = learner["objective"]["name"], learner["gradient_booster"]
    if objective not in _KNOWN:
        raise NotCompiled(f"its objective is {objective}")
    if inner["name"] not in {"dart", "gbtree"}:
        raise NotCompiled(f"its booster is {inner['name']}, which has no trees")
    params = learner["learner_model_param"]
    width = max(int(params["num_class"]), 1) * max(int(params.get("num_target", 1)), 1)
    base = np.array([float(value) for value in params["base_score"].strip("[]").split(",")], np.float32)
    first = np.broadcast_to(_first(base, objective), (width,))
    read = with_codes(given, _categories(model), np.float32, unknown_is_error=True).then(_ready(np.float32(missing)))
    parallel = int(inner.get("gbtree", inner)["gbtree_model_param"]["num_parallel_tree"])
    forest, weights = _forest(model if rounds is None else model[:rounds], read.width)
    read.plan.count(cells=forest.shape[0] * forest.shape[1])
    weigh = None if weights is None else _weighing(weights, first.repeat(parallel) if in_place else None)
    return _Margins(read.then(staged(forest, first, parallel, weigh)).run, width, objective)


def _forest(model: Any, columns: int) -> tuple[Forest, Any]:
    """Return the trees, and what each counts where training dropped some.

    Treelite reads neither the names of categories, which are looked up before, nor weights without rounding.
    """
    from treelite.frontend import from_xgboost, from_xgboost_json

    named = any(kind == "c" for kind in model.feature_types or ())
    if not named and '"name":"dart"' not in model.save_config():
        return Forest(imported(from_xgboost, model), columns), None
    document = json.loads(model.save_raw("json"))
    found = document["learner"]["gradient_booster"]
    weights = found.get("weight_drop")
    document["learner"]["gradient_booster"] = found = found.get("gbtree", found)
    found["model"]["cats"] = {"enc": [], "feature_segments": [], "sorted_idx": []}
    forest = Forest(imported(from_xgboost_json, json.dumps(document)), columns)
    return forest, None if weights is None else np.array(weights, np.float32)[:, None]


def _weighing(weights: Any, first: Any | None) -> Callable[[Any], Any]:
    """Return what weighs the scores of trees. In place, each tree begins with the first guess, and loses it again."""
    if first is None:
        return lambda scores: scores * weights
    start = np.resize(first, len(weights))[:, None]
    return lambda scores: (start + scores - start) * weights


def _ready(missing: Any) -> Callable[[Any], Any]:
    """Return what marks missing values; infinities are left to XGBoost."""

    def run(x: Any) -> Any:
        if some_infinite(x):
            raise Unsure
        if missing == missing:
            x[x == missing] = np.nan
        return x

    return run


def _categories(model: Any) -> dict[int, list[Any]]:
    """The categories of each column that has some, in the order of their codes."""
    at = [i for i, kind in enumerate(model.feature_types or ()) if kind == "c"]
    if not at:
        return {}
    known = model.get_categories(export_to_arrow=True).to_arrow()
    named = [known[i][1] for i in at]
    if any(found is None for found in named):
        raise NotCompiled("it does not know the names of its categories")
    return {i: found.to_pylist() for i, found in zip(at, named, strict=True)}


def _first(base: Any, objective: str) -> Any:
    """The first guess as a margin."""
    if objective in _LOGISTIC:
        return -log_single(_ONE / base - _ONE)
    return log_single(base) if objective in _LOGARITHMIC else base


def _estimator(model: Any, given: Stage) -> _Margins:
    """An estimator of its scikit-learn interface answers by the best round, where training stopped early."""
    best = getattr(model, "best_iteration", None)
    return _margins(model.get_booster(), given, model.missing, None if best is None else best + 1, in_place=True)


def booster(model: Any, given: Stage) -> Final:
    """Compile a ``Booster``."""
    margins = _margins(model, given, float("nan"), in_place=False)
    return {"predict": (lambda rows: (margins.values(rows), None), True)}


def regressor(model: Any, given: Stage) -> Final:
    """Compile ``XGBRegressor``, ``XGBRFRegressor`` and ``XGBRanker``."""
    margins = _estimator(model, given)
    return {"predict": (lambda rows: (margins.values(rows), None), True)}


def classifier(model: Any, given: Stage) -> Final:
    """Compile ``XGBClassifier`` and ``XGBRFClassifier``."""
    margins = _estimator(model, given)
    several = margins.objective in _CLASSES
    if not several and margins.width != 1:
        raise NotCompiled("it answers several labels")
    classes = np.asarray(model.classes_)

    def probability(rows: Any) -> Answer:
        if margins.objective == "multi:softmax":
            return _scipy_softmax(margins.run(rows)), None
        values = margins.values(rows)
        return (values if several else two_columns(values)), None

    def predict(rows: Any) -> Answer:
        values = margins.values(rows)
        if margins.objective == "multi:softmax":
            return values.astype(np.int32), None
        index = values.argmax(axis=-1) if several else (values > 0.5).astype(np.intp)
        return labels(classes, index), None

    return {"predict": (predict, True), "predict_proba": (probability, True)}


def _scipy_softmax(margin: Any) -> Any:
    """Probabilities of a model that was trained for classes only: its scikit-learn interface asks SciPy for them."""
    from scipy.special import softmax

    return softmax(margin, axis=-1)

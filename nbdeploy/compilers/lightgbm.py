"""LightGBM by Treelite, summed in float64 in the order of its trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbdeploy.compilers.boosting import staged
from nbdeploy.compilers.categories import with_codes
from nbdeploy.compilers.clibrary import exp, log1p
from nbdeploy.compilers.deciding import labels, two_columns
from nbdeploy.compilers.gtil import Forest, imported
from nbdeploy.compilers.stages import NotCompiled, Stage, some_infinite
from nbdeploy.compilers.steps import Final
from nbdeploy.compilers.twin import Answer, Unsure

__all__ = ["booster", "classifier", "regressor"]

_IDENTITY = {"fair", "huber", "lambdarank", "mape", "quantile", "rank_xendcg", "regression", "regression_l1"}
_EXPONENTIAL = {"gamma", "poisson", "tweedie"}
_LOGISTIC = {"binary", "cross_entropy", "multiclassova"}
_KNOWN = _IDENTITY | _EXPONENTIAL | _LOGISTIC | {"cross_entropy_lambda", "multiclass"}

_CATEGORICAL = 1
_MISSING_IS_ZERO = 1
_ZERO = float(np.float32(1e-35))
"""``kZeroThreshold``: what is no larger is a zero."""
_NO_CATEGORY = float(2**23)
"""A category that no tree has: it goes right, as missing and negative ones do."""


@dataclass(frozen=True)
class _Trees:
    """What the text of a model says of its trees.

    Attributes
    ----------
    facts : mapping of str to str
        The lines of its head.
    averages : bool
        Whether scores are divided by the number of rounds.
    categorical, zero : array of int
        Columns that are split by category, and columns of which zeros are missing.
    """

    facts: Mapping[str, str]
    averages: bool
    categorical: Any
    zero: Any


def _read(text: str) -> _Trees:
    head, *trees = text.split("\nTree=")
    facts = _facts(head)
    if any("\nis_linear=1" in tree for tree in trees):
        raise NotCompiled("its trees have linear models for leaves")
    kinds: dict[int, set[int]] = {}
    for tree in trees:
        lines = _facts(tree)
        columns, decisions = (lines.get(name, "").split() for name in ("split_feature", "decision_type"))
        for column, decision in zip(columns, decisions, strict=True):
            kinds.setdefault(int(column), set()).add(int(decision))
    categorical = [column for column, found in kinds.items() if any(kind & _CATEGORICAL for kind in found)]
    numeric = kinds.keys() - set(categorical)
    missing = {column: {kind >> 2 & 3 for kind in kinds[column]} for column in sorted(numeric)}
    zero = [column for column, found in missing.items() if _MISSING_IS_ZERO in found]
    if any(len(missing[column]) > 1 for column in zero):
        raise NotCompiled("its trees treat missing values of one column differently")
    return _Trees(facts, "\naverage_output" in head, np.array(categorical, int), np.array(zero, int))


def _facts(text: str) -> dict[str, str]:
    """Name to value, of the lines that have both."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@dataclass(frozen=True)
class _Scores:
    """A booster, compiled as far as its scores.

    Attributes
    ----------
    run : callable
        Computes them from rows: arrays of shape (…, width).
    width : int
        How many there are per row.
    convert : callable
        Makes answers of them.
    """

    run: Callable[[Any], Any]
    width: int
    convert: Callable[[Any], Any]

    def values(self, rows: Any) -> Any:
        """Return answers in the shape in which LightGBM gives them."""
        values = self.convert(self.run(rows))
        return values[..., 0] if self.width == 1 else values


def _scores(model: Any, given: Stage) -> _Scores:
    text = model.model_to_string()
    trees = _read(text)
    objective, *options = trees.facts.get("objective", "").split(" ")
    if objective not in _KNOWN:
        raise NotCompiled(f"its objective is {objective or 'its own'}")
    read = with_codes(given, _categories(model, given), np.float64).then(_ready(trees))
    forest = _forest(model, text, read.width, zeros=len(trees.zero) > 0)
    read.plan.count(cells=forest.shape[0])
    width = int(trees.facts["num_tree_per_iteration"])
    run = read.then(staged(forest, np.zeros(width))).run
    rounds = forest.shape[0] // width
    return _Scores((lambda rows: run(rows) / rounds) if trees.averages else run, width, _converter(objective, options))


def _forest(model: Any, text: str, columns: int, *, zeros: bool) -> Forest:
    """Return the trees. Treelite knows NaN for missing only, and gets the ones of which zeros are missing as such."""
    from treelite.frontend import from_lightgbm

    if zeros:
        lines = (line for line in text.split("\n") if not line.startswith("tree_sizes="))
        model = type(model)(model_str="\n".join(map(_missing_is_nan, lines)))
    return Forest(imported(from_lightgbm, model), columns)


def _missing_is_nan(line: str) -> str:
    name, _, decisions = line.partition("=")
    if name != "decision_type":
        return line
    kinds = map(int, decisions.split())
    return f"{name}={' '.join(str(kind ^ 12 if kind >> 2 & 3 == _MISSING_IS_ZERO else kind) for kind in kinds)}"


def _ready(trees: _Trees) -> Callable[[Any], Any]:
    """Return what marks values as LightGBM understands them; infinities are left to it."""
    categorical, zero = trees.categorical, trees.zero

    def run(x: Any) -> Any:
        if some_infinite(x):
            raise Unsure
        if len(categorical):
            whole = np.trunc(x[..., categorical])
            x[..., categorical] = np.where((whole >= 0) & (whole < _NO_CATEGORY), whole, _NO_CATEGORY)
        if len(zero):
            part = x[..., zero]
            x[..., zero] = np.where(np.abs(part) > _ZERO, part, np.nan)
        return x

    return run


def _categories(model: Any, given: Stage) -> dict[int, list[Any]]:
    """The categories of each column of the data that has some: LightGBM knows them by the order of these columns."""
    known = model.pandas_categorical or []
    fields = getattr(given, "fields", ())
    at = [i for i, field in enumerate(fields) if field.column.type == "categorical"]
    if len(at) != len(known):
        raise NotCompiled(f"it was trained with {len(known)} columns of categories, and gets {len(at)}")
    return dict(zip(at, known, strict=True))


def _converter(objective: str, options: list[str]) -> Callable[[Any], Any]:
    """Return what makes answers of scores, as the objective's ``ConvertOutput`` does."""
    if objective in _LOGISTIC:
        sigmoid = next((float(option[8:]) for option in options if option.startswith("sigmoid:")), 1.0)
        return lambda scores: 1.0 / (1.0 + exp(-sigmoid * scores))
    if objective in _EXPONENTIAL:
        return exp
    if objective == "cross_entropy_lambda":
        return lambda scores: log1p(exp(scores))
    if objective == "multiclass":
        return _softmax
    return (lambda scores: np.sign(scores) * scores * scores) if "sqrt" in options else lambda scores: scores


def _softmax(scores: Any) -> Any:
    grown = exp(scores - scores.max(axis=-1, keepdims=True))
    return grown / np.add.accumulate(grown, axis=-1)[..., -1:]


def booster(model: Any, given: Stage) -> Final:
    """Compile a ``Booster``."""
    scores = _scores(model, given)
    return {"predict": (lambda rows: (scores.values(rows), None), True)}


def regressor(model: Any, given: Stage) -> Final:
    """Compile ``LGBMRegressor`` and ``LGBMRanker``."""
    return booster(model.booster_, given)


def classifier(model: Any, given: Stage) -> Final:
    """Compile ``LGBMClassifier``."""
    scores = _scores(model.booster_, given)
    classes = np.asarray(model.classes_)

    def probability(rows: Any) -> Any:
        values = scores.values(rows)
        return two_columns(values) if scores.width == 1 else values

    def predict(rows: Any) -> Answer:
        return labels(classes, probability(rows).argmax(axis=-1)), None

    return {"predict": (predict, True), "predict_proba": (lambda rows: (probability(rows), None), True)}

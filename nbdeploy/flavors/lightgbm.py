"""LightGBM's boosters and scikit-learn estimators, in its own text format."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.native import Native, plain

__all__ = ["FLAVOR"]

BOOSTER = "Booster"
_KEPT = ("_n_features", "_n_features_in", "_n_classes", "_best_iteration", "_objective", "_fitted_with_feature_names")
_CATEGORICAL = 1
_LEAVES = frozenset({"leaf_value", "leaf_weight", "leaf_count"})
_NODES = frozenset(
    {"decision_type", "internal_count", "internal_value", "internal_weight", "left_child", "right_child"}
    | {"split_feature", "split_gain", "threshold"}
)
_OTHER = frozenset(
    {"cat_boundaries", "cat_threshold", "is_linear", "leaf_coeff", "leaf_const", "leaf_features", "num_cat"}
    | {"num_features", "num_leaves", "shrinkage"}
)
_WHOLE = frozenset(
    {"cat_boundaries", "cat_threshold", "decision_type", "internal_count", "is_linear", "leaf_count", "leaf_features"}
    | {"left_child", "num_cat", "num_features", "num_leaves", "right_child", "split_feature"}
)
_TAIL = re.compile(
    r"\s*end of trees\n+feature_importances:\n(?:[^\n]*=\d+\n)*\n*"
    r"(?:parameters:\n(?P<parameters>(?:\[[^\n]*\]\n)*)\n*end of parameters\n+)?pandas_categorical:[^\n]+\n"
)
_RANGES = re.compile(r"^feature_infos=(.*)$", re.MULTILINE)
_PARAMETER = re.compile(r"\[(\w+): ([^\[\]]*)\]")
_INTEGER = re.compile(r"-?\d{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d{1,4})?|inf|nan)")


class LightGBM(Native):
    """See :class:`nbdeploy.flavors.Flavor`."""

    package = "lightgbm"
    file = "model/model.txt"
    kinds = frozenset({BOOSTER, "LGBMClassifier", "LGBMRanker", "LGBMRegressor"})

    def call(self, model: Any, method: str, data: Any) -> Any:
        if type(model).__name__ != BOOSTER:
            return super().call(model, method, data)
        return model.predict(data, num_threads=1)

    def pack(self, model: Any) -> tuple[bytes, dict[str, Any]]:
        if type(model).__name__ == BOOSTER:
            return _text(model), {"best_iteration": int(model.best_iteration)}
        if callable(model.objective_):
            raise NotCapturable("LightGBM's own format does not hold the objective of a model that brings its own")
        classes = getattr(model, "_classes", None)
        return _text(model.booster_), {
            "best_iteration": int(model.booster_.best_iteration),
            "parameters": plain(model.get_params(deep=False)),
            "attributes": plain({name: getattr(model, name, None) for name in _KEPT}),
            "classes": None if classes is None else {"dtype": classes.dtype.str, "values": classes.tolist()},
        }

    def unpack(self, raw: bytes, kind: type, document: dict[str, Any]) -> Any:
        from lightgbm import Booster

        text = raw.decode()
        check(text)
        booster = Booster(model_str=text)
        booster.best_iteration = int(document["best_iteration"])
        if kind is Booster:
            return booster
        model: Any = kind(**{**document["parameters"], "n_jobs": 1})
        attributes = {name: document["attributes"].get(name) for name in _KEPT}
        vars(model).update({**attributes, "_Booster": booster, "fitted_": True})
        if kind.__name__ == "LGBMClassifier":
            vars(model).update(_labels(document["classes"]))
            _require(len(model._classes) == model._n_classes)
        return model


FLAVOR = LightGBM()


def _text(booster: Any) -> bytes:
    """All trees, also those after the best iteration, without the lowest and highest value of every column.

    Those are somebody's own, and no answer depends on them; LightGBM writes ``none`` of a column that it did not use.
    """
    text = str(booster.model_to_string(num_iteration=-1))
    return _RANGES.sub(lambda found: "feature_infos=" + " ".join(["none"] * len(found[1].split(" "))), text, 1).encode()


def _labels(document: dict[str, Any]) -> dict[str, Any]:
    """The attributes in which the estimator keeps its classes."""
    from sklearn.preprocessing import LabelEncoder

    dtype = np.dtype(document["dtype"])
    classes = np.array(document["values"], dtype=dtype)
    encoder = LabelEncoder()
    encoder.classes_ = classes
    return {"_classes": classes, "_le": encoder, "_class_map": {label: i for i, label in enumerate(classes)}}


def check(text: str) -> None:
    """Check what LightGBM follows without looking: the nodes of trees, their columns and categories.

    Raises
    ------
    ValueError
        If the text ends early, or something points outside of the model.
    """
    head, _, _ = text.partition("\n\n")
    facts = _facts(head)
    columns = int(facts["max_feature_idx"]) + 1
    _require(0 < columns == len(facts["feature_names"].split(" ")) == len(facts["feature_infos"].split(" ")))
    _require(int(facts["num_class"]) > 0 and int(facts["num_tree_per_iteration"]) > 0)
    raw = text.encode()
    at = raw.index(b"Tree=0\n") if facts.get("tree_sizes") else raw.index(b"end of trees")
    sizes = [int(size) for size in facts.get("tree_sizes", "").split()]
    for number, size in enumerate(sizes):
        tree = raw[at : at + size].decode()
        _require(size > 0 and tree.startswith(f"Tree={number}\n"))
        _require(all(line.count("=") == 1 for line in tree.rstrip("\n").split("\n")))
        _check_tree(_facts(tree), columns)
        at += size
    _require(len(sizes) % int(facts["num_tree_per_iteration"]) == 0)
    _check_tail(raw[at:].decode())


def _check_tail(text: str) -> None:
    """What comes after the trees: how often each column was used, the parameters, categories of pandas."""
    found = _TAIL.fullmatch(text)
    _require(found is not None)
    if found and found["parameters"]:
        names = _parameter_names()
        lines = [_PARAMETER.fullmatch(line) for line in found["parameters"].splitlines() if line]
        _require(all(line is not None and line[1] in names for line in lines))


@cache
def _parameter_names() -> frozenset[str]:
    from lightgbm.basic import _ConfigAliases

    return frozenset(_ConfigAliases._get_all_param_aliases())


def _facts(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _check_numbers(facts: dict[str, str], leaves: int) -> None:
    """Every number can be read, and there are as many as leaves or nodes: LightGBM ends the process otherwise."""
    for name, text in facts.items():
        numbers = text.split()
        _require(name in _LEAVES | _NODES | _OTHER)
        _require(all((_INTEGER if name in _WHOLE else _FLOAT).fullmatch(number) for number in numbers))
        if name in _LEAVES and (numbers or name == "leaf_value"):
            _require(len(numbers) == leaves)
        if name in _NODES and (numbers or leaves > 1):
            _require(len(numbers) == leaves - 1)


def _check_tree(facts: dict[str, str], columns: int) -> None:
    leaves = int(facts["num_leaves"])
    _require(leaves > 0 and "leaf_value" in facts and facts.pop("Tree", None) is not None)
    _check_numbers(facts, leaves)
    if facts.get("is_linear", "0") != "0":
        _check_linear(facts, leaves, columns)
    if leaves == 1:
        return
    nodes = np.arange(leaves - 1)
    split, kinds, thresholds = (_numbers(facts, name) for name in ("split_feature", "decision_type", "threshold"))
    _require(bool(((split >= 0) & (split < columns)).all()))
    for name in ("left_child", "right_child"):
        children = _numbers(facts, name)
        # A child comes after its parent, or is the complement of a leaf's number.
        inside = np.where(children >= 0, (children > nodes) & (children < len(nodes)), -children <= leaves)
        _require(bool(inside.all()))
    _check_categories(facts, thresholds[kinds.astype(int) & _CATEGORICAL == _CATEGORICAL])


def _check_categories(facts: dict[str, str], used: Any) -> None:
    count = int(facts["num_cat"])
    _require(bool(((used >= 0) & (used < count)).all()))
    if count:
        bounds, words = _numbers(facts, "cat_boundaries"), _numbers(facts, "cat_threshold")
        _require(len(bounds) == count + 1 and bounds[0] == 0 and bounds[-1] == len(words))
        _require(bool((np.diff(bounds) >= 0).all()))


def _check_linear(facts: dict[str, str], leaves: int, columns: int) -> None:
    counts, features = _numbers(facts, "num_features"), _numbers(facts, "leaf_features")
    _require(len(counts) == len(_numbers(facts, "leaf_const")) == leaves)
    _require(bool((counts >= 0).all()) and counts.sum() == len(features) == len(_numbers(facts, "leaf_coeff")))
    _require(bool(((features >= 0) & (features < columns)).all()))


def _numbers(facts: dict[str, str], name: str) -> Any:
    return np.array([float(number) for number in facts[name].split()])


def _require(sound: bool) -> None:
    if not sound:
        raise ValueError("it ends early, or points outside of itself")

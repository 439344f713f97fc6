"""XGBoost's boosters and scikit-learn estimators, in its own binary JSON."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from nbdeploy.flavors.native import Native, plain
from nbdeploy.flavors.ubjson import parse

__all__ = ["FLAVOR"]

BOOSTER = "Booster"
_NO_PARENT = 2**31 - 1


class XGBoost(Native):
    """See :class:`nbdeploy.flavors.Flavor`."""

    package = "xgboost"
    file = "model/model.ubj"
    kinds = frozenset({BOOSTER, "XGBClassifier", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker", "XGBRegressor"})

    def call(self, model: Any, method: str, data: Any) -> Any:
        if type(model).__name__ != BOOSTER:
            return super().call(model, method, data)
        from xgboost import DMatrix

        return model.predict(DMatrix(data, nthread=1, enable_categorical=True))

    def pack(self, model: Any) -> tuple[bytes, dict[str, Any]]:
        if type(model).__name__ == BOOSTER:
            return bytes(model.save_raw("ubj")), {}
        return bytes(model.get_booster().save_raw("ubj")), {"parameters": plain(model.get_params(deep=False))}

    def unpack(self, raw: bytes, kind: type, document: dict[str, Any]) -> Any:
        check(parse(raw))
        if kind.__name__ == BOOSTER:
            booster: Any = kind({"nthread": 1}, model_file=bytearray(raw))
            booster.save_config()  # which reads everything that it would read only when it is asked
            return booster
        parameters = {**document["parameters"], "n_jobs": 1}
        model: Any = kind(**parameters)
        model.load_model(bytearray(raw))
        # Loading sets some of the parameters to what training made of them.
        model.set_params(**parameters)
        model.get_booster().save_config()
        return model


FLAVOR = XGBoost()


def check(document: Any) -> None:
    """Check what XGBoost follows without looking: the nodes of trees, their columns and groups.

    Raises
    ------
    ValueError
        If something points outside of the model.
    """
    learner = document["learner"]
    size = learner["learner_model_param"]
    columns = int(size["num_feature"])
    groups = max(int(size["num_class"]), int(size["num_target"]), 1)
    _require(all(len(learner[name]) in {0, columns} for name in ("feature_names", "feature_types")))
    booster = learner["gradient_booster"]
    if booster["name"] == "gblinear":
        _require(len(booster["model"]["weights"]) == (columns + 1) * groups)
        return
    inner = booster["gbtree"] if booster["name"] == "dart" else booster
    model = inner["model"]
    trees = model["trees"]
    _require(booster["name"] != "dart" or len(booster["weight_drop"]) == len(trees))
    _require(int(model["gbtree_model_param"]["num_trees"]) == len(trees) == len(model["tree_info"]))
    _require(all(0 <= group < groups for group in np.asarray(model["tree_info"]).tolist()))
    starts = np.asarray(model["iteration_indptr"]).tolist()
    _require(starts[0] == 0 and starts[-1] == len(trees) and all(a <= b for a, b in pairwise(starts)))
    for tree in trees:
        _check_tree(tree, columns)
    _check_names(model.get("cats", {"enc": []}), columns)


def _check_tree(tree: dict[str, Any], columns: int) -> None:
    nodes = int(tree["tree_param"]["num_nodes"])
    left, right, parents, split = (
        np.asarray(tree[name], dtype=np.int64)
        for name in ("left_children", "right_children", "parents", "split_indices")
    )
    per_node = ("split_conditions", "default_left", "split_type", "sum_hessian", "loss_changes")
    _require(nodes > 0 and all(len(tree[name]) == nodes for name in per_node))
    _require(len(left) == len(right) == len(parents) == len(split) == nodes)
    inner, leaves = (left != -1).nonzero()[0], (left == -1).nonzero()[0]
    _check_leaves(tree, right[leaves])
    for children in (left[inner], right[inner]):
        _require(bool(((children > 0) & (children < nodes)).all()))
        # With one parent each, and none above the root, no walk from the root comes back to where it was.
        _require(np.array_equal(parents[children], inner))
    _require(bool((left[inner] != right[inner]).all()) and parents[0] in {_NO_PARENT, -1})
    _require(bool(((parents[1:] >= 0) & (parents[1:] < nodes)).all()))
    _require(bool(((split[inner] >= 0) & (split[inner] < columns)).all()))
    _check_categories(tree, nodes)


def _check_leaves(tree: dict[str, Any], right: Any) -> None:
    """A leaf has no right child, or there the number of its vector, in a tree of several outputs."""
    width = int(tree["tree_param"]["size_leaf_vector"])
    if width <= 1:
        _require(bool((right == -1).all()) and len(tree["base_weights"]) == int(tree["tree_param"]["num_nodes"]))
    else:
        _require(bool(((right >= 0) & (right < len(tree["leaf_weights"]) // width)).all()))


def _check_categories(tree: dict[str, Any], nodes: int) -> None:
    at, starts, sizes = (
        np.asarray(tree[f"categories_{name}"], dtype=np.int64) for name in ("nodes", "segments", "sizes")
    )
    values = np.asarray(tree["categories"], dtype=np.int64)
    _require(len(at) == len(starts) == len(sizes))
    _require(bool(((at >= 0) & (at < nodes) & (starts >= 0) & (sizes >= 0)).all()))
    _require(bool((starts <= len(values)).all()) and bool((sizes <= len(values) - starts).all()))
    _require(bool(((values >= 0) & (values < 2**24)).all()))
    categorical = (np.asarray(tree["split_type"]) == 1) & (np.asarray(tree["left_children"]) != -1)
    _require(set(categorical.nonzero()[0].tolist()) <= set(at.tolist()))


def _check_names(names: dict[str, Any], columns: int) -> None:
    """The categories' names of each column: their texts one after the other, and the order to look them up in."""
    if not names["enc"]:
        return
    _require(len(names["enc"]) == columns)
    counts = [_count(column) for column in names["enc"]]
    segments = np.asarray(names["feature_segments"], dtype=np.int64)
    _require(np.array_equal(segments, np.cumsum([0, *counts])))
    order = np.asarray(names["sorted_idx"], dtype=np.int64)
    _require(len(order) == segments[-1])
    for start, count in zip(segments[:-1].tolist(), counts, strict=True):
        _require(np.array_equal(np.sort(order[start : start + count]), np.arange(count)))


def _count(column: dict[str, Any]) -> int:
    """Number of categories of a column: of texts, or of numbers."""
    if "offsets" not in column:
        return len(column["values"])
    offsets = np.asarray(column["offsets"], dtype=np.int64)
    if not len(offsets):
        _require(len(column["values"]) == 0)
        return 0
    _require(offsets[0] == 0 and offsets[-1] == len(column["values"]) and bool((np.diff(offsets) >= 0).all()))
    return len(offsets) - 1


def _require(sound: bool) -> None:
    if not sound:
        raise ValueError("it points outside of itself")

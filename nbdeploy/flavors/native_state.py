"""Native parts of scikit-learn models, whose indices its compiled code follows without looking.

A forged file could make it read outside of its memory, or walk in circles. Every such part is checked
after it is built and before it is asked.
"""

from __future__ import annotations

from importlib import import_module
from types import FunctionType
from typing import Any

from nbdeploy.canonical import estimators_of
from nbdeploy.errors import Corrupted
from nbdeploy.flavors.native_indices import is_sound

__all__ = ["check_native_state", "is_plain"]

_DISTANCES = "sklearn.metrics._dist_metrics."
_STATELESS = {_DISTANCES + name for name in ("ChebyshevDistance64", "EuclideanDistance64", "ManhattanDistance64")}
_INERT = {"numpy.dtype"}
_SCORES = ("sklearn.feature_selection.", "sklearn.metrics.", "sklearn.preprocessing.")
"""Where functions are that only compute, and that selectors and searches keep."""
_CHECKED = {
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
}


def is_plain(name: str) -> bool:
    """Whether building a type runs no code that came with the file, and its state is Python's own or checked here.

    Examples
    --------
    >>> is_plain("sklearn.tree._tree.Tree"), is_plain("os.system")
    (True, False)
    """
    if name in _CHECKED | _STATELESS | _INERT:
        return True
    module_name, _, attribute = name.rpartition(".")
    if not module_name.startswith("sklearn."):
        return False
    try:
        module = import_module(module_name)
    except (ImportError, ValueError):
        return False
    found = getattr(module, attribute, None)
    if getattr(found, "__module__", None) != module_name:
        return False  # what a module has only imported may do anything
    if isinstance(found, type):
        return module_name.startswith("sklearn._loss.") or str(module.__file__).endswith(".py")
    return isinstance(found, FunctionType) and module_name.startswith(_SCORES)


def check_native_state(model: Any) -> None:
    """Check every native part of a model.

    Raises
    ------
    Corrupted
        If one points outside of itself.
    """
    for part in estimators_of(model, lambda part: type(part).__module__.startswith(("sklearn.", "scipy.sparse."))):
        if not is_sound(part):
            raise Corrupted(
                f"an index or size in a {type(part).__name__} of this model points outside of itself; the file was "
                "tampered with, and is refused"
            )
        name = type(part).__name__
        if name in {"KDTree", "BallTree"}:
            _require(_is_sound_neighbours(part))
        elif name == "Tree":
            _require(_is_sound_tree(part))
        elif name == "TreePredictor":
            _require(_is_sound_predictor(part))
        else:
            _require(_fits_its_columns(part))


def _require(sound: bool) -> None:
    if not sound:
        raise Corrupted("a tree of this model points outside of itself; the file was tampered with, and is refused")


def _is_sound_tree(tree: Any) -> bool:
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = left != -1
    return (
        bool((inner == (right != -1)).all())
        and _is_downward(left[inner], right[inner], inner.nonzero()[0], tree.node_count)
        and bool(((feature[inner] >= 0) & (feature[inner] < tree.n_features)).all())
    )


def _is_sound_predictor(predictor: Any) -> bool:
    nodes = predictor.nodes
    inner = nodes["is_leaf"] == 0
    categorical = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    return _is_downward(nodes["left"][inner], nodes["right"][inner], inner.nonzero()[0], len(nodes)) and bool(
        (categorical < len(predictor.raw_left_cat_bitsets)).all()
    )


def _is_downward(left: Any, right: Any, at: Any, nodes: int) -> bool:
    """Children come after their parent, as scikit-learn builds them: none is outside, and there is no circle."""
    return bool(((left > at) & (left < nodes) & (right > at) & (right < nodes)).all())


def _is_sound_neighbours(tree: Any) -> bool:
    data, index, nodes, bounds = tree.get_arrays()
    inner = nodes["is_leaf"] == 0
    rows = len(data)
    return (
        len(index) == rows
        and bool(((index >= 0) & (index < rows)).all())
        and bool(((nodes["idx_start"] >= 0) & (nodes["idx_start"] <= nodes["idx_end"])).all())
        and bool((nodes["idx_end"] <= rows).all())
        and bool((2 * inner.nonzero()[0] + 2 < len(nodes)).all())
        and _counts_agree(tree, len(nodes), rows)
        and bounds.shape[1:] == (len(nodes), data.shape[1])
    )


def _counts_agree(tree: Any, nodes: int, rows: int) -> bool:
    """The numbers of levels and nodes that the tree keeps beside its arrays, and a weight for every row."""
    _, _, _, _, _, levels, count, *_, weights = tree.__getstate__()
    return bool(count == nodes and nodes == 2**levels - 1 and (weights is None or len(weights) == rows))


def _fits_its_columns(estimator: Any) -> bool:
    """No tree of an estimator reads a column that the estimator does not check its rows to have."""
    columns = getattr(estimator, "n_features_in_", None)
    if columns is None:
        return True
    tree = getattr(estimator, "tree_", None)
    if getattr(tree, "n_features", columns) != columns:
        return False
    subsets = getattr(estimator, "estimators_features_", None)
    for i, member in enumerate(_members(estimator)):
        inner = getattr(member, "tree_", None)
        given = columns if subsets is None else len(subsets[i])
        if inner is not None and inner.n_features > given:
            return False
    stages = getattr(estimator, "_predictors", None) or []
    return all(
        bool((p.nodes["feature_idx"][p.nodes["is_leaf"] == 0] < columns).all()) for stage in stages for p in stage
    )


def _members(estimator: Any) -> list[Any]:
    members = getattr(estimator, "estimators_", None)
    if members is None:
        return []
    return list(members.ravel()) if hasattr(members, "ravel") else list(members)

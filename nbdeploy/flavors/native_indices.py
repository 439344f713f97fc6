"""Arrays of scikit-learn models that compiled code indexes by, or whose sizes it takes for granted.

What :mod:`nbdeploy.flavors.native_state` does for trees, for the rest: support vector machines, neighbours, clusters,
boosting, sparse matrices, and the mappings from which encoders and vectorizers make sparse matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["is_sound"]


def is_sound(part: Any) -> bool:
    """Whether no array of one part of a model can lead compiled code outside of another one.

    What cannot be looked at, as its attributes are not what scikit-learn makes them, is not sound.
    """
    try:
        return all(check(part) for applies, check in _CHECKS if applies(part))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return False


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda part: all(name in getattr(part, "__dict__", ()) for name in names)


def _is_sparse(part: Any) -> bool:
    return type(part).__module__.startswith("scipy.sparse.") and hasattr(part, "nnz")


def _sparse(matrix: Any) -> bool:
    """Pointers and indices as the format says; scipy checks them for compressed formats only when asked."""
    if matrix.format in {"csr", "csc", "bsr"}:
        matrix.check_format(full_check=True)
    elif matrix.format == "coo":
        return all(_within(axis, size) for axis, size in zip(matrix.coords, matrix.shape, strict=True))
    return matrix.format in {"csr", "csc", "bsr", "coo", "dia", "dok"}


def _support_vectors(machine: Any) -> bool:
    """The arrays that libsvm takes apart by the number of support vectors of each class."""
    counts = np.asarray(machine._n_support)
    vectors = len(machine.support_)
    classes = len(machine.classes_) if hasattr(machine, "classes_") else 0
    rows = max(classes - 1, 1)
    pairs = classes * (classes - 1) // 2 if classes else 1
    total = int(counts.sum()) if classes else int(counts[0])
    fitted = machine.shape_fit_
    precomputed = machine.kernel == "precomputed"
    return (
        "_impl" not in vars(machine)
        and (len(counts) == classes if classes else len(counts) >= 1)
        and bool((counts >= 0).all())
        and total == vectors
        and machine._dual_coef_.shape == (rows, vectors)
        and machine._intercept_.shape == (pairs,)
        and all(len(getattr(machine, name, ())) in {0, pairs} for name in ("_probA", "_probB"))
        and _within(machine.support_, fitted[0])
        and bool(precomputed or machine.support_vectors_.shape == (vectors, fitted[1]))
        and bool(fitted[1] == machine.n_features_in_)
    )


def _neighbours(estimator: Any) -> bool:
    """Rows, their number and their labels agree; labels are classes."""
    rows = estimator._fit_X.shape[0]
    labels = getattr(estimator, "_y", None)
    tree = estimator._tree
    if estimator.n_samples_fit_ != rows or (tree is not None and tree.get_arrays()[0].shape[0] != rows):
        return False
    if labels is None:
        return True
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return bool(len(labels) == rows)
    columns = np.asarray(labels).reshape(len(labels), -1)
    each = classes if isinstance(classes, list) else [classes]
    return (
        len(labels) == rows
        and columns.shape[1] == len(each)
        and all(_within(columns[:, i], len(known)) for i, known in enumerate(each))
    )


def _clusters(estimator: Any) -> bool:
    """Centres have the columns that rows are checked to have."""
    centres = estimator.cluster_centers_
    return bool(_is_sparse(centres) or (centres.ndim == 2 and centres.shape[1] == estimator.n_features_in_))


def _boosting(estimator: Any) -> bool:
    """Every round has as many trees as there are columns to add to."""
    columns = estimator.n_trees_per_iteration_
    first = estimator.init_
    outputs = getattr(first, "classes_", None)
    binary = columns == 1
    return (
        estimator.estimators_.ndim == 2
        and estimator.estimators_.shape[1] == columns
        and (outputs is None or binary or len(outputs) == columns)
        and all(_is_scalar_tree(member.tree_) for member in estimator.estimators_.ravel())
        and (not hasattr(first, "class_prior_") or binary or len(first.class_prior_) == columns)
    )


def _is_scalar_tree(tree: Any) -> bool:
    return bool(tree.value.shape[1:] == (1, 1))


def _histograms(estimator: Any) -> bool:
    """The map from columns to categories is as long as rows are wide, and every split by category is in it."""
    mapper = estimator._bin_mapper
    categorical = np.asarray(mapper.is_categorical_, bool)
    columns = estimator._n_features
    width = estimator.n_trees_per_iteration_
    if len(categorical) != columns or len(mapper.bin_thresholds_) != columns:
        return False
    for stage in estimator._predictors:
        for tree in stage:
            nodes = tree.nodes[(tree.nodes["is_leaf"] == 0)]
            split = nodes["feature_idx"][nodes["is_categorical"] != 0]
            if not (_within(nodes["feature_idx"], columns) and categorical[split].all()):
                return False
            if tree.raw_left_cat_bitsets.shape[1:] != (8,):
                return False
    return all(len(stage) <= width for stage in estimator._predictors)


def _one_hot(encoder: Any) -> bool:
    """What a category is mapped to is a column."""
    sizes = [len(known) for known in encoder.categories_]
    mappings = getattr(encoder, "_default_to_infrequent_mappings", None) or [None] * len(sizes)
    dropped = encoder._drop_idx_after_grouping
    dropped = [None] * len(sizes) if dropped is None else list(dropped)
    pairs = zip(mappings, sizes, strict=True)
    drops = zip(dropped, sizes, strict=True)
    return (
        all(mapping is None or (len(mapping) == size and _within(mapping, size)) for mapping, size in pairs)
        and all(drop is None or 0 <= int(drop) < size for drop, size in drops)
        and list(encoder._n_features_outs) == list(encoder._compute_n_features_outs())
    )


def _vocabulary(name: str) -> Callable[[Any], bool]:
    def check(part: Any) -> bool:
        words = getattr(part, name)
        return not isinstance(words, dict) or _within(list(words.values()), len(words))

    return check


def _within(indices: Any, size: int) -> bool:
    """Whether all indices are whole numbers of a range."""
    found = np.asarray(indices)
    if not found.size:
        return True
    whole = found.dtype.kind in "iu" or bool((found == found.astype(np.int64)).all())
    return whole and bool(((found >= 0) & (found < size)).all())


_CHECKS: tuple[tuple[Callable[[Any], bool], Callable[[Any], bool]], ...] = (
    (_is_sparse, _sparse),
    (_has("_n_support"), _support_vectors),
    (_has("_fit_X", "_tree"), _neighbours),
    (_has("cluster_centers_", "n_features_in_"), _clusters),
    (_has("n_trees_per_iteration_", "estimators_"), _boosting),
    (_has("_bin_mapper", "_predictors"), _histograms),
    (_has("_n_features_outs", "categories_"), _one_hot),
    (_has("vocabulary_"), _vocabulary("vocabulary_")),
    (_has("vocabulary"), _vocabulary("vocabulary")),
    (_has("_cached_dict"), _vocabulary("_cached_dict")),
)

"""Treelite's inference, asked without its overhead per call: scores of every tree, summed by the caller.

Which order leaf values are summed in makes the last bits, and frameworks differ in it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from nbdeploy.compilers.stages import NotCompiled

__all__ = ["Forest", "forest_of", "imported"]

_PREDICT = (
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p,
)  # fmt: skip


def imported(load: Callable[[Any], Any], model: Any) -> Any:
    """Return a model as one of Treelite's.

    Raises
    ------
    NotCompiled
        If Treelite does not read it, with the reason alone: its messages begin with the time and a line of its source.
    """
    from treelite import TreeliteError

    try:
        return load(model)
    except TreeliteError as error:
        raise NotCompiled(f"Treelite does not read it: {str(error).splitlines()[0].rpartition(': ')[2]}") from error


class Forest:
    """The trees of a Treelite model.

    Parameters
    ----------
    model : treelite.Model
        The model.
    columns : int
        How many columns it is given.

    Attributes
    ----------
    shape : tuple of int
        Trees, and numbers per leaf.
    dtype : numpy.dtype
        The type of the numbers in the leaves.
    """

    def __init__(self, model: Any, columns: int) -> None:
        from treelite import TreeliteError
        from treelite.core import _LIB
        from treelite.gtil.gtil import GTILConfig

        if model.num_feature > columns:
            raise NotCompiled(f"the trees read {model.num_feature} columns, and get {columns}")
        self._model = model  # the handles below live as long as their owners
        self._config = GTILConfig(predict_type="score_per_tree", nthread=1)
        self._error = TreeliteError
        self._handle, self._how = model.handle, self._config.handle
        self._type = model.input_type.encode()
        self._dtype, self.dtype = np.dtype(model.input_type), np.dtype(model.output_type)
        self._columns, self._reads = columns, model.num_feature
        self._predict = ctypes.CFUNCTYPE(ctypes.c_int, *_PREDICT)(("TreeliteGTILPredict", _LIB))
        self.shape = self._shape(_LIB)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (bytes(self._model.serialize_bytes()), self._columns)

    def _shape(self, library: Any) -> tuple[int, int]:
        pointer, axes = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64()
        one = ctypes.c_uint64(1)
        failed = library.TreeliteGTILGetOutputShape(
            self._handle, one, self._how, ctypes.byref(pointer), ctypes.byref(axes)
        )
        if failed or axes.value != 3:
            raise NotCompiled("Treelite does not give the scores of its trees one by one")
        return int(pointer[1]), int(pointer[2])

    def scores(self, x: Any) -> Any:
        """Return the leaf values of every tree, in order.

        Parameters
        ----------
        x : array of shape (k,) or (n, k)
            Rows.

        Returns
        -------
        array of shape (trees, values) or (n, trees, values)
        """
        if x.shape[-1] != self._columns:
            raise self._error(f"{x.shape[-1]} columns instead of {self._columns}")
        if self._reads != self._columns:
            x = x[..., : self._reads]
        x = np.ascontiguousarray(x, self._dtype)
        rows = 1 if x.ndim == 1 else len(x)
        out = np.zeros((rows, *self.shape), self.dtype)
        if self._predict(self._handle, _address(x), self._type, rows, _address(out), self._how):
            raise self._error("Treelite failed")
        return out[0] if x.ndim == 1 else out


def _address(array: Any) -> int:
    """Where an array's numbers are: four times as fast as its ``ctypes.data``, for one that can be written to."""
    try:
        return ctypes.addressof(_byte_of(array))
    except (TypeError, ValueError):
        return int(array.ctypes.data)


_byte_of = ctypes.c_char.from_buffer


def _restored(serialized: bytes, columns: int) -> Forest:
    from treelite import Model

    return Forest(Model.deserialize_bytes(serialized), columns)


def forest_of(trees: Sequence[Any], values: Sequence[Any], features: Sequence[Any], columns: int) -> Forest:
    """Build scikit-learn trees with leaf values of one's own.

    Treelite reads them as those of a random forest's regressor, which is what they are: each leaf has a vector.

    Parameters
    ----------
    trees : sequence of sklearn.tree._tree.Tree
        The trees.
    values : sequence of array of shape (nodes, v)
        What their leaves answer.
    features : sequence of array of shape (nodes,)
        The columns that their nodes read.
    columns : int
        How many columns they are given.
    """
    from sklearn.ensemble import RandomForestRegressor
    from treelite.sklearn import import_model

    model = RandomForestRegressor(n_estimators=len(trees))
    model.n_features_in_ = columns
    model.n_outputs_ = values[0].shape[1]
    model.estimators_ = [
        SimpleNamespace(tree_=_tree(tree, value, feature))
        for tree, value, feature in zip(trees, values, features, strict=True)
    ]
    return Forest(imported(import_model, model), columns)


def _tree(tree: Any, value: Any, feature: Any) -> Any:
    names = ("node_count", "children_left", "children_right", "threshold", "missing_go_to_left")
    counts = ("n_node_samples", "weighted_n_node_samples", "impurity")
    same = {name: getattr(tree, name) for name in (*names, *counts)}
    leaves = np.ascontiguousarray(value, dtype=np.float64).reshape(len(value), -1, 1)
    return SimpleNamespace(**same, value=leaves, feature=np.ascontiguousarray(feature, dtype=np.int64))

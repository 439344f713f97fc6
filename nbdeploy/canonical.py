"""The canonical call: native code called so that a row's answer does not depend on its neighbours.

Batched linear algebra picks other kernels for other numbers of rows, and then differs in the last bits.
Rows are therefore padded to a multiple of 16, or cut into tiles of one size, in row order, with one
BLAS thread and ``n_jobs=1``. Models whose code takes one row after the other are spared the padding.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.types import Canonical

__all__ = [
    "Pass",
    "estimators_of",
    "is_one_pass",
    "is_row_by_row",
    "parallel_parts",
    "single_job",
    "summed_trees",
    "tiles",
]

_LEAVES = (str, bytes, int, float, type, ModuleType, type(None), logging.Logger)
"""What nothing of a model is inside of; a logger leads to every other one, and to the kernel."""

_MACHINES = frozenset({"NuSVC", "NuSVR", "OneClassSVM", "SVC", "SVR"})
_KERNELS = ("linear", "poly", "rbf", "sigmoid")
_NO_PROBABILITIES = (False, "deprecated")
_SCALERS = frozenset({"MaxAbsScaler", "MinMaxScaler", "RobustScaler", "StandardScaler"})


def tiles(wire: pl.DataFrame, how: Canonical) -> Iterator[pl.DataFrame]:
    """Cut wire rows into the calls to make; the last is padded with copies of its last row.

    Examples
    --------
    >>> [tile.height for tile in tiles(pl.DataFrame({"x": range(20)}), Canonical())]
    [32]
    >>> [tile.height for tile in tiles(pl.DataFrame({"x": range(20)}), Canonical(tile=16))]
    [16, 16]
    """
    if how.tile is None:
        yield _padded(wire, -(-wire.height // how.multiple) * how.multiple)
        return
    for start in range(0, wire.height, how.tile):
        yield _padded(wire[start : start + how.tile], how.tile)


def _padded(wire: pl.DataFrame, height: int) -> pl.DataFrame:
    short = height - wire.height
    if not short:
        return wire.rechunk()
    return wire[[*range(wire.height), *[wire.height - 1] * short]]


@contextlib.contextmanager
def single_job(model: object, parts: Iterable[Any] | None = None) -> Iterator[None]:
    """Set ``n_jobs=1`` on a live model and every estimator in it, and put it back afterwards.

    Parameters
    ----------
    model : object
        The model.
    parts : iterable of object, optional
        What :func:`parallel_parts` found in it, if that is known already.
    """
    found = parallel_parts(model) if parts is None else parts
    before = [(part, part.n_jobs) for part in found if part.n_jobs not in (None, 1)]
    for part, _ in before:
        part.n_jobs = 1
    try:
        yield
    finally:
        for part, jobs in before:
            part.n_jobs = jobs


@contextlib.contextmanager
def summed_trees(parts: Iterable[Any]) -> Iterator[None]:
    """Have live forests sum up their trees one after the other, and put them back as they were afterwards.

    scikit-learn shares trees out to jobs also where there is one, and checks each of them: for some hundred rows that
    takes several times as long as walking them. The probabilities have the same bits, being the same sum.

    Parameters
    ----------
    parts : iterable of object
        Estimators; those that are no such forests are left alone.
    """
    with contextlib.ExitStack() as stack:
        for part in parts:
            if _is_plain_forest(part):
                stack.enter_context(_asked_instead(part, functools.partial(_mean_of_trees, part)))
        yield


def _is_plain_forest(model: object) -> bool:
    trees = getattr(model, "estimators_", ())  # which a forest that is not fitted has not
    return (
        bool(trees) and is_one_pass(model) and getattr(model, "n_outputs_", 0) == 1 and all(map(_is_plain_tree, trees))
    )


def _is_plain_tree(tree: object) -> bool:
    return type(tree).__module__ == "sklearn.tree._classes" and "predict_proba" not in vars(tree)


def _mean_of_trees(forest: Any, rows: Any) -> Any:
    """What scikit-learn's ``ForestClassifier.predict_proba`` computes."""
    x = forest._validate_X_predict(rows)
    if not isinstance(x, np.ndarray):
        return type(forest).predict_proba(forest, rows)
    mean = np.zeros((len(x), forest.n_classes_))
    for tree in forest.estimators_:
        mean += tree.tree_.predict(x)
    mean /= len(forest.estimators_)
    return mean


@contextlib.contextmanager
def _asked_instead(model: Any, probabilities: Callable[[Any], Any]) -> Iterator[None]:
    """Put something in the place of a live model's ``predict_proba``, and what was there back afterwards."""
    before = vars(model).get("predict_proba")
    model.predict_proba = probabilities
    try:
        yield
    finally:
        del model.predict_proba
        if before is not None:
            model.predict_proba = before


def is_one_pass(model: object) -> bool:
    """Whether all methods of a model are made of its ``predict_proba``, as those of scikit-learn's forests are."""
    forest = type(model).__module__ == "sklearn.ensemble._forest" and hasattr(model, "predict_proba")
    return forest and "predict_proba" not in vars(model)


def is_row_by_row(model: object) -> bool:
    """Whether a model's own code computes each row from that row alone, in an order that no other row changes.

    So do the support vector machines of LIBSVM: a kernel for each row and vector, of one dot product as long as a
    row, summed up vector by vector. The usual scalers before them work number by number. Their own kernels in
    Python may do anything, and their probabilities pass through NumPy's logarithms.
    """
    kind, own = type(model), vars(model) if hasattr(model, "__dict__") else {}
    if any(callable(getattr(kind, name, None)) for name in own):
        return False  # a method that somebody put in the place of the class's
    if (kind.__module__, kind.__name__) == ("sklearn.pipeline", "Pipeline"):
        *before, (_, last) = own["steps"]
        return is_row_by_row(last) and all(_is_number_by_number(step) for _, step in before)
    svm = kind.__module__ == "sklearn.svm._classes" and kind.__name__ in _MACHINES
    if own.get("probability", False) not in _NO_PROBABILITIES:
        return False
    return svm and own.get("kernel") in _KERNELS and not own.get("_sparse", True)


def _is_number_by_number(model: object) -> bool:
    kind = type(model)
    return model == "passthrough" or (kind.__module__ == "sklearn.preprocessing._data" and kind.__name__ in _SCALERS)


class Pass:
    """The probabilities of a forest for the rows that it was asked for last, so that it walks its trees once for them.

    ``predict`` and ``predict_log_proba`` ask for them anew, as many times as they are asked.
    """

    def __init__(self) -> None:
        self._wire: pl.DataFrame | None = None
        self._table: Any = None
        self._rows: Any = None
        self._answer: Any = None

    def table(self, wire: pl.DataFrame, rebuild: Callable[[], Any]) -> Any:
        """Return the table to ask for: the very one that was asked for last, where the rows are."""
        if wire is not self._wire:
            self._wire, self._table = wire, rebuild()
        return self._table

    @contextlib.contextmanager
    def over(self, model: Any) -> Iterator[None]:
        """Let a live model's methods have the probabilities of one table from here; put it back afterwards."""
        own = model.predict_proba

        def known(rows: Any) -> Any:
            if rows is not self._rows:
                self._rows, self._answer = None, own(rows)
                self._rows = rows
            answer = self._answer
            return [part.copy() for part in answer] if isinstance(answer, list) else answer.copy()

        with _asked_instead(model, known):
            yield


def parallel_parts(model: object) -> list[Any]:
    """Return every estimator inside a model that can work in several jobs."""
    return [part for part in estimators_of(model) if hasattr(part, "n_jobs")]


def estimators_of(model: object, wanted: Callable[[object], bool] | None = None) -> list[Any]:
    """Return every object inside a model that has parameters (``get_params``), or that is `wanted`."""
    chosen = wanted or (lambda part: hasattr(part, "get_params"))
    found: list[Any] = []
    seen: set[int] = set()
    todo: list[Any] = [model]
    while todo:
        part = todo.pop()
        if id(part) in seen or isinstance(part, _LEAVES):
            continue
        seen.add(id(part))
        if chosen(part):
            found.append(part)
        if isinstance(part, dict):
            todo += part.values()
        elif isinstance(part, functools.partial):
            todo += [part.func, part.args, part.keywords]
        elif isinstance(part, (list, tuple, set, frozenset)):
            todo += part
        elif type(part).__name__ == "ndarray":
            todo += part.ravel().tolist() if part.dtype == object else []
        elif hasattr(part, "__dict__"):
            todo += vars(part).values()
    return found

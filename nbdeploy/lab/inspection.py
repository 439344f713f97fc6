"""What a kernel holds: fitted models, and variables with rows. Loads no library that the kernel has not loaded."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbdeploy.types import NAME_RULE

__all__ = ["Model", "Rows", "find", "fitted_models", "variables_with_rows"]

_TABLES = {
    "pandas": ("DataFrame", "Series"),
    "polars": ("DataFrame", "Series"),
    "numpy": ("ndarray",),
    "pyarrow": ("Table",),
}


@dataclass(frozen=True)
class Rows:
    """A variable that holds rows.

    Attributes
    ----------
    name, type : str
        The variable, and the name of its class.
    shape : tuple of int
        ``(rows,)`` or ``(rows, columns)``.
    columns : tuple of str, optional
        Names of the columns, if they have any.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    columns: tuple[str, ...] | None = None

    @property
    def width(self) -> int:
        """Number of columns; a series is one."""
        return self.shape[1] if len(self.shape) > 1 else 1

    def document(self) -> dict[str, Any]:
        """The variable as the panel shows it."""
        return {"name": self.name, "type": self.type, "shape": list(self.shape)}


@dataclass(frozen=True)
class Model:
    """A fitted model.

    Attributes
    ----------
    name : str
        An expression that yields it: a variable, perhaps with an attribute.
    type : str
        The name of its class.
    columns : tuple of str, optional
        Names of the columns that it was fitted on.
    width : int, optional
        Number of the columns that it was fitted on.
    predicts : bool
        Whether it predicts, or only transforms.
    """

    name: str
    type: str
    columns: tuple[str, ...] | None
    width: int | None
    predicts: bool

    def fits(self, rows: Rows) -> bool:
        """Whether it could have been fitted on these rows."""
        if self.columns is not None:
            return rows.columns == self.columns
        return len(rows.shape) == 2 and rows.width == self.width


def fitted_models(namespace: Mapping[str, Any]) -> list[Model]:
    """The fitted models among the user's variables: those that predict first, the newest first.

    A finished search stands for its best estimator. An object under two names is listed once.
    """
    found: dict[int, Model] = {}
    for name, value in reversed(list(_variables(namespace))):
        expression, model = _best(name, value)
        if _is_model(model):
            found.setdefault(id(model), _describe(expression, model))
    return sorted(found.values(), key=lambda model: not model.predicts)


def variables_with_rows(namespace: Mapping[str, Any]) -> list[Rows]:
    """The user's tables, series and arrays, the newest first."""
    tables = [_rows(name, value) for name, value in reversed(list(_variables(namespace))) if _is_table(value)]
    return [table for table in tables if table.shape and table.shape[0] and len(table.shape) <= 2]


def find(namespace: Mapping[str, Any], generic: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Models and rows as one document, with a guess for each model of what to snapshot it with.

    Parameters
    ----------
    namespace : mapping
        The user's variables.
    generic : frozenset of str
        Names of variables that say nothing about a model.
    """
    tables = variables_with_rows(namespace)
    models = [_offer(model, tables, generic) for model in fitted_models(namespace)]
    return {"models": models, "data": [table.document() for table in tables]}


def _offer(model: Model, tables: Sequence[Rows], generic: frozenset[str]) -> dict[str, Any]:
    data = _data_for(model, tables)
    return {
        "name": model.name,
        "type": model.type,
        "suggestion": _suggestion(model.name, generic),
        "data": data,
        "labels": _labels_for(data, tables),
    }


def _suggestion(variable: str, generic: frozenset[str]) -> str:
    """A name for the store, unless the variable's name says nothing."""
    name = variable.lower().partition(".")[0]
    return name if name not in generic and re.fullmatch(NAME_RULE, name) else ""


def _data_for(model: Model, tables: Sequence[Rows]) -> str:
    """The rows that the model was most likely fitted on; empty if none fit."""
    fitting = [table.name for table in tables if model.fits(table)]
    training = [name for name in fitting if "train" in name.lower()]
    likely = [name for name in fitting if name.lower().startswith("x")]
    return next(iter(training + likely + fitting), "")


def _labels_for(data: str, tables: Sequence[Rows]) -> str:
    """``y_train`` beside ``X_train``; empty if there is none with as many rows."""
    rows = {table.name: table.shape[0] for table in tables}
    pair = data.replace("X", "y", 1)
    return pair if pair != data and rows.get(pair) == rows[data] else ""


def _variables(namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in list(namespace.items()) if not name.startswith("_"))


def _best(name: str, value: Any) -> tuple[str, Any]:
    best = _attribute(value, "best_estimator_")
    return (name, value) if best is None else (f"{name}.best_estimator_", best)


def _is_model(value: Any) -> bool:
    """Whether it is an instance that predicts or transforms, and fitted as far as that can be told."""
    kind = type(value)
    if inspect.isclass(value) or inspect.ismodule(value) or kind.__module__.partition(".")[0] == "nbdeploy":
        return False
    if not (_has(kind, "predict") or _has(kind, "transform")) or _is_table(value):
        return False
    base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
    return base is None or not isinstance(value, base) or _is_fitted(value)


def _is_fitted(estimator: Any) -> bool:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        return False
    return True


def _describe(name: str, model: Any) -> Model:
    names = _attribute(model, "feature_names_in_")
    width = _attribute(model, "n_features_in_")
    return Model(
        name,
        type(model).__name__,
        None if names is None else tuple(str(each) for each in names),
        None if width is None else int(width),
        _has(model, "predict"),
    )


def _is_table(value: Any) -> bool:
    for module, names in _TABLES.items():
        kinds = tuple(kind for name in names if isinstance(kind := getattr(sys.modules.get(module), name, None), type))
        if isinstance(value, kinds):
            return True
    return False


def _rows(name: str, value: Any) -> Rows:
    columns = _attribute(value, "columns")
    names = _attribute(value, "column_names") if type(value).__module__.startswith("pyarrow") else columns
    return Rows(
        name,
        type(value).__name__,
        tuple(int(length) for length in value.shape),
        None if names is None else tuple(str(each) for each in names),
    )


def _has(value: Any, name: str) -> bool:
    return callable(_attribute(value, name))


def _attribute(value: Any, name: str) -> Any:
    """An attribute of anything; None also where looking fails."""
    try:
        return getattr(value, name, None)
    except Exception:  # a property of the user's class may raise whatever it likes
        return None

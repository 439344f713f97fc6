"""What a model itself holds of the rows it was fitted on, and of which private columns."""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.canonical import estimators_of
from nbdeploy.codecs import rebuild
from nbdeploy.snapshots.answers import Answers

__all__ = ["exposure", "private_traces"]

_ROWS_IN = {
    "X_": "",
    "X_fit_": "",
    "X_train_": "",
    "_fit_X": "",
    "_raw_data": "",
    "cluster_centers_": "AffinityPropagation",
    "components_": "DBSCAN",
    "support_vectors_": "",
    "training_data_": "",
}
"""Where estimators of scikit-learn, and those made like them, keep rows of the fit; and which one alone does."""

_VALUES_IN = (
    *("X_thresholds_", "bin_edges_", "categories_", "data_max_", "data_min_", "encodings_", "mapping_", "quantiles_"),
    "vocabulary_",
)
"""Where they keep values of columns."""

_BOOSTERS = frozenset({"catboost", "lightgbm", "xgboost"})

_DEEPEST = 4
_LOOKED_FOR = 64
_MOST_VALUES = 100_000
_SHORTEST = 4
_MOST_BYTES = 2**28
_LIVE = frozenset({"chain", "python", "sklearn"})
"""Flavors that store all of the live object; the others have a format of their own."""

Held = dict[str, Any]


def exposure(model: Any, answers: Answers, masked: pl.DataFrame, carried: Mapping[str, Any]) -> list[Held]:
    """Look for rows and values of the data in a model, and in the signature that it needs.

    A table inside the model with as many rows and columns as the data is taken for it, and so is every data frame.
    Flavors that store a model in a format of its own leave behind whatever else the live object holds.

    Parameters
    ----------
    model : object
        The live model.
    answers : Answers
        What it answered.
    masked : polars.DataFrame
        The rows that were asked for, with neutral values in private columns.
    carried : mapping of str to object
        The notebook's values that captured source uses, by name.

    Returns
    -------
    list of dict
        ``where`` they are; of rows, how many ``rows`` at most; and the ``private`` columns among them.
    """
    private = {c.name: _distinct(answers.given[c.name]) for c in answers.signature.columns if c.private}
    reach = _Reach(model, answers, masked)
    found = _formula_rows(model, answers)
    for part in _parts(model, answers.asking.flavor):
        kind = type(part).__name__
        attributes = {f"{kind}.{name}": value for name, value in vars(part).items()}
        found += _tables(attributes, answers.given.shape, partial(reach.columns, part))
        found += _values(attributes, private)
        if private and _splits(part) and (part is model or hasattr(part, "get_params")):
            numbers = [name for name in reach.columns(part) if answers.given[name].dtype.is_numeric()]
            found += [{"where": f"the splits of {kind}", "private": numbers}] if numbers else []
    found += _tables(carried, answers.given.shape, lambda: list(private))
    found += _values(carried, private)
    categories = [c.name for c in answers.signature.columns if c.private and c.categories]
    found += [{"where": "the signature's categories", "private": categories}] if categories else []
    return _once(found)


def private_traces(folder: Path, paths: Collection[str], answers: Answers) -> list[Held]:
    """Look in files for the bytes of private values, however a format may write them.

    Some of a column's values are looked for, evenly spread, and only those that say something: text of at least four
    characters, and numbers of at least five digits.

    Parameters
    ----------
    folder : Path
        The bundle.
    paths : collection of str
        The files in it to read.
    answers : Answers
        Rows, and which columns are private.
    """
    private = {c.name: _forms(answers.given[c.name]) for c in answers.signature.columns if c.private}
    found = []
    for path in sorted(paths) if any(private.values()) else ():
        content = _read(folder / path)
        of = [name for name, forms in private.items() if any(form in content for form in forms)]
        found += [{"where": path, "private": of}] if of else []
    return found


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)


def _parts(model: Any, flavor: str) -> list[Any]:
    """The objects whose attributes are stored."""
    if flavor not in _LIVE:
        return [model] if _splits(model) else []
    return estimators_of(model, lambda part: hasattr(part, "__dict__"))


def _splits(part: Any) -> bool:
    """Whether something is made of trees."""
    trees = hasattr(part, "_predictors") or hasattr(getattr(part, "tree_", None), "threshold")
    return trees or type(part).__module__.partition(".")[0] in _BOOSTERS


def _values(attributes: Mapping[str, Any], private: Mapping[str, set[Any]]) -> Iterator[Held]:
    for name, value in attributes.items():
        known = name.rpartition(".")[2] in _VALUES_IN
        inside = _plain_values(value, _DEEPEST) if private else set()
        of = [column for column, values in private.items() if _shares(inside, values, known)]
        if of or known:
            yield {"where": name, "private": of}


def _tables(
    attributes: Mapping[str, Any], shape: tuple[int, int], private: Callable[[], Sequence[str]]
) -> Iterator[Held]:
    """The tables among attributes; of a data frame the private columns are known by their names."""
    for name, value in attributes.items():
        found = getattr(value, "shape", None)
        if found is None:  # the trees of neighbours keep their rows as a buffer
            found = getattr(getattr(value, "data", None), "shape", None)
        if not isinstance(found, tuple) or len(found) != 2 or not found[0]:
            continue
        kind, _, own = name.rpartition(".")
        known = own in _ROWS_IN and _ROWS_IN[own] in {"", kind}
        frame = type(value).__name__ == "DataFrame"
        if known or frame or (tuple(found) == shape and shape[0] > shape[1]):
            of = [column for column in private() if not frame or column in value.columns]
            yield {"where": name, "rows": int(found[0]), "private": of}


def _formula_rows(model: Any, answers: Answers) -> list[Held]:
    """The rows on which statsmodels evaluates a formula again."""
    data = getattr(getattr(model, "model", None), "data", None)
    formula, frame = getattr(data, "formula", None), getattr(data, "frame", None)
    if answers.asking.flavor != "statsmodels" or not formula or frame is None:
        return []
    private = [c.name for c in answers.signature.columns if c.private and c.name in str(formula)]
    return [{"where": f"{type(model).__name__}.model.data.frame", "rows": len(frame), "private": private}]


class _Reach:
    """Which private columns may reach a part of a model: of the last step of a pipeline, those that do."""

    def __init__(self, model: Any, answers: Answers, masked: pl.DataFrame) -> None:
        self._model = getattr(model, "best_estimator_", model)
        self._answers = answers
        self._masked = masked
        self._private = [column.name for column in answers.signature.columns if column.private]

    def columns(self, part: Any) -> list[str]:
        """The columns, in the order of the signature."""
        return self._last if self._private and id(part) in self._in_last else self._private

    @cached_property
    def _in_last(self) -> set[int]:
        steps = getattr(self._model, "steps", None) or []
        sliced = len(steps) > 1 and hasattr(self._model, "__getitem__")
        return {id(one) for one in estimators_of(steps[-1][1], lambda _: True)} if sliced else set()

    @cached_property
    def _last(self) -> list[str]:
        try:
            before = self._given(self._answers.sample)
            rows = {name: self._answers.sample.with_columns(self._masked[name]) for name in self._private}
            return [name for name in self._private if not np.array_equal(self._given(rows[name]), before)]
        except Exception:  # masked values that a step refuses would reach it
            return self._private

    def _given(self, rows: pl.DataFrame) -> Any:
        with warnings.catch_warnings(action="ignore"):
            return _array(self._model[:-1].transform(rebuild(rows, self._answers.signature)))


def _array(table: Any) -> Any:
    return np.asarray(table.toarray() if hasattr(table, "toarray") else table).astype(str)


def _distinct(series: pl.Series) -> set[Any]:
    known = series.drop_nulls()
    if known.dtype in (pl.Categorical, pl.Enum):
        known = known.cast(pl.String)
    return set(known.unique().to_list()) if known.dtype == pl.String or known.dtype.is_numeric() else set()


def _plain_values(value: Any, depth: int) -> set[Any]:
    """The texts and numbers in arrays, lists and dicts."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return {value}
    if isinstance(value, np.ndarray):  # of a huge array some are enough
        value = value.ravel()[:: max(1, value.size // _MOST_VALUES)]
        if value.dtype.kind in "fiuU":
            return set(value.tolist())
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = value.tolist()
    elif isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    elif hasattr(value, "tolist") and hasattr(value, "dtype") and getattr(value, "ndim", 0) == 1:
        value = value.tolist()
    if not depth or not isinstance(value, (list, tuple, set, frozenset)):
        return set()
    return set().union(*(_plain_values(one, depth - 1) for one in value))


def _shares(inside: set[Any], known: set[Any], sure: bool) -> bool:
    """Whether values of a column are among others; small whole numbers are so by chance."""
    common = inside & known
    return bool(common) if sure else any(_telling(value) for value in common)


def _telling(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) >= _SHORTEST
    return sum(digit.isdigit() for digit in repr(value).strip("0.")) > _SHORTEST


def _forms(series: pl.Series) -> list[bytes]:
    """How some values of a column may be written in a file."""
    telling = sorted(value for value in _distinct(series) if _telling(value))
    some = telling[:: max(1, len(telling) // _LOOKED_FOR)]
    return [form for value in some for form in _written(value)]


def _written(value: Any) -> Sequence[bytes]:
    if isinstance(value, str):
        texts = [value.encode(code) for code in ("utf-8", "utf-16-le", "utf-32-le")]
        return [*texts, json.dumps(value)[1:-1].encode()]
    number = float(value)
    texts = [repr(value).encode(), f"{number:.17g}".encode()]
    packed = [struct.pack(order, number) for order in ("<d", ">d")]
    return [*texts, *packed, *([struct.pack("<q", value)] if isinstance(value, int) and abs(value) < 2**63 else [])]


def _once(found: Sequence[Held]) -> list[Held]:
    """One entry of each place, with the most rows and all the columns of those of its kind."""
    places: dict[str, Held] = {}
    for one in found:
        same = places.setdefault(one["where"], {"where": one["where"], "private": []})
        same["private"] += [column for column in one["private"] if column not in same["private"]]
        if "rows" in one:
            same["rows"] = max(one["rows"], same.get("rows", 0))
    return list(places.values())

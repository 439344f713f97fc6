"""Whether data was made from another table by something that callers would have to do themselves."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nbdeploy.codecs.binding import height_of
from nbdeploy.codecs.frames import CONTAINERS, container_of
from nbdeploy.snapshots.lineage.making import LAMBDA, Making, origin_of
from nbdeploy.snapshots.lineage.staleness import cell_name
from nbdeploy.snapshots.lineage.tracing import Past

__all__ = ["made_elsewhere"]

_log = logging.getLogger(__name__)
_ROWS = 64
_FOUND_ROWS = 8
_MOST_ROWS = 20_000
_MOST_OBJECTS = 20
_MOST_STEPS = 4
_MOST_NAMES = 5


def made_elsewhere(data: Any, known: Past | None) -> list[str]:
    """Warn where the data given is what a fitted transformer or a function of the notebook made of another table.

    Callers would have to do that themselves, and often will not. What made it is found in the history of the kernel
    or among the variables, and tried on a few rows before anything is said.

    Parameters
    ----------
    data : table
        As it was given.
    known : Past or None
        What ran in the kernel.

    Returns
    -------
    list of str
        The warning, with the option to add; empty if there is none.
    """
    try:
        with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
            told = _from_history(data, known) if known is not None else ""
            return [told] if told else _from_objects(data, known)
    except Exception:
        _log.debug("what made the data is not known", exc_info=True)
        return []


def _from_history(data: Any, known: Past) -> str:
    names = [name for name in known.names_of(data) if known.history.names[name] is data]
    if not names:
        return _from_selection(data, known)
    name = names[0]
    found = _touching(origin_of(known.state[name], known), data)
    if found is None:
        return ""
    if found.nameless and found.whole:
        return _nameless(name, found)
    if found.source is None:
        # A function may as well have read or made the rows; only a transformer says that there were others before.
        transformers = all(hasattr(known.evaluate(maker), "transform") for maker in found.makers)
        return _lost(name, found) if transformers or not found.whole else ""
    source = known.evaluate(found.source)
    if source is None or not _proven(found, source, data, known):
        return ""
    if found.library:
        return (
            f"{name} was made from {found.source} by {found.library}: callers will have to send its columns, and of "
            f"other rows it makes others; to send {found.source} instead, put an encoder that is fitted once "
            "(OneHotEncoder) into a pipeline with the model"
        )
    return _advice(name, found.makers, found.source)


def _from_selection(data: Any, known: Past) -> str:
    """Where the data is columns (``X[features]``) of a variable that something made, and not of one that is raw."""
    tables = {name: table for name, table in list(known.history.names.items()) if _is_selection(data, table)}
    makings = {
        name: _touching(origin_of(known.state[name], known), data)
        for name in tables
        if name in known.state and not name.startswith("_")
    }
    if not makings or None in makings.values():
        return ""
    name, found = next(iter(makings.items()))
    if found is None or not found.whole:
        return _lost(name, found) if found is not None else ""
    if found.nameless:
        return _nameless(name, found)
    source = known.evaluate(found.source) if found.source is not None else None
    if source is None or not _proven(found, source, tables[name], known):
        return ""
    if list(tables[name].columns) == list(data.columns):
        return _advice(name, found.makers, found.source or "")
    made = found.library or " and ".join(found.makers)
    return (
        f"the data given is columns of {name}, which was made from {found.source} by {made}: callers will have to send "
        f"them transformed like that; to send {found.source} instead, put {made} and the choice of columns into a "
        "pipeline with the model"
    )


def _touching(found: Making | None, data: Any) -> Making | None:
    """What was made of the columns that are given; of columns without names, all."""
    if found is None or found.whole:
        return found
    named = {name for name in getattr(data, "columns", ()) if isinstance(name, str)}
    parts = tuple(p for p in found.parts if p.columns is None or not named or named & {*p.columns})
    if not parts:
        return None
    return replace(found, node=parts[-1].node, makers=tuple(dict.fromkeys(p.maker for p in parts)), parts=parts)


def _is_selection(data: Any, table: Any) -> bool:
    """Whether a frame of pandas or Polars is columns of another, of the same rows."""
    if not all(hasattr(frame, "columns") and getattr(frame, "shape", ()) for frame in (data, table)):
        return False
    if data is table or type(data) is not type(table) or data.shape[0] != table.shape[0]:
        return False
    names = list(data.columns)
    known = len({*table.columns}) == len(table.columns) and {*names} <= {*table.columns}
    return bool(known and table[names].equals(data))


def _advice(name: str, makers: Sequence[str], source: str) -> str:
    steps = {maker: f"step{i or ''}" for i, maker in enumerate(m for m in makers if m.startswith(LAMBDA))}
    options = " ".join(f"--preprocess {steps.get(maker, maker)}" for maker in makers)
    defined = "".join(f"{step} = {maker}; " for maker, step in steps.items())
    by = " and ".join(maker.removeprefix(LAMBDA) for maker in makers)
    return (
        f"{name} was made from {source} by {by}: callers will have to send rows transformed like that; to send "
        f"{source} instead add: {options} -X {source}{f' (with {defined[:-2]})' if defined else ''}"
    )


def _lost(name: str, found: Making) -> str:
    """What to say where what it was before is nowhere any more."""
    makers, cell = " and ".join(found.makers), cell_name(found.node)
    if not found.whole:
        return (
            f"{_columns(found)} of {name} were made by {makers} in {cell}: callers will have to send them transformed "
            f"like that; put {makers} into a pipeline with the model (make_column_transformer)"
        )
    options = " ".join(f"--preprocess {maker}" for maker in found.makers)
    return (
        f"{name} was made by {makers} in {cell} from rows that no variable holds any more: callers will have to send "
        f"rows transformed like that; keep the rows as they were, say as raw, and add: {options} -X raw"
    )


def _nameless(name: str, found: Making) -> str:
    """What to say where no variable holds what was fitted."""
    makers, first = " and ".join(found.makers), found.nameless[0]
    options = " ".join(f"--preprocess {'step' if maker == first else maker}" for maker in found.makers)
    return (
        f"{name} was made by {makers} in {cell_name(found.node)}, and no variable holds {first}: callers will have to "
        f"send rows transformed like that; fit it by a name, say step = {first}, and add: {options} -X "
        f"{found.source or 'the rows as they were'}"
    )


def _columns(found: Making) -> str:
    named = [part.columns for part in found.parts]
    every = [name for columns in named for name in columns or ()]
    if None in named or len(every) > _MOST_NAMES:
        return "columns"
    return f"the columns {', '.join(dict.fromkeys(every))}"


def _proven(found: Making, source: Any, data: Any, known: Past) -> bool:
    """Whether the makers make these rows of the source, and are not without effect."""
    applied = [known.evaluate(maker) for maker in found.makers]
    if found.library:
        whole: Any = known.evaluate(found.library_call) if len(source) <= _MOST_ROWS else None
        if found.selected and hasattr(whole, "columns") and {*getattr(data, "columns", ())} < {*whole.columns}:
            whole = whole[list(data.columns)]
        return whole is not None and _contains(whole, _some(data, _FOUND_ROWS), data)
    if any(maker is None for maker in applied):
        return False
    return _makes([_function(maker) for maker in applied], source, data, found.selected)


def _from_objects(data: Any, known: Past | None) -> list[str]:
    """Try every fitted transformer on every table of as many rows."""
    names = known.history.names if known is not None else vars(sys.modules["__main__"])
    if known is not None and any(value is data for name, value in names.items() if name in known.state):
        return []  # the history knows where it is from
    visible = {name: value for name, value in list(names.items()) if not name.startswith("_")}
    fitted = {n: v for n, v in visible.items() if hasattr(v, "transform") and hasattr(v, "n_features_in_")}
    tables = {n: v for n, v in visible.items() if v is not data and _is_table(v) and len(v) == height_of(data)}
    mine = next((n for n, v in visible.items() if v is data), "the data given")
    makers: list[str] = []
    wanted, source = data, ""
    for _ in range(_MOST_STEPS):
        step = _one_step(wanted, dict(list(fitted.items())[:_MOST_OBJECTS]), dict(list(tables.items())[:_MOST_OBJECTS]))
        if step is None:
            break
        maker, source = step
        makers.insert(0, maker)
        fitted.pop(maker)
        wanted = tables.pop(source)
    return [_advice(mine, makers, source)] if makers else []


def _one_step(data: Any, fitted: Mapping[str, Any], tables: Mapping[str, Any]) -> tuple[str, str] | None:
    for maker, transformer in fitted.items():
        for source, table in tables.items():
            width = table.shape[1] if getattr(table, "ndim", 0) == 2 else 1
            if width != transformer.n_features_in_:
                continue
            with contextlib.suppress(Exception):  # a table of another kind than it was fitted on
                if _makes([transformer.transform], table, data, selected=False):
                    return maker, source
    return None


def _function(maker: Any) -> Callable[[Any], Any]:
    return maker.transform if hasattr(maker, "transform") else maker  # type: ignore[no-any-return]


def _makes(functions: Sequence[Callable[[Any], Any]], source: Any, data: Any, selected: bool) -> bool:
    if not selected:
        if height_of(source) != height_of(data):
            return False
        rows = _some(data)
        given, wanted = _take(source, rows), _array(_take(data, rows))
        return not _equal(_array(given), wanted) and _equal(_array(_applied(functions, given)), wanted)
    if height_of(source) > _MOST_ROWS:
        return False
    made = _applied(functions, source)
    rows = _some(data, _FOUND_ROWS)
    return not _contains(source, rows, data) and _contains(made, rows, data)


def _applied(functions: Sequence[Callable[[Any], Any]], rows: Any) -> Any:
    made = rows.copy() if hasattr(rows, "copy") else rows
    for function in functions:
        made = function(made)
    return made


def _contains(table: Any, rows: Sequence[int], data: Any) -> bool:
    """Whether some rows of the data are among those of a table."""
    every, wanted = _array(table), _array(_take(data, list(rows)))
    if every.ndim != wanted.ndim or every.shape[1:] != wanted.shape[1:]:
        return False
    return all(any(_equal(one, row) for one in _alike(every, row)) for row in wanted)


def _alike(every: Any, row: Any) -> Any:
    """The rows whose first value is about that of a row, to compare the others of those only."""
    first, value = (every, row) if every.ndim == 1 else (every[:, 0], row[0])
    if every.dtype.kind not in "fiub" or value != value:
        return every
    return every[np.isclose(first.astype(float), float(value))]


def _some(data: Any, n: int = _ROWS) -> list[int]:
    """Numbers of rows, evenly spread from the first to the last."""
    last = height_of(data) - 1
    return sorted({i * last // (n - 1) for i in range(n)})


def _take(data: Any, rows: list[int]) -> Any:
    return CONTAINERS[container_of(data)].take(data, rows)


def _is_table(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    return isinstance(shape, tuple) and len(shape) in {1, 2} and bool(shape[0]) and hasattr(value, "__len__")


def _array(table: Any) -> Any:
    dense = table.toarray() if hasattr(table, "toarray") else table
    return np.asarray(dense)


def _equal(one: Any, other: Any) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return False
    with contextlib.suppress(TypeError, ValueError):
        return bool(np.allclose(one.astype(float), other.astype(float), rtol=1e-6, equal_nan=True))
    return bool(np.all((one == other) | ((one != one) & (other != other))))

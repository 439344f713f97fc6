"""Categories looked up: one dictionary per column, from a value on the wire to a row of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbdeploy.compilers.stages import Field, NotCompiled, Numbers, Stage, only_exact
from nbdeploy.compilers.twin import Unsure

__all__ = ["one_hot", "ordinal", "target"]

_UNKNOWN = -1
_REFUSED = -2


@dataclass(frozen=True)
class _Lookup:
    """One column: where it is, and what its values are called inside the encoder."""

    position: int
    codes: dict[Any, int]
    refuses: bool

    def find(self, rows: Any) -> Any:
        """Return the codes of a row, or of rows; an infinity, which the encoder refuses, goes to native code."""
        found = rows.codes(self.position, self.codes, _UNKNOWN)
        if self.refuses and np.any(found == _REFUSED):
            raise Unsure
        return found


def one_hot(step: Any, given: Stage) -> Numbers:
    """Compile ``OneHotEncoder``: a one where the category is, after grouping and dropping."""
    lookups = _lookups(step, given)
    unknown_is_error = step.handle_unknown == "error"
    targets = [_hot(step, i) for i in range(len(lookups))]
    starts = np.cumsum([0, *step._n_features_outs])
    width, dtype = int(starts[-1]), np.dtype(step.dtype)
    moved = [np.where(target >= 0, target + starts[i], width) for i, target in enumerate(targets)]
    plain = [(lookup.find, where) for lookup, where in zip(lookups, moved, strict=True)]

    def run(rows: Any) -> Any:
        # One column more than there are takes the ones of unknown and dropped categories.
        out = np.zeros((*rows.lead, width + 1), dtype)
        for find, where in plain:
            code = find(rows)
            if unknown_is_error and np.any(code == _UNKNOWN):
                raise Unsure
            if rows.lead:
                out[np.arange(len(out)), where[code]] = 1
            else:
                out[where[code]] = 1
        return out[..., :width] if not rows.lead else np.ascontiguousarray(out[..., :width])

    return Numbers(run, width, dtype, given.plan, exact=True, sparse=bool(step.sparse_output))


def _hot(step: Any, column: int) -> Any:
    """Category to column of the answer, or -1 for none; the last entry is for unknown ones."""
    grouped = np.arange(len(step.categories_[column]))
    unknown = -1
    if getattr(step, "_infrequent_enabled", False):
        mapping = step._default_to_infrequent_mappings[column]
        if mapping is not None:
            grouped = np.asarray(mapping)
            rare = step._infrequent_indices[column]
            if rare is not None and step.handle_unknown in {"infrequent_if_exist", "warn"}:
                unknown = int(mapping[rare[0]])
    out = np.append(grouped, unknown)
    dropped = None if step._drop_idx_after_grouping is None else step._drop_idx_after_grouping[column]
    if dropped is not None:
        out = np.where(out == dropped, -1, np.where(out > dropped, out - 1, out))
    return out


def ordinal(step: Any, given: Stage) -> Numbers:
    """Compile ``OrdinalEncoder``: a number per category, with its own for missing and unknown ones."""
    lookups = _lookups(step, given)
    error = step.handle_unknown == "error"
    columns = []
    for i, lookup in enumerate(lookups):
        table = np.arange(len(step.categories_[i])).astype(step.dtype)
        grouped = step._default_to_infrequent_mappings[i] if getattr(step, "_infrequent_enabled", False) else None
        if grouped is not None:  # without the missing value, which is the last category
            table[: len(grouped)] = grouped
        missing = step._missing_indices.get(i)
        if missing is not None:
            table[missing] = step.encoded_missing_value
        other = 0 if error else step.unknown_value
        columns.append((lookup, np.append(table, np.array(other, step.dtype))[:, None]))
    return _gathered(columns, given, np.dtype(step.dtype), error=error)


def target(step: Any, given: Stage) -> Numbers:
    """Compile ``TargetEncoder``: means of the target per category, and over all for unknown ones."""
    lookups = _lookups(step, given)
    classes = len(step.classes_) if step.target_type_ == "multiclass" else 1
    means = np.atleast_1d(step.target_mean_)
    columns = []
    for i, lookup in enumerate(lookups):
        encodings = step.encodings_[i * classes : (i + 1) * classes]
        table = np.stack([np.append(np.asarray(e, float), means[c]) for c, e in enumerate(encodings)], axis=1)
        columns.append((lookup, table))
    return _gathered(columns, given, np.dtype(float), error=False)


def _gathered(columns: list[tuple[_Lookup, Any]], given: Stage, dtype: Any, *, error: bool) -> Numbers:
    """Join the rows of each column's table that its values name; the last row is for unknown ones."""
    plain = [(lookup.find, np.ascontiguousarray(table)) for lookup, table in columns]

    def run(rows: Any) -> Any:
        parts = []
        for find, table in plain:
            code = find(rows)
            if error and np.any(code == _UNKNOWN):
                raise Unsure
            parts.append(table[code])
        return np.concatenate(parts, axis=-1)

    return Numbers(run, sum(table.shape[1] for _, table in plain), dtype, given.plan)


def _lookups(step: Any, given: Stage) -> list[_Lookup]:
    if len(step.categories_) != (given.width if isinstance(given, Numbers) else len(given.fields)):
        raise NotCompiled("it was fitted with other columns")
    if isinstance(given, Numbers):
        only_exact(given, type(step).__name__)
        raise NotCompiled("it encodes numbers that another step made")
    return [_lookup(field, categories) for field, categories in zip(given.fields, step.categories_, strict=True)]


def _lookup(field: Field, categories: Any) -> _Lookup:
    """Wire value to code. A missing value has the code of what stands for it, if that is a category."""
    column = field.column
    values = categories.tolist()
    gone = [i for i, value in enumerate(values) if value is None or value != value]
    if len(gone) > 1 or (gone and column.missing == "none" and values[gone[0]] is not None):
        raise NotCompiled(f"column {column.name!r} has missing values of several kinds")
    if column.type in {"datetime", "date", "duration"}:
        raise NotCompiled(f"column {column.name!r} has times for categories")
    texts = column.type == "string" or (column.type == "categorical" and isinstance(values[0], str))
    if texts != any(isinstance(value, str) for value in values):
        raise NotCompiled(f"column {column.name!r} has other types than the categories")
    codes = {value: i for i, value in enumerate(values) if i not in gone}
    if field.filled is not None:
        if field.filled in codes:
            codes[None] = codes[field.filled]
    elif gone:
        codes[None] = gone[0]
    infinite = column.type.startswith("float")
    if infinite:
        codes |= {float("inf"): _REFUSED, float("-inf"): _REFUSED}
    return _Lookup(field.position, codes, infinite)

"""Stages: what flows between the steps of a pipeline while it is compiled, and the arithmetic they share.

Compiled code is written once for a record (arrays without an axis of rows) and for a batch (with it): it works
along the last axis only. Sums go along that axis of arrays in row order, so that a row's bits are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nbdeploy.compilers.twin import Unsure
from nbdeploy.types import Column, Signature

__all__ = [
    "Field",
    "Fields",
    "NotCompiled",
    "NotFor",
    "Numbers",
    "Plan",
    "Stage",
    "all_finite",
    "as_numbers",
    "bounded",
    "dot",
    "fields_of",
    "finite",
    "floating",
    "in_rows",
    "name_of",
    "only_exact",
    "some_infinite",
]

WIDEST = 2**16
"""Columns that a compiled step may make: they are held as dense rows."""


class NotCompiled(Exception):
    """A model, or a step of it, has no twin; the text says why.

    Parameters
    ----------
    reason : str
        Why, in words for people.
    where : str
        The step that it is about; empty where only the caller knows that.

    Examples
    --------
    >>> str(NotCompiled("its input is sparse").at("step 'pca' (PCA)"))
    "step 'pca' (PCA): its input is sparse"
    """

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(reason)
        self.reason, self.where = reason, where

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" if self.where else self.reason

    def at(self, where: str) -> NotCompiled:
        """Return it with the step that it is about, unless a step inside of that one is named."""
        return self if self.where else NotCompiled(self.reason, where)

    def because(self, more: str) -> NotCompiled:
        """Return it with one more reason."""
        return NotCompiled(f"{self.reason}; {more}", self.where)


class NotFor(NotCompiled):
    """A compiler is not for models of this kind, and leaves them to others."""


@dataclass
class Plan:
    """What compiling one model has to know, and finds out.

    Attributes
    ----------
    signature : Signature
        What the model takes.
    exact : bool
        Whether steps that are equal only to rounding are to be called natively.
    native : list of str
        Names of the steps that are called natively.
    cells : int
        Most numbers per row so far.
    work : int
        Products per row that are summed.
    parent : Plan or None
        The plan that this one is a part of, where a native step made a new frame.
    """

    signature: Signature
    exact: bool = False
    native: list[str] = field(default_factory=list)
    cells: int = 1
    work: int = 0
    parent: Plan | None = None

    def count(self, *, cells: int = 0, work: int = 0) -> None:
        """Take note of what a step holds and sums per row."""
        self.cells = max(self.cells, cells)
        self.work += work
        if self.parent is not None:
            self.parent.count(cells=cells, work=work)


@dataclass(frozen=True)
class Field:
    """One column as it was given: its position on the wire, and what stands for missing values since an imputer."""

    position: int
    column: Column
    filled: Any = None


@dataclass(frozen=True)
class Fields:
    """Columns as they were given: numbers, text, categories.

    Attributes
    ----------
    fields : tuple of Field
        The columns.
    plan : Plan
        What they are columns of.
    before : callable or None
        Makes the rows that they are columns of, where a native step answered with a frame: what comes after it is
        compiled on its own, and gets those rows.
    """

    fields: tuple[Field, ...]
    plan: Plan
    before: Callable[[Any], Any] | None = None

    def take(self, positions: Sequence[int]) -> Fields:
        """Return some of the columns."""
        return replace(self, fields=tuple(self.fields[i] for i in positions))


def fields_of(plan: Plan, before: Callable[[Any], Any] | None = None) -> Fields:
    """Return the columns of a plan's signature; levels of an index are none."""
    columns = enumerate(plan.signature.columns)
    return Fields(tuple(Field(i, column) for i, column in columns if not column.level), plan, before)


@dataclass(frozen=True)
class Numbers:
    """An array with columns along its last axis.

    Attributes
    ----------
    run : callable
        Computes it from rows. Whoever calls it may change the result.
    width : int
        Number of columns.
    dtype : numpy.dtype
        Their type.
    plan : Plan
        What it is compiled for.
    exact : bool
        Whether it has the very bits of the native step's answer.
    sparse : bool
        Whether the native step answers with a sparse matrix, whose products are summed in order.
    """

    run: Callable[[Any], Any]
    width: int
    dtype: Any
    plan: Plan
    exact: bool = True
    sparse: bool = False

    def __post_init__(self) -> None:
        if self.width > WIDEST:
            raise NotCompiled(f"{self.width} columns are more than a twin holds per row ({WIDEST})")
        self.plan.count(cells=self.width)

    def then(self, run: Callable[[Any], Any], **changes: Any) -> Numbers:
        """Return the next stage: `run` gets this one's array."""
        before = self.run
        return replace(self, run=lambda rows: run(before(rows)), **changes)


Stage = Fields | Numbers

_NUMERIC = {
    "bool", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
}  # fmt: skip


def as_numbers(given: Stage) -> Numbers:
    """Return a stage as an array, as scikit-learn reads numeric columns.

    Raises
    ------
    NotCompiled
        If a column is not numeric.
    """
    if isinstance(given, Numbers):
        return given
    if given.before is not None:
        raise NotCompiled("a native step answers with a frame, where an array is read")
    text = [field.column for field in given.fields if field.column.type not in _NUMERIC]
    if text:
        raise NotCompiled(f"column {text[0].name!r} is {text[0].type}, where numbers are read")
    dtype = _common(given)
    positions = [field.position for field in given.fields]
    every = None if positions == list(range(len(given.plan.signature.columns))) else positions
    filled = [field.filled for field in given.fields]
    if any(fill is not None for fill in filled):
        raise NotCompiled("numbers are read from columns that were filled as objects")
    return Numbers(lambda rows: rows.numbers(every, dtype), len(positions), dtype, given.plan)


def _common(given: Fields) -> Any:
    """The type that NumPy gives the columns together; objects and missing integers become floats."""
    signature = given.plan.signature
    if signature.container == "numpy":
        dtype = np.dtype(signature.dtype)
    else:
        dtype = np.result_type(*(_numpy(field.column) for field in given.fields)) if given.fields else np.dtype(float)
    return np.dtype(np.float64) if dtype.kind not in "fiub" else dtype


def _numpy(column: Column) -> Any:
    plain = column.dtype == column.type or (column.dtype[:1].isupper() and not column.nullable)
    return np.dtype(column.type) if plain and not (column.nullable and column.type[0] in "iub") else np.dtype(float)


def floating(given: Stage) -> Numbers:
    """Return numbers as most scikit-learn steps read them: float32 stays, anything else becomes float64."""
    numbers = as_numbers(given)
    if numbers.dtype in (np.float32, np.float64):
        return numbers
    return numbers.then(lambda x: x.astype(np.float64), dtype=np.dtype(np.float64))


def only_exact(given: Numbers, why: str) -> Numbers:
    """Return the stage, if it has the very bits of the native one.

    Raises
    ------
    NotCompiled
        If it is equal only to rounding: a cut at a threshold would make a jump of the last bits.
    """
    if not given.exact:
        raise NotCompiled(f"{why} cuts at thresholds, and what it reads is equal only to rounding")
    return given


def finite(given: Numbers) -> Numbers:
    """Return the stage; a row with a NaN or an infinity in it, which the native step refuses, goes to native code."""

    def run(x: Any) -> Any:
        if not all_finite(x):
            raise Unsure
        return x

    return given.then(run) if given.dtype.kind == "f" else given


def bounded(given: Numbers) -> Numbers:
    """Return the stage; a row with an infinity in it, which the native step refuses, goes to native code."""

    def run(x: Any) -> Any:
        if some_infinite(x):
            raise Unsure
        return x

    return given.then(run) if given.dtype.kind == "f" else given


def all_finite(x: Any) -> bool:
    """Whether an array has neither a NaN nor an infinity; counting takes a third of the time of ``all``."""
    if x.ndim == 1:
        return 0 not in np.isfinite(x).tobytes()  # two thirds of the time of counting, for a row
    return bool(np.count_nonzero(np.isfinite(x)) == x.size)


def some_infinite(x: Any) -> bool:
    """Whether an array has an infinity in it."""
    if x.ndim == 1:
        return 1 in np.isinf(x).tobytes()
    return bool(np.count_nonzero(np.isinf(x)))


def in_rows(x: Any) -> Any:
    """Return an array in row order: chosen columns come in another one, and sums along rows then in other bits."""
    return np.ascontiguousarray(x)


def dot(given: Numbers, weights: Any) -> Callable[[Any], Any]:
    """Return the product with a matrix of shape (c, k), summed along each row.

    Products with sparse matrices are summed from left to right, as SciPy does, zeros included: adding them
    changes nothing.
    """
    weights = np.ascontiguousarray(weights)
    given.plan.count(work=weights.size)
    if given.sparse:
        return lambda x: _in_order(x, weights)
    if len(weights) == 1:
        row = weights[0]
        return lambda x: np.add.reduce(in_rows(x) * row, axis=-1, keepdims=True)

    def product(x: Any) -> Any:
        x = in_rows(x)
        if x.ndim == 1:
            return np.add.reduce(weights * x, axis=-1)
        return np.stack([np.add.reduce(x * row, axis=-1) for row in weights], axis=-1)

    return product


def _in_order(x: Any, weights: Any) -> Any:
    if x.ndim == 1:
        at = np.flatnonzero(x)
        if not len(at):
            return np.zeros(len(weights), np.result_type(x, weights))
        return np.add.accumulate(x[at] * weights[:, at], axis=-1)[:, -1]
    if x.shape[-1] > 64:
        return np.stack([_in_order(row, weights) for row in x]) if len(x) else np.zeros((0, len(weights)))
    return np.stack([np.add.accumulate(x * row, axis=-1)[..., -1] for row in weights], axis=-1)


def name_of(step: Any) -> str:
    """Return a step's class as its table of compilers has it: top-level package and class.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> name_of(StandardScaler())
    'sklearn.StandardScaler'
    """
    return f"{type(step).__module__.partition('.')[0]}.{type(step).__qualname__}"

"""Signatures: what a model takes and answers, as immutable values that refuse what no model could mean."""

from __future__ import annotations

import math
from typing import Any

import msgspec

__all__ = ["ITEMS", "PER_SECOND", "TYPES", "UNKNOWN", "UNSEEN", "Axis", "Column", "MethodOutput", "Signature"]

NUMBERS = ("float16", "float32", "float64", *(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")))
ITEMS = frozenset({*NUMBERS, "bool", "string"})
"""Logical types of what is in a list, an array or a sparse row."""

TYPES = ITEMS | {"binary", "categorical", "date", "datetime", "decimal", "duration", "list", "sparse", "time"}
"""Logical types of a column."""

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Units of times, the coarsest first, and how many of each are a second."""

UNKNOWN = ("ignore", "warn", "reject")
"""What can be done with columns that the model does not take; the first is what is done where nothing else is said."""

UNSEEN = ("reject", "missing")
"""What can be done with a value that is not one of its column's categories; the first as above."""

_MISSING = (None, "NA", "NaT", "absent", "nan", "none")
_HOLDS = (None, "list", "ndarray", "tuple")
_LARGEST = 2**28


class Column(msgspec.Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True):
    """One input column of a model, enough to rebuild exactly what it was given.

    Attributes
    ----------
    name : str
        The name on the wire (unique text).
    type : str
        Logical type, one of :data:`TYPES`: ``float64``, ``int32`` …, ``bool``, ``string``, ``binary``,
        ``categorical``, ``date``, ``datetime``, ``time``, ``duration``, ``decimal``, ``list`` or ``sparse``.
    dtype : str
        The container's own name of the type, for example pandas' ``Int64``.
    label : Any
        The container's own label where it is not the wire name (an integer column), as JSON holds it.
    nullable : bool
        Whether values may be missing: some were in the data given, or the column was declared so.
    required : bool
        Whether callers must send the column; if not, `default` stands for it where it is absent.
    default : Any
        The value of a column that is absent, as JSON holds it; None is a missing value.
    categories : list or None
        The categories of a categorical column, in order.
    categories_dtype : str or None
        The container's own name of the categories' type.
    ordered : bool
        Whether those categories are ordered.
    missing : str or None
        What stands for a missing value in an object column: ``nan``, ``none``, ``NA`` or ``NaT``; ``nan`` also
        in floats of Polars, Arrow and Python, where a missing value would otherwise be null or None;
        ``absent`` where a record lacks the key.
    unit : str or None
        The unit of a datetime, duration or time of day: ``ns``, ``us``, ``ms`` or ``s``.
    timezone : str or None
        The time zone of a datetime: its IANA name, or a fixed offset such as ``+05:30``.
    precision, scale : int or None
        Of a decimal: how many digits, and how many of them after the point.
    items : str or None
        The logical type of what is in a list or a sparse row.
    shape : list of int or None
        The lengths of a list's dimensions, None where they vary; of a sparse row its width.
    labels : list or None
        The labels of the columns that a sparse row of a pandas frame stands for, as JSON holds them.
    gaps : bool
        Whether NaN may be among the items.
    holds : str or None
        The Python class of the lists in an object column: ``list``, ``tuple`` or ``ndarray``.
    fill : Any
        The value that a pandas sparse column does not store, as JSON holds it; None is NaN.
    level : bool
        Whether this is a level of the index, rather than a column.
    low, high : Any
        A range that holds the values given, as JSON holds it: numbers, or text of times and decimals. Its ends are
        round (see :func:`nbdeploy.codecs.ranges.round_range`): the lowest and the highest value are somebody's own.
    private : bool
        Whether its values shall be shown nowhere: not in samples, profiles, logs and messages.
    """

    name: str
    type: str
    dtype: str
    label: Any = None
    nullable: bool = False
    required: bool = True
    default: Any = None
    categories: list[Any] | None = None
    categories_dtype: str | None = None
    ordered: bool = False
    missing: str | None = None
    unit: str | None = None
    timezone: str | None = None
    precision: int | None = None
    scale: int | None = None
    items: str | None = None
    shape: list[int | None] | None = None
    labels: list[Any] | None = None
    gaps: bool = False
    holds: str | None = None
    fill: Any = None
    level: bool = False
    low: Any = None
    high: Any = None
    private: bool = False

    def __post_init__(self) -> None:
        """Refuse what no column can be; msgspec makes it an error of the document that says so.

        Raises
        ------
        ValueError
            Naming the column, the field and what is possible.
        """
        self._refuse_unless("type", self.type, self.type in TYPES, sorted(TYPES))
        self._refuse_unless("missing", self.missing, self.missing in _MISSING, _MISSING)
        self._refuse_unless("unit", self.unit, self.unit in (None, *PER_SECOND), PER_SECOND)
        self._refuse_unless("holds", self.holds, self.holds in _HOLDS, _HOLDS)
        nested = self.type in {"list", "sparse"}
        self._refuse_unless("items", self.items, self.items in ITEMS if nested else self.items is None, sorted(ITEMS))
        self._refuse_unless("shape", self.shape, _is_shape(self.shape, self.type), "lengths of its dimensions")
        if self.labels is not None and (self.type != "sparse" or [len(self.labels)] != self.shape):
            raise ValueError(f"column {self.name!r} has labels, but not one for each of its {self.shape} positions")
        if (self.type == "categorical") != (self.categories is not None):
            raise ValueError(f"column {self.name!r}: a categorical column has categories, and no other has")
        digits = (self.precision, self.scale)
        decimal = None not in digits and 0 <= self.scale <= self.precision <= 38  # type: ignore[operator]
        self._refuse_unless(
            "precision", digits, decimal if self.type == "decimal" else digits == (None, None), "1 to 38"
        )

    def _refuse_unless(self, field: str, value: Any, right: bool, possible: Any) -> None:
        if not right:
            raise ValueError(f"column {self.name!r} has {field} {value!r:.60}, which is not one of {possible}")


def _is_shape(shape: list[int | None] | None, kind: str) -> bool:
    if kind not in {"list", "sparse"}:
        return shape is None
    if not shape or (kind == "sparse" and (len(shape) != 1 or shape[0] is None)):
        return False
    fixed = [size for size in shape if size is not None]
    return (
        len(shape) <= 16
        and all(0 <= size < 2**32 for size in fixed)
        and (kind == "sparse" or math.prod(fixed) <= _LARGEST)
    )


class MethodOutput(msgspec.Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True):
    """What one method of a model answers: its output columns and their types.

    Attributes
    ----------
    columns : list of str
        Output column names, for example ``probability_yes``.
    types : list of str
        Their logical types, as in :class:`Column`.
    dims : int
        Number of dimensions of the native answer.
    details : dict of str to Column
        The columns whose type has parameters: datetimes, durations, decimals, lists ….
    """

    columns: list[str]
    types: list[str]
    dims: int = 1
    details: dict[str, Column] = {}

    def __post_init__(self) -> None:
        """Refuse an output whose columns have no types, or unknown ones."""
        if len(self.columns) != len(self.types) or not {*self.types} <= TYPES:
            raise ValueError(f"an output has columns {self.columns!r:.80} of types {self.types!r:.80}")
        for name, kind in zip(self.columns, self.types, strict=True):
            if name in self.details and self.details[name].type != kind:
                raise ValueError(f"output {name!r} is said to be {kind!r} and {self.details[name].type!r}")
            if name not in self.details and kind in {"categorical", "decimal", "list", "sparse"}:
                raise ValueError(f"output {name!r} is said to be {kind!r}, without its parameters")


class Axis(msgspec.Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True):
    """The labels of a frame's rows or columns.

    Attributes
    ----------
    kind : str
        Class of the pandas index: ``RangeIndex``, ``Index``, ``DatetimeIndex``, ``MultiIndex`` ….
    names : list
        The names of its levels, as JSON holds them.
    dtype : str or None
        The type of its labels, where they do not say it themselves.
    """

    kind: str
    names: list[Any] = []
    dtype: str | None = None


class Signature(msgspec.Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True):
    """What a model takes and answers.

    Attributes
    ----------
    container : str
        The package of the data given: ``pandas``, ``polars``, ``pyarrow``, ``numpy``, ``scipy``, ``torch``
        or ``builtins``.
    columns : list of Column
        The inputs, in the order given.
    outputs : dict of str to MethodOutput
        The methods and what each answers.
    default_method : str
        The method that ``predict`` means.
    dims : int
        1 for a series, a one-dimensional array or a list of values; 2 for a table; n for an array of n dimensions.
    dtype : str or None
        The common type of a NumPy input; the form of a sparse one (``csr_matrix`` …), of an Arrow one
        (``RecordBatch``) and of a builtin one: ``records``, ``columns`` or ``values``.
    index : Axis or None
        The row labels of the pandas data given, where they were more than row numbers. They are rebuilt
        only where the columns have the levels; otherwise the model gets row numbers.
    header : Axis or None
        The column labels of the pandas data given, where plain labels do not make the same.
    unknown : str
        What to do with columns that the model does not take: ``ignore``, ``warn`` or ``reject``.
    unseen : str
        What to do with a value that is not one of its column's categories: ``reject`` it, or take it as
        ``missing``, as pandas does.
    """

    container: str
    columns: list[Column]
    outputs: dict[str, MethodOutput] = {}
    default_method: str = "predict"
    dims: int = 2
    dtype: str | None = None
    index: Axis | None = None
    header: Axis | None = None
    unknown: str = UNKNOWN[0]
    unseen: str = UNSEEN[0]

    def __post_init__(self) -> None:
        """Refuse a signature without columns, or with two of one name."""
        names = self.names
        if not names or len({*names}) < len(names):
            raise ValueError(f"a signature has one column at least, and no two of one name: {names!r:.120}")
        if self.unknown not in UNKNOWN:
            raise ValueError(f"unknown columns are ignored, warned of or rejected, not {self.unknown!r:.60}")
        if self.unseen not in UNSEEN:
            raise ValueError(f"unseen categories are rejected or missing, not {self.unseen!r:.60}")

    @property
    def names(self) -> list[str]:
        """Wire names of the input columns, in order."""
        return [column.name for column in self.columns]

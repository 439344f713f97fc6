"""Tables of any library: described as a signature, and rebuilt from the wire."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
import polars as pl

from nbdeploy.codecs.labels import unique
from nbdeploy.codecs.parts import Part
from nbdeploy.codecs.ranges import round_range
from nbdeploy.errors import Corrupted, InvalidData, NbdeployError
from nbdeploy.plugins import Registry
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINERS", "Container", "check", "container_of", "describe", "like", "rebuild"]


_UNMADE = (
    NbdeployError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    pl.exceptions.PolarsError,
)


class Container(Protocol):
    """How one library's tables are taken apart and put together.

    A container whose columns go by position has a method ``placed(data, signature)`` as well, and one whose
    rows have labels ``levels(data)``; both return parts. ``whole(data, labels)`` returns very many columns as one.
    """

    def parts(self, data: Any) -> list[Part]:
        """Take a table apart. Names need not be unique."""

    def form(self, data: Any) -> dict[str, Any]:
        """Return what the signature says of the table as a whole: ``dims``, ``dtype``, ``index``, ``header``."""

    def take(self, data: Any, rows: list[int]) -> Any:
        """Return some rows of a table, as the same kind of table."""

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        """Put a table together exactly as the model was given it."""


CONTAINERS: Registry[Container] = Registry(
    "container",
    {
        "builtins": "nbdeploy.codecs.builtin_tables:CONTAINER",
        "nbdeploy": "nbdeploy.codecs.text_tables:CONTAINER",
        "numpy": "nbdeploy.codecs.numpy_tables:CONTAINER",
        "pandas": "nbdeploy.codecs.pandas_tables:CONTAINER",
        "polars": "nbdeploy.codecs.polars_tables:CONTAINER",
        "pyarrow": "nbdeploy.codecs.arrow_tables:CONTAINER",
        "scipy": "nbdeploy.codecs.scipy_tables:CONTAINER",
        "torch": "nbdeploy.codecs.torch_tables:CONTAINER",
    },
)


def container_of(data: Any) -> str:
    """Name of the container that knows this data, by the package its class comes from.

    Raises
    ------
    InvalidData
        If none does.
    """
    for cls in type(data).__mro__:
        root = cls.__module__.partition(".")[0]
        if root in CONTAINERS and cls is not object:
            return root
    raise InvalidData(
        f"data of type {type(data).__name__} is not a table; there are: pandas, Polars, Arrow, NumPy, "
        "PyTorch's tensors, scipy's sparse matrices, a list of dicts, a dict of lists"
    )


def describe(data: Any, *, index: bool = False) -> Signature:
    """Infer the signature's inputs from data.

    Parameters
    ----------
    data : table
        pandas, Polars, Arrow, NumPy, a scipy sparse matrix, a list of dicts or a dict of lists.
    index : bool
        Whether the levels of a pandas index are inputs too: then callers send them like columns, and the model
        gets them as its index. Otherwise it gets row numbers.

    Raises
    ------
    InvalidData
        If there is no row, or a column of a type that no signature has.

    Examples
    --------
    >>> describe([{"age": 41, "plan": "gold"}]).names
    ['age', 'plan']
    """
    name = container_of(data)
    container: Any = CONTAINERS[name]
    whole = container.whole(data) if hasattr(container, "whole") else None
    parts = container.parts(data) if whole is None else [whole]
    if not parts:
        raise InvalidData("the data has no columns")
    if index and whole is None and hasattr(container, "levels"):
        parts = [*container.levels(data), *parts]
    if not len(parts[-1].series()):
        raise InvalidData("the data has no rows, so its types are unknown; give at least one row")
    names = unique([part.name for part in parts])
    columns = [_described(part, wire) for part, wire in zip(parts, names, strict=True)]
    return Signature(container=name, columns=columns, **container.form(data))


def rebuild(wire: pl.DataFrame, signature: Signature) -> Any:
    """Turn wire rows into exactly the kind of data that the model was given."""
    return CONTAINERS[signature.container].rebuild(wire, signature)


def check(signature: Signature) -> None:
    """Try whether a signature out of a bundle says what no container can make.

    Raises
    ------
    Corrupted
        If so.
    """
    from nbdeploy.codecs.binding import default, empty

    try:
        rebuild(empty(signature), signature)
        for column in signature.columns:
            if not column.required:
                default(column, 1)
    except _UNMADE as error:
        raise Corrupted(f"the bundle's signature cannot be what a model was given: {error}") from error


def like(data: Any, answers: pl.DataFrame) -> Any:
    """Return answers as a table of the library that the data came in: Polars, Arrow, and pandas for all others.

    The index of a pandas input is kept.
    """
    container = container_of(data)
    if container == "polars":
        return answers
    if container == "pyarrow":
        return answers.to_arrow()
    frame = answers.to_pandas()
    return frame.set_axis(data.index) if container == "pandas" else frame


def _described(part: Part, name: str) -> Column:
    column, series = part.described()
    label = column.label if column.label is not None or name == part.name else part.name
    low, high = round_range(series) if column.categories is None else (None, None)
    return msgspec.structs.replace(column, name=name, label=label, low=low, high=high)

"""The tables that flavors keep in ``content.json``, held to their types before anything is done with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec

from nbdeploy.errors import Corrupted

__all__ = ["ModuleName", "Name", "PartEntry", "read"]

T = TypeVar("T")

Name = Annotated[str, msgspec.Meta(pattern=r"^[^\W\d]\w*\Z")]
"""A name as Python's source has it."""

ModuleName = Annotated[str, msgspec.Meta(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*\Z")]
"""The full name of a module."""


class PartEntry(msgspec.Struct, frozen=True):
    """One part of a model that is stored by a flavor of its own, and what that flavor needs."""

    flavor: str
    loader: dict[str, Any]


def read(loader: Mapping[str, Any], kind: type[T]) -> T:
    """Read a loader's table as a struct.

    Raises
    ------
    Corrupted
        Naming the field that is missing, or is none.

    Examples
    --------
    >>> read({"flavor": "xgboost", "loader": {}}, PartEntry)
    PartEntry(flavor='xgboost', loader={})
    """
    try:
        return msgspec.convert(dict(loader), kind)
    except msgspec.ValidationError as error:
        raise Corrupted(f"what the bundle says of loading its model is not understood: {error}") from error

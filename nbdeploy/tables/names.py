"""Names of columns, by which the signature finds them."""

from __future__ import annotations

from collections import Counter

from nbdeploy.errors import InvalidData

__all__ = ["checked_names"]


def checked_names(names: list[str], table: str) -> list[str]:
    """Return column names that are all different.

    Raises
    ------
    InvalidData
        Naming one that two columns have.
    """
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise InvalidData(f"{table} has two columns named {twice!r}; name them apart", column=twice)
    return names

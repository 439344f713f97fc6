"""Numbers as people write them."""

from __future__ import annotations

__all__ = ["count"]


def count(number: int, what: str) -> str:
    """Write how many of something there are.

    Examples
    --------
    >>> count(1, "file"), count(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"

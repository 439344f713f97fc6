"""Numbers as people write them."""

from __future__ import annotations

__all__ = ["count", "duration", "size"]


def count(number: int, what: str) -> str:
    """Write how many of something there are.

    Examples
    --------
    >>> count(1, "file"), count(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Seconds in words.

    Examples
    --------
    >>> duration(7.2), duration(100), duration(5400)
    ('8 s', '1 min 40 s', '1 h 30 min')
    """
    whole = max(1, int(-(-seconds // 1)))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def size(number: int) -> str:
    """Bytes in words.

    Examples
    --------
    >>> size(12), size(1536), size(250 * 2**20), size(5 * 2**30 + 2**29)
    ('12 bytes', '2 KiB', '250 MiB', '5.5 GiB')
    """
    if number < 2**10:
        return f"{number} bytes"
    if number < 2**20:
        return f"{number / 2**10:.0f} KiB"
    return f"{number / 2**20:.0f} MiB" if number < 2**30 else f"{number / 2**30:.1f} GiB"

"""How many requests a caller may send: so many per second, minute or hour."""

from __future__ import annotations

import re

import msgspec

from nbdeploy.errors import InvalidData

__all__ = ["Pace"]

_RULE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*/\s*([smh])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Pace(msgspec.Struct, frozen=True):
    """A steady rate, and how many requests may come at once.

    Attributes
    ----------
    interval : float
        Seconds between two requests at the steady rate.
    burst : float
        Requests that may come at once after a pause: those of one second, and at least one.
    """

    interval: float
    burst: float

    @classmethod
    def parse(cls, text: str) -> Pace:
        """Read ``100/s``, ``600/m`` or ``5000/h``.

        Raises
        ------
        InvalidData
            If it is written otherwise, or allows nothing.

        Examples
        --------
        >>> Pace.parse("100/s")
        Pace(interval=0.01, burst=100.0)
        >>> Pace.parse("30/m")
        Pace(interval=2.0, burst=1.0)
        """
        found = _RULE.fullmatch(text.strip())
        if found is None or not float(found[1]):
            raise InvalidData(f"{text!r} is no rate; write it as 100/s, 600/m or 5000/h", rate=text)
        interval = _UNITS[found[2]] / float(found[1])
        return cls(interval, max(1.0, 1.0 / interval))

"""Something worked out in a thread meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

__all__ = ["Later"]


class Later:
    """What a function returns, worked out in a thread meanwhile.

    Parameters
    ----------
    function : callable
        It takes nothing.

    Examples
    --------
    >>> Later(lambda: 7).value()
    7
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._found: list[Any] = []
        self._function = function
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found = [self._function(), None]
        except Exception as error:
            self._found = [None, error]

    def value(self) -> Any:
        """Wait for it; raise what the function raised."""
        self._thread.join()
        value, error = self._found
        if error is not None:
            raise error
        return value

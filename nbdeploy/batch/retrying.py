"""Trying again: for which errors, how often, and after what time."""

from __future__ import annotations

import builtins
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.batch.failure import Failure
from nbdeploy.errors import WrongUsage

__all__ = ["Attempt", "Attempts", "Retrying"]

LONGEST_WAIT = 3600.0
_THE_SAME_AGAIN = frozenset(
    {
        "SyntaxError",
        "IndentationError",
        "TabError",
        "NameError",
        "ImportError",
        "ModuleNotFoundError",
        "StdinNotImplementedError",
        "NotWritable",
    }
)
"""Errors that another attempt would only repeat."""


@dataclass(frozen=True)
class Retrying:
    """When to try again.

    Attributes
    ----------
    retries : int
        How many attempts may follow the first.
    wait : float
        Seconds before the second attempt; each further wait is twice as long, an hour at most.
    on : sequence of str
        Names of the errors to try again for; their subclasses count too, where they are Python's own. Any error but
        those that would only come again, if there are none.
    """

    retries: int = 0
    wait: float = 30.0
    on: Sequence[str] = ()

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises
        ------
        WrongUsage
            If a number is negative, or errors are named though there are no retries.
        """
        if self.retries < 0 or self.wait < 0:
            raise WrongUsage(f"{self.retries} retries after {self.wait:g} s: neither can be negative")
        if self.on and not self.retries:
            raise WrongUsage(f"retries for {', '.join(self.on)} need their number: give --retries N")

    def again(self, attempt: int, failure: Failure) -> float | None:
        """Seconds to wait before the attempt after a failed one, None if there is to be none.

        Examples
        --------
        >>> retrying = Retrying(3, 10.0, ["ConnectionError"])
        >>> retrying.again(1, Failure("ConnectionResetError", "")), retrying.again(2, Failure("ConnectionError", ""))
        (10.0, 20.0)
        >>> retrying.again(1, Failure("ValueError", "")), retrying.again(4, Failure("ConnectionError", ""))
        (None, None)
        """
        wanted = any(_is_a(failure.name, name) for name in self.on) if self.on else failure.name not in _THE_SAME_AGAIN
        return min(self.wait * 2.0 ** (attempt - 1), LONGEST_WAIT) if wanted and attempt <= self.retries else None


def _is_a(name: str, wanted: str) -> bool:
    wanted = wanted.rpartition(".")[2]
    if name == wanted:
        return True
    one, other = getattr(builtins, name, None), getattr(builtins, wanted, None)
    return isinstance(one, type) and isinstance(other, type) and issubclass(one, other)


@dataclass(frozen=True)
class Attempt:
    """One attempt that has ended.

    Attributes
    ----------
    number : int
        Which, from 1.
    started : str
        When, in UTC.
    seconds : float
        How long it took.
    error : Failure or None
        Why it failed.
    log : tuple of int
        Where its part of the log begins and ends, in bytes.
    notebook : str
        The notebook as it left it.
    """

    number: int
    started: str
    seconds: float
    error: Failure | None
    log: tuple[int, int] = (0, 0)
    notebook: str = ""

    def document(self) -> dict[str, Any]:
        """The attempt as JSON."""
        return asdict(self)


@dataclass
class Attempts:
    """The attempts of a run, kept in its folder.

    Attributes
    ----------
    path : Path
        The file.
    """

    path: Path
    known: list[Attempt] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Attempts:
        """What was kept; nothing, if there is no file."""
        if not path.exists():
            return cls(path)
        found = json.loads(path.read_text(encoding="utf-8"))
        errors = [each.pop("error") for each in found]
        known = [
            Attempt(**each, error=None if error is None else Failure.of(error))
            for each, error in zip(found, errors, strict=True)
        ]
        return cls(path, known)

    def add(self, attempt: Attempt) -> None:
        """Keep another one."""
        self.known.append(attempt)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps([each.document() for each in self.known]), encoding="utf-8")
        part.replace(self.path)

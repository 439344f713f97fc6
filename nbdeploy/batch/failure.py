"""What went wrong in a run, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["Failed", "Failure", "plain"]

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_FAILING_LINE = re.compile(r"(?:Cell |File )(?:In)? ?\[\d+\], line (\d+)")
_SHOWN_LINES = 15


def plain(text: str) -> str:
    r"""The text without terminal colours.

    Examples
    --------
    >>> plain("\x1b[31mred\x1b[0m")
    'red'
    """
    return _ESCAPES.sub("", text)


@dataclass(frozen=True)
class Failure:
    """Why a run did not succeed.

    Attributes
    ----------
    name, message : str
        The error's class and text.
    cell, total : int or None
        Number of the failing cell (from 1) among the cells executed; None if it was no cell.
    execution : int or None
        The number in its ``In [ ]``.
    source : str
        The failing cell.
    traceback : str
        The traceback, without colours.
    """

    name: str
    message: str
    cell: int | None = None
    total: int | None = None
    execution: int | None = None
    source: str = ""
    traceback: str = ""

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Failure:
        """From a record, which may have more facts than this version knows."""
        known = {each.name for each in fields(cls)}
        return cls(**{key: value for key, value in facts.items() if key in known})

    def document(self) -> dict[str, Any]:
        """The facts as they are recorded."""
        return asdict(self)

    @property
    def where(self) -> str:
        """The cell, in words; empty if it was no cell."""
        return "" if self.cell is None else f"cell {self.cell} of {self.total}"

    @property
    def what(self) -> str:
        """The error in one line."""
        first = self.message.strip().partition("\n")[0]
        return f"{self.name}: {first}" if first else self.name

    @property
    def line(self) -> str:
        """The cell, if it was one, and the error."""
        return f"{self.where}: {self.what}" if self.where else self.what

    def excerpt(self) -> str:
        """The failing cell with its line numbers, shortened around the failing line."""
        lines = self.source.splitlines()
        found = _FAILING_LINE.search(self.traceback)
        failing = int(found[1]) if found and int(found[1]) <= len(lines) else 0
        start = max(0, min(failing - _SHOWN_LINES // 2, len(lines) - _SHOWN_LINES))
        shown = [
            f"{'>' if number == failing else ' '} {number:3} | {line}"
            for number, line in enumerate(lines[start : start + _SHOWN_LINES], start + 1)
        ]
        before = ["      …"] if start else []
        after = ["      …"] if start + _SHOWN_LINES < len(lines) else []
        return "\n".join(before + shown + after)


class Failed(Exception):
    """What was to be done did not succeed.

    Attributes
    ----------
    failure : Failure
        Why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.what)
        self.failure = failure

"""Pieces of the captured module."""

from __future__ import annotations

from dataclasses import dataclass

from nbdeploy.snapshots.capture.finding import Found

__all__ = ["CapturedStatement"]


@dataclass(frozen=True)
class CapturedStatement:
    """One piece of the captured module.

    Attributes
    ----------
    source : str
        Its text.
    now, later : frozenset of str
        Names it uses while it is executed, and those used only when what it defines is called.
    found : Found or None
        The definition it was cut from.
    first : int
        The line of the text in which the definition begins.
    """

    source: str
    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    found: Found | None = None
    first: int = 1

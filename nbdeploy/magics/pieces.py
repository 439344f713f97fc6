"""What may be expanded inside a word: ``$name``, ``{expr}``; and what looks like it but stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Expansion", "Piece", "Text", "closing", "pieces"]

_DOLLAR = re.compile(r"\$(?P<twice>\$?)(?P<name>[^\W\d]\w*)")
_STRING = re.compile(r"'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Text:
    """Text that means itself."""

    source: str


@dataclass(frozen=True)
class Expansion:
    """A Python expression in a word.

    Attributes
    ----------
    source : str
        As written: ``$name`` or ``{expr}``.
    code : str
        The expression.
    """

    source: str
    code: str


Piece = Text | Expansion


def pieces(text: str) -> list[Piece]:
    """Cut text that has no quotes of its own into what means itself and what is to be expanded.

    Examples
    --------
    >>> [piece.source for piece in pieces("$month/{name}.csv costs $5 and $$x, {{ later }}")]
    ['$month', '/', '{name}', '.csv costs $5 and $x, {{ later }}']
    """
    found: list[Piece] = []
    for piece in _cut(text):
        if isinstance(piece, Text) and found and isinstance(found[-1], Text):
            found[-1] = Text(found[-1].source + piece.source)
        else:
            found.append(piece)
    return found


def _cut(text: str) -> Iterator[Piece]:
    at = 0
    while at < len(text):
        piece, at = _piece(text, at)
        yield piece


def _piece(text: str, at: int) -> tuple[Piece, int]:
    """The smallest piece that begins here, and where it ends."""
    if text[at] == "$" and (dollar := _DOLLAR.match(text, at)):
        piece = Text(f"${dollar['name']}") if dollar["twice"] else Expansion(dollar[0], dollar["name"])
        return piece, dollar.end()
    if text.startswith("{{", at) and (end := text.find("}}", at)) >= 0:
        return Text(text[at : end + 2]), end + 2
    if text[at] == "{" and (end := closing(text, at)) >= 0:
        source, code = text[at:end], text[at + 1 : end - 1].strip()
        return (Expansion(source, code) if code else Text(source)), end
    return Text(text[at]), at + 1


def closing(text: str, at: int) -> int:
    """Position behind the bracket that closes the one at `at`, reading strings as Python does; -1 if none.

    Examples
    --------
    >>> closing('f("(", [x]) + 1', 1)
    11
    """
    stack: list[str] = []
    while at < len(text):
        char = text[at]
        if char in "'\"":
            string = _STRING.match(text, at)
            if string is None:
                return -1
            at = string.end()
            continue
        if char in _PAIRS:
            stack.append(_PAIRS[char])
        elif char in ")]}":
            if stack.pop() != char:
                return -1
            if not stack:
                return at + 1
        at += 1
    return -1

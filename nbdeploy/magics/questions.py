"""``%deploy push?`` asks for help; IPython alone would look for a variable named ``push``."""

from __future__ import annotations

import re

from IPython.core.inputtransformer2 import make_tokens_by_line

__all__ = ["Questions"]


class Questions:
    """An input transformer: a line of the magic that ends with ``?`` becomes one that ends with ``--help``.

    Parameters
    ----------
    magic : str
        The magic's name.
    """

    def __init__(self, magic: str) -> None:
        self._line = re.compile(rf"(?P<before>[^%]*)%%?(?P<words>{magic}\b[^\n]*?)\s*\?+\s*$")

    def __call__(self, lines: list[str]) -> list[str]:
        """Rewrite the lines of a cell."""
        asking = {number for number, line in enumerate(lines) if self._line.match(line)}
        if not asking:
            return lines
        asking &= _questions(lines)
        return [self._helpful(line) if number in asking else line for number, line in enumerate(lines)]

    def _helpful(self, line: str) -> str:
        end = "\n" if line.endswith("\n") else ""
        return self._line.sub(r"\g<before>%\g<words> --help", line.rstrip("\n")) + end


def _questions(lines: list[str]) -> set[int]:
    """Numbers of the lines whose last token is a question mark: not in a string, not in a comment."""
    found = set()
    for tokens in make_tokens_by_line(lines):
        ends = [token for token in tokens if token.string.strip()]
        if ends and ends[-1].string.endswith("?"):
            found.add(ends[-1].start[0] - 1)
    return found

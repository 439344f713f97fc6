"""``%%deploy parameters`` on top of a cell: the cell is the parameters cell, and otherwise like any other."""

from __future__ import annotations

from nbdeploy.notebooks import marked

__all__ = ["Marks"]


class Marks:
    """An input transformer: the mark becomes a line of the magic, and the rest stays plain code.

    A cell magic would get the body as text: its lines, its ``await`` and what its last line shows would be different
    from what they are in a run.

    Parameters
    ----------
    magic : str
        The magic's name.
    """

    def __init__(self, magic: str) -> None:
        self._line = f"get_ipython().run_line_magic({magic!r}, 'parameters --here')\n"

    def __call__(self, lines: list[str]) -> list[str]:
        """Rewrite the lines of a cell."""
        if not marked("".join(lines)):
            return lines
        first = next(number for number, line in enumerate(lines) if line.strip())
        return [*lines[:first], self._line, *lines[first + 1 :]]

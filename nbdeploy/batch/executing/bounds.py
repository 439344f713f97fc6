"""What a cell answers, kept in the executed notebook within bounds."""

from __future__ import annotations

from typing import Any

import nbformat

from nbdeploy.batch.executing.transcript import TAIL, End, overwritten
from nbdeploy.cards.wording import size

__all__ = ["CellOutputs"]

TEXT = 2**20
"""Characters of printed text kept from a cell's beginning."""
DATA = 64 * 2**20
"""Characters of tables, pictures and the like kept of a cell."""
_PIECE = 4096


class CellOutputs:
    """The outputs of one cell while it runs.

    Parameters
    ----------
    text, tail, data : int
        How many characters of printed text are kept from the beginning and the end, and how many of anything else.
    """

    def __init__(self, text: int = TEXT, tail: int = TAIL, data: int = DATA) -> None:
        self._text, self._tail, self._data = text, tail, data
        self.clear()

    def clear(self) -> None:
        """Begin anew, as ``clear_output`` does."""
        self._kept = 0
        self._end, self._end_name = End(self._tail), "stdout"
        self._shown = self._refused = self._refused_size = 0

    def printed(self, outputs: list[Any], name: str, text: str) -> None:
        """Add printed text."""
        if self._kept >= self._text:
            self._end.add(text)
            self._end_name = name
            return
        last = outputs[-1] if outputs else None
        if last is not None and last.get("name") == name and len(last.text) < _PIECE:
            self._kept -= len(last.text)
            last.text = _settled(last.text + text)
        else:
            last = _stream(name, _settled(text))
            outputs.append(last)
        rest = last.text[self._text - self._kept :]
        last.text = last.text[: self._text - self._kept]
        self._kept += len(last.text)
        if rest:
            self.printed(outputs, name, rest)

    def takes(self, data: Any) -> bool:
        """Whether there is room for another output; one that is refused is counted."""
        length = _length(data)
        if self._shown + length <= self._data:
            self._shown += length
            return True
        self._refused += 1
        self._refused_size += length
        return False

    def finish(self, outputs: list[Any]) -> None:
        """Join pieces of text, and say what was left out."""
        joined: list[Any] = []
        pieces: list[str] = []
        for output in outputs:
            if joined and output.get("name") is not None and output.get("name") == joined[-1].get("name"):
                pieces.append(output.text)
                continue
            _join(joined, pieces)
            joined.append(output)
        _join(joined, pieces)
        if self._end.text:
            missed = f"\n{self._end.left_out}" if self._end.left_out else ""
            joined.append(_stream(self._end_name, missed + _settled(self._end.text)))
        if self._refused:
            joined.append(_stream("stderr", f"… {self._refused} outputs ({size(self._refused_size)}) left out …\n"))
        outputs[:] = joined


def _join(joined: list[Any], pieces: list[str]) -> None:
    if pieces:
        joined[-1].text = _settled("".join([joined[-1].text, *pieces]))
        pieces.clear()


def _settled(text: str) -> str:
    """Text without what its carriage returns have overwritten; one at its end may still overwrite."""
    if "\r" not in text:
        return text
    *lines, last = text.replace("\r\n", "\n").split("\n")
    end = "\r" if last.endswith("\r") else ""
    return "\n".join([*map(overwritten, lines), overwritten(last) + end])


def _stream(name: str, text: str) -> Any:
    return nbformat.v4.new_output("stream", name=name, text=text)  # type: ignore[no-untyped-call]


def _length(data: Any) -> int:
    if isinstance(data, dict):
        return sum(map(_length, data.values()))
    if isinstance(data, list):
        return sum(map(_length, data))
    return len(data) if isinstance(data, str) else 8

"""The log of a run: each line as it is printed, progress bars without their history, bounded in every cell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from nbdeploy.batch.failure import plain
from nbdeploy.cards.wording import size

__all__ = ["TAIL", "End", "Transcript", "overwritten"]

HEAD = 10 * 2**20
"""Characters of a cell that are written as they come."""
TAIL = 2**16
"""Characters that are kept from the end of a cell that prints more."""
_LONGEST_LINE = 2**14
_SHOW_PARTS_AFTER = 2.0
_SHOW_BARS_AFTER = 30.0


def overwritten(line: str) -> str:
    r"""What a terminal shows of a line after its carriage returns.

    Examples
    --------
    >>> overwritten("\r 10%|#\r 20%|##"), overwritten("done\r")
    (' 20%|##', 'done')
    """
    return next((part for part in reversed(line.split("\r")) if part), "")


class End:
    r"""The end of a text of which too much came to keep.

    Parameters
    ----------
    length : int
        How many characters are kept.

    Attributes
    ----------
    text : str
        These.

    Examples
    --------
    >>> end = End(4)
    >>> end.add("one, two,"), end.add(" three"), end.text, end.left_out
    (None, None, 'hree', '… 11 bytes left out …\n')
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._missed = 0
        self.text = ""

    def add(self, text: str) -> None:
        """Keep the end of what came before and of a text."""
        joined = self.text + text
        self._missed += max(0, len(joined) - self._length)
        self.text = joined[-self._length :]

    @property
    def left_out(self) -> str:
        """The line that stands for what came before; empty if nothing is missing."""
        return f"… {size(self._missed)} left out …\n" if self._missed else ""


@dataclass
class _Line:
    """A line that one stream has begun."""

    text: str = ""
    since: float = 0.0
    bar: bool = False


class Transcript:
    """Writes what cells print, and headings.

    Parameters
    ----------
    file : text file
        Where to; nothing is buffered longer than a few seconds.
    head, tail : int
        How many characters of a cell are kept from its beginning and from its end.
    clock : callable, optional
        A monotonic clock.
    """

    def __init__(
        self, file: TextIO, head: int = HEAD, tail: int = TAIL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = file
        self._head = head
        self._tail = tail
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}
        self._open: str | None = None
        self._begin()

    def _begin(self) -> None:
        self._room = self._head
        self._end = End(self._tail)

    def heading(self, text: str) -> None:
        """Write a line of ours, and begin to count anew."""
        with self._lock:
            self._finish()
            self._file.write(f"— {text}\n")

    def line(self, text: str) -> None:
        """Write whole lines of ours."""
        self.say("", f"{text}\n")

    def say(self, stream: str, text: str) -> None:
        """Write what a stream of a cell says."""
        with self._lock:
            if self._room <= 0:
                self._end.add(plain(text))
                return
            text = plain(text).replace("\r\n", "\n")
            if "\r" in text and self._open == stream:
                self._break()
            line = self._lines.setdefault(stream, _Line())
            *whole, rest = (line.text + text).split("\n")
            for each in whole:
                self._write(stream, f"{overwritten(each)}\n")
            self._hold(stream, line, rest, begins=bool(whole) or not line.text)

    def _hold(self, stream: str, line: _Line, rest: str, *, begins: bool) -> None:
        if begins:
            line.since, line.bar = self._clock(), False
        line.bar |= "\r" in rest
        line.text = overwritten(rest) + ("\r" if rest.endswith("\r") else "")
        if len(line.text) > _LONGEST_LINE:
            self._show(stream, line)

    def look(self) -> None:
        """Write lines that have begun a while ago, though they have not ended."""
        with self._lock:
            for stream, line in self._lines.items():
                age = self._clock() - line.since
                if line.text and age >= (_SHOW_BARS_AFTER if line.bar else _SHOW_PARTS_AFTER):
                    self._show(stream, line)

    def finish(self) -> None:
        """Write what is still held, and how much was left out."""
        with self._lock:
            self._finish()

    def _finish(self) -> None:
        for stream, line in self._lines.items():
            if line.text:
                self._show(stream, line)
        self._break()
        self._file.write(self._end.left_out)
        if self._end.text:
            self._file.write(self._end.text.removesuffix("\n") + "\n")
        self._lines.clear()
        self._begin()
        self._file.flush()

    def _show(self, stream: str, line: _Line) -> None:
        """Write a part of a line; one that is drawn again and again gets a line of its own each time."""
        self._write(stream, overwritten(line.text) + ("\n" if line.bar else ""))
        line.text = ""

    def _write(self, stream: str, text: str) -> None:
        if self._room <= 0:
            self._end.add(text)
            return
        if self._open != stream:
            self._break()
        part, rest = text[: self._room], text[self._room :]
        self._file.write(part)
        self._open = None if part.endswith("\n") else stream
        self._room -= len(text)
        if self._room <= 0:
            self._break()
            self._end.add(rest)

    def _break(self) -> None:
        if self._open is not None:
            self._file.write("\n")
        self._open = None

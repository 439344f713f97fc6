"""The records of a CSV file one by one, as any reader of such files takes them: slow, and never at a loss.

A field that begins with a quote ends at the next single one. Quotes elsewhere are characters like any other,
though only some readers take them so: such a record is called irregular, and can be written regularly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Record", "records", "regular_text"]


@dataclass(frozen=True)
class Record:
    """Where a record begins and ends (behind its newline), its fields, and what is unusual about it.

    Attributes
    ----------
    start, stop : int
        Its bytes.
    fields : int
        How many fields it has; none if it is a blank line.
    regular : bool
        Whether every reader takes its quotes alike.
    closed : bool
        Whether its last quote is closed before the bytes end.
    """

    start: int
    stop: int
    fields: int
    regular: bool = True
    closed: bool = True


def records(content: bytes, separator: bytes) -> Iterator[Record]:
    r"""Tell records apart.

    Examples
    --------
    >>> [(one.stop, one.fields, one.regular) for one in records(b'a,"x\ny"\n5" nail,b\n', b",")]
    [(8, 2, True), (18, 2, False)]
    """
    start = 0
    while start < len(content):
        stop = content.find(b"\n", start) + 1 or len(content)
        if content.find(b'"', start, stop) < 0:
            blank = content[start:stop].rstrip(b"\r\n") == b""
            found = Record(start, stop, 0 if blank else content.count(separator, start, stop) + 1)
        else:
            found = _quoted(content, start, separator)
        yield found
        start = found.stop


def regular_text(record: bytes, separator: bytes) -> bytes:
    r"""Write an irregular record so that every reader takes it alike.

    Examples
    --------
    >>> regular_text(b'5" nail,"a"b,c\n', b",")
    b'"5"" nail","ab",c\n'
    """
    field, written, at = _field(separator), list[bytes](), 0
    while True:
        match = field.match(record, at)
        if match is None:
            raise AssertionError("a quote that is not closed is no record")
        quoted, rest, plain, end = match.group(1, 2, 3, 4)
        value = plain.removesuffix(b"\r") if quoted is None else quoted.replace(b'""', b'"') + rest.removesuffix(b"\r")
        written.append(match.group()[: len(match.group()) - len(end)] if not _odd(match) else _in_quotes(value))
        at = match.end()
        if end != separator:
            return separator.join(written) + b"\n"


def _quoted(content: bytes, start: int, separator: bytes) -> Record:
    field, at, fields, regular = _field(separator), start, 0, True
    while True:
        match = field.match(content, at)
        if match is None:
            return Record(start, len(content), fields + 1, regular, closed=False)
        fields += 1
        regular = regular and not _odd(match)
        at = match.end()
        if match[4] != separator:
            return Record(start, at, fields, regular)


def _odd(match: re.Match[bytes]) -> bool:
    quoted, rest, plain = match.group(1, 2, 3)
    return b'"' in plain if quoted is None else rest not in {b"", b"\r"}


def _in_quotes(value: bytes) -> bytes:
    return b'"' + value.replace(b'"', b'""') + b'"'


def _field(separator: bytes) -> re.Pattern[bytes]:
    apart = re.escape(separator)
    return re.compile(rb'(?:"((?:[^"]|"")*+)"([^%b\n]*+)|(?!")([^%b\n]*+))(%b|\n|\Z)' % (apart, apart, apart))

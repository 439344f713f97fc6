"""A line of ``%deploy`` as words: split first, as a shell splits; expanded later, word by word.

::

    snapshot pipe churn -X df[["a", "b"]] --note "auc {auc:.2f}" --to '$home'   # weekly

Quotes group. Brackets that open a word or follow a name keep their content, quotes
included, as Python would. ``{expr}`` and ``{{template}}`` stay one word. ``#`` at the
start of a word begins a comment, and a last ``;`` silences the output. Backslashes
are ordinary characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbdeploy.errors import WrongUsage
from nbdeploy.magics.pieces import Piece, Text, closing, pieces

__all__ = ["Line", "Token", "Word", "quote", "split"]

_OPTION = re.compile(r"(--[\w-]+=|-\w)$")
_SPACE = re.compile(r"(?:\s|\\\n)+")


class Word(str):
    """A word with something to expand in it. As text it is what was written, less the quotes."""

    __slots__ = ("pieces",)
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, parts: tuple[Piece, ...]) -> str:
        """The word made of these pieces: plain text where there is nothing to expand."""
        if all(isinstance(part, Text) for part in parts):
            return "".join(part.source for part in parts)
        word = cls("".join(part.source for part in parts))
        word.pieces = parts
        return word


@dataclass(frozen=True)
class Token:
    """One word and where it stands in the line."""

    word: str
    start: int
    end: int


@dataclass(frozen=True)
class Line:
    """The words of a line.

    Attributes
    ----------
    tokens : tuple of Token
        The words, in order.
    silent : bool
        Whether the line ended with a ``;``.
    comment : bool
        Whether the text ends inside a comment.
    """

    tokens: tuple[Token, ...]
    silent: bool = False
    comment: bool = False

    @property
    def words(self) -> list[str]:
        """The words as click takes them: ``--option=value`` with something to expand is two."""
        return [part for token in self.tokens for part in _apart(token.word)]


def _apart(word: str) -> list[str]:
    if not isinstance(word, Word) or not word.startswith("-"):
        return [word]
    first, *rest = word.pieces
    option = _OPTION.match(first.source)
    if option is None:
        return [word]
    return [first.source.removesuffix("="), Word.of(tuple(rest))] if option.end() == len(first.source) else [word]


def split(text: str, lenient: bool = False) -> Line:
    """Split a line into words.

    Parameters
    ----------
    text : str
        What follows ``%deploy``; for a cell magic also the cell's body.
    lenient : bool
        Let what is not closed end with the text, as it does while one types.

    Raises
    ------
    WrongUsage
        If a quote or bracket is not closed, unless `lenient`.

    Examples
    --------
    >>> split('call local/churn df[["a", "b"]] --method "predict"; # now').words
    ['call', 'local/churn', 'df[["a", "b"]]', '--method', 'predict']
    """
    tokens: list[Token] = []
    at, bare_end, comment = 0, False, False
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if at >= len(text):
            break
        if text[at] == "#":
            end = text.find("\n", at)
            at, comment = (len(text), True) if end < 0 else (end, False)
            continue
        scan = _Scan(text, at, lenient)
        parts = scan.word()
        bare_end = scan.bare
        tokens.append(Token(Word.of(parts), at, scan.at))
        at = scan.at
    return _silenced(tokens, bare_end, comment)


def _silenced(tokens: list[Token], bare_end: bool, comment: bool) -> Line:
    if not (tokens and bare_end and tokens[-1].word.endswith(";")):
        return Line(tuple(tokens), comment=comment)
    last = tokens.pop()
    if isinstance(last.word, Word):
        *before, end = last.word.pieces
        word = Word.of((*before, Text(end.source[:-1])))
    else:
        word = last.word[:-1]
    if word:
        tokens.append(Token(word, last.start, last.end - 1))
    return Line(tuple(tokens), silent=True, comment=comment)


class _Scan:
    """Reads one word."""

    def __init__(self, text: str, at: int, lenient: bool) -> None:
        self.text = text
        self.at = at
        self.lenient = lenient
        self.bare = False
        self._start = at
        self._parts: list[Piece] = []
        self._plain = ""

    def word(self) -> tuple[Piece, ...]:
        """The pieces of the word that begins here; `at` is then behind it."""
        while self.at < len(self.text) and not _SPACE.match(self.text, self.at):
            self._step(self.text[self.at])
        self._flush()
        return tuple(self._parts)

    def _step(self, char: str) -> None:
        self.bare = False
        if char in "'\"":
            self._quoted(char)
        elif char == "{":
            self._braces()
        elif char in "([" and self._opens_expression():
            self._brackets()
        else:
            self._plain += char
            self.at += 1
            self.bare = True

    def _quoted(self, quote: str) -> None:
        self._flush()
        end = self.text.find(quote, self.at + 1)
        inside = self.text[self.at + 1 : self._or_end(end, f"the quote {quote}")]
        self._parts += [Text(inside)] if quote == "'" else pieces(inside)
        self.at = min(len(self.text), self.at + len(inside) + 2)

    def _braces(self) -> None:
        """``{expr}`` and ``{{template}}``, spaces included; text between expansions is read by `pieces`."""
        if self.text.startswith("{{", self.at):
            found = self.text.find("}}", self.at)
            end = found + 2 if found >= 0 else -1
        else:
            end = closing(self.text, self.at)
        end = self._or_end(end, "the bracket {")
        self._plain += self.text[self.at : end]
        self.at = end

    def _brackets(self) -> None:
        """Brackets of an expression, verbatim; what stands in single quotes is not expanded."""
        self._flush()
        end = self._or_end(closing(self.text, self.at), f"the bracket {self.text[self.at]}")
        for index, part in enumerate(re.split(r"('[^']*')", self.text[self.at : end])):
            self._parts += [Text(part)] if index % 2 else pieces(part)
        self.at = end

    def _opens_expression(self) -> bool:
        before = self.text[self.at - 1]
        return self.at == self._start or before.isalnum() or before in "_])"

    def _or_end(self, end: int, what: str) -> int:
        if end >= 0:
            return end
        if not self.lenient:
            raise WrongUsage(f"{what} is not closed in: {self.text[self._start :].splitlines()[0]}")
        return len(self.text)

    def _flush(self) -> None:
        self._parts += pieces(self._plain)
        self._plain = ""


def quote(text: str) -> str:
    """Write text so that :func:`split` gives it back as one word.

    Examples
    --------
    >>> quote("my file.csv"), quote("plain.csv")
    ("'my file.csv'", 'plain.csv')
    """
    if re.fullmatch(r"[\w./@:=,+%~*?-]+", text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"

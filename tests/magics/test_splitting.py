from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.errors import WrongUsage
from nbdeploy.magics.words import Word, quote, split

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
tricky = st.text("ab \n\t'\"{}[]()$#;\\=-.,/", max_size=30)


@given(st.lists(anything | tricky, max_size=5))
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    """Quoting round trips, whatever the words hold."""
    line = split(" ".join(quote(word) for word in words))
    assert line.words == words
    assert not line.silent


@given(anything | tricky)
def test_half_typed_lines_always_split(text: str) -> None:
    """While one types, nothing raises, and the words lie in the line in order."""
    tokens = split(text, lenient=True).tokens
    places = [place for token in tokens for place in (token.start, token.end)]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)


@given(tricky)
def test_a_line_splits_or_says_why_not(text: str) -> None:
    """A finished line either splits, or is refused as wrong usage."""
    typed = split(text, lenient=True)
    try:
        finished = split(text)
    except WrongUsage:
        assert typed.tokens
    else:
        assert finished == typed


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("push churn --to prod", ["push", "churn", "--to", "prod"]),
        ("--note 'two words' \"and two\"", ["--note", "two words", "and two"]),
        ("a'b'c", ["abc"]),
        (r"--path C:\new\table", ["--path", r"C:\new\table"]),
        (r'"a\b" x', [r"a\b", "x"]),
        ('df[["a", "b"]] next', ['df[["a", "b"]]', "next"]),
        ("f(x, 'y z').T -y y", ["f(x, 'y z').T", "-y", "y"]),
        ('[1, 2] ("a", "b")', ["[1, 2]", '("a", "b")']),
        ("d['k'][0] x", ["d['k'][0]", "x"]),
        ("inbox/[ab]*.csv out", ["inbox/[ab]*.csv", "out"]),
        ("-p month {{ previous_month }}", ["-p", "month", "{{ previous_month }}"]),
        ("{x + 1} b", ["{x + 1}", "b"]),
        ('{d["a"]} b', ['{d["a"]}', "b"]),
        ("price $5 {} cost$", ["price", "$5", "{}", "cost$"]),
        ("a # a comment", ["a"]),
        ("a#b", ["a#b"]),
        ("a # one\nb # two", ["a", "b"]),
        ("a \\\n  b", ["a", "b"]),
        ("--note=$x", ["--note", "$x"]),
        ("-X$df", ["-X", "$df"]),
        ("--note=plain", ["--note=plain"]),
        ("''", [""]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    """Words are what a shell would make of the line, and expressions stay whole."""
    assert split(line).words == words


@pytest.mark.parametrize(
    ("line", "silent"), [("a;", True), ("a ;", True), ("a; # c", True), ("'a;'", False), ("a;b", False), ("a", False)]
)
def test_a_last_semicolon_silences(line: str, silent: bool) -> None:
    """Only a bare semicolon at the end counts, and it is no part of a word."""
    split_line = split(line)
    assert split_line.silent is silent
    assert not silent or split_line.words == ["a"]


@pytest.mark.parametrize("line", ["a 'b", 'a "b', "a {b", "a f(b", "a [b", "a {{b"])
def test_what_is_not_closed_is_refused(line: str) -> None:
    """An open quote or bracket is wrong usage, and the message shows it."""
    with pytest.raises(WrongUsage, match="is not closed"):
        split(line)


def test_only_words_with_something_to_expand_are_special() -> None:
    """Plain words stay plain text, so that nothing can be expanded in them later."""
    plain, special, quoted = split("plain $x '$x'").words
    assert not isinstance(plain, Word)
    assert isinstance(special, Word)
    assert not isinstance(quoted, Word)

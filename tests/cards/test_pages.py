"""Pages say the same in a notebook and in a file, and whatever is shown is shown as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nbdeploy.cards import Badge, Bars, Card, Code, Facts, Items, Page, Section, Table, Text

HOSTILE = "<script>alert(1)</script> \" ' & | ` * [x](javascript:alert(1)) </details>"
VOID = {"rect", "br"}


class Tags(HTMLParser):
    """Collects tags and text, and refuses what is not closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page(text: str) -> Page:
    """A page that has `text` in every place."""
    blocks = [
        Facts([(text, text)]),
        Items([text]),
        Text(text),
        Code(text),
        Table((text, "n"), [(text, Bars([0.25, 0.75], [text, text], text))]),
    ]
    return Page(text, [Badge(text, "warning")], text, [Section(text, blocks, text, open=True)], text)


@given(st.one_of(st.just(HOSTILE), st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1)))
def test_html_shows_any_text_as_text(text: str) -> None:
    """The tags are those of an empty page, closed in order; no event handlers; the text is all there."""
    found = Tags(page(text).html())
    assert found.names == Tags(page("x").html()).names
    assert found.text.count(text) >= 10


@pytest.mark.parametrize("text", [HOSTILE, "a\n# b\n- c", "| x |\n| --- |"])
def test_markdown_shows_any_text_as_text(text: str) -> None:
    """Rendered, it has neither scripts nor links, headings nor table cells of its own."""
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(page(text).markdown())
    plain = MarkdownIt("gfm-like", {"linkify": False}).render(page("x").markdown())
    tags = re.compile(r"<(script|a|h1|h2|td|th|li|details)\b")
    assert tags.findall(rendered) == tags.findall(plain)


def test_code_that_has_a_fence_stays_in_its_own() -> None:
    """The fence is longer than any in the source."""
    assert Code("```\nx\n```").markdown().startswith("````python\n")


def test_bars_are_a_picture_and_a_line_of_signs() -> None:
    """Heights by share; each bar says what it stands for."""
    bars = Bars([0.0, 0.5, 1.0], ["a", "b", "c"], "histogram of x")
    assert bars.markdown() == "▁▅█"
    assert "<title>b: 50.0%</title>" in bars.html()
    assert 'aria-label="histogram of x"' in bars.html()
    assert bars.html().count("<rect") == 3
    assert Bars([], [], "nothing").markdown() == ""


def test_a_card_is_short_in_a_terminal() -> None:
    """A line for the title and one for each fact."""
    assert Card("t", [("a", 1), ("long", 2)], next="%deploy").text() == "t\n  a     1\n  long  2\n  next: %deploy"

"""Pages: sections that open and close, under a title with badges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from nbdeploy.cards.blocks import Block, as_markdown
from nbdeploy.cards.style import BADGES, DIM, FRAME

__all__ = ["Badge", "Page", "Section"]


@dataclass(frozen=True)
class Badge:
    """A few words that stand out."""

    text: str
    kind: Literal["good", "plain", "warning"] = "plain"

    def html(self) -> str:
        """A small framed text."""
        return f'<span style="{BADGES[self.kind]}">{escape(self.text)}</span>'


@dataclass(frozen=True)
class Section:
    """Blocks under a title.

    Attributes
    ----------
    title : str
        What it is about.
    blocks : sequence of Block
        Its content.
    summary : str
        The same in a few words, for a closed section.
    open : bool
        Whether it is open at first.
    """

    title: str
    blocks: Sequence[Block]
    summary: str = ""
    open: bool = False

    def html(self) -> str:
        """A section that opens without script."""
        body = "".join(block.html() for block in self.blocks)
        brief = f' <span style="{DIM}">{escape(self.summary)}</span>' if self.summary else ""
        return (
            f'<details{" open" if self.open else ""} style="margin:3px 0"><summary style="cursor:pointer">'
            f'<b style="font-weight:600">{escape(self.title)}</b>{brief}</summary>'
            f'<div style="padding-left:14px;overflow-x:auto">{body}</div></details>'
        )

    def markdown(self) -> str:
        """A headed section."""
        return "\n\n".join([f"## {as_markdown(self.title)}", *(block.markdown() for block in self.blocks)])


@dataclass(frozen=True)
class Page:
    """A title with badges, a sentence, sections, and the next step."""

    title: str
    badges: Sequence[Badge] = ()
    lead: str = ""
    sections: Sequence[Section] = ()
    next: str = ""

    def html(self) -> str:
        """The page for a notebook: static, without script."""
        head = f'<b style="font-size:15px">{escape(self.title)}</b>{"".join(badge.html() for badge in self.badges)}'
        lead = f'<div style="margin:4px 0 8px">{escape(self.lead)}</div>' if self.lead else ""
        step = f'<div style="{DIM};margin-top:8px">next: <code>{escape(self.next)}</code></div>' if self.next else ""
        body = "".join(section.html() for section in self.sections)
        return f'<div class="nbdeploy-card" style="{FRAME}">{head}{lead}{body}{step}</div>'

    def markdown(self) -> str:
        """The page as a file."""
        lead = [as_markdown(self.lead)] if self.lead else []
        parts = [f"# {as_markdown(self.title)}", *lead, *(section.markdown() for section in self.sections)]
        return "\n\n".join(parts) + "\n"

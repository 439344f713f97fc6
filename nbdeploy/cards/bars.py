"""A small bar chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from nbdeploy.cards.style import FILL

__all__ = ["Bars"]

_HEIGHT, _GAP, _LEAST = 24, 1, 0.5
_SIGNS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Bars:
    """Shares as bars, a line high.

    Attributes
    ----------
    shares : sequence of float, not negative
        Heights; the largest fills the line.
    labels : sequence of str
        What each bar stands for; shown when the pointer is on it.
    title : str
        What all of it shows, for those who cannot see it.
    """

    shares: Sequence[float]
    labels: Sequence[str]
    title: str

    def html(self) -> str:
        """An inline SVG image, which needs no script."""
        count = len(self.shares)
        width = max(4, min(16, 120 // max(count, 1)))
        bars = "".join(
            f'<g><title>{escape(label)}: {share:.1%}</title><rect x="{i * width}" y="{_HEIGHT - height:.1f}" '
            f'width="{width - _GAP}" height="{height:.1f}" style="{FILL}"></rect></g>'
            for i, (share, label, height) in enumerate(zip(self.shares, self.labels, self._heights(), strict=True))
        )
        size = f'width="{count * width}" height="{_HEIGHT}" viewBox="0 0 {count * width} {_HEIGHT}"'
        return f'<svg role="img" aria-label="{escape(self.title)}" style="display:block" {size}>{bars}</svg>'

    def markdown(self) -> str:
        """A line of block characters."""
        return "".join(_SIGNS[round(height / _HEIGHT * (len(_SIGNS) - 1))] for height in self._heights())

    def __str__(self) -> str:
        return self.markdown()

    def _heights(self) -> list[float]:
        top = max(self.shares, default=0.0) or 1.0
        return [max(_LEAST, share / top * _HEIGHT) for share in self.shares]

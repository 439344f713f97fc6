"""Cards: what a command answers, shown as HTML in a notebook and as text in a terminal; pages: the same at length."""

from nbdeploy.cards.bars import Bars
from nbdeploy.cards.blocks import Code, Facts, Items, Table, Text
from nbdeploy.cards.card import Card, Result
from nbdeploy.cards.page import Badge, Page, Section
from nbdeploy.cards.patch import Patch
from nbdeploy.cards.wording import count

__all__ = [
    "Badge",
    "Bars",
    "Card",
    "Code",
    "Facts",
    "Items",
    "Page",
    "Patch",
    "Result",
    "Section",
    "Table",
    "Text",
    "count",
]

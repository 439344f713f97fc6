"""The values that a sweep tries."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from nbdeploy.batch.parameters import Text
from nbdeploy.errors import WrongUsage

__all__ = ["Grid", "values_of"]

_CLOSING = {"(": ")", "[": "]", "{": "}"}
MOST = 10_000
"""Combinations that a sweep may have."""


@dataclass(frozen=True)
class Grid:
    """Parameters with the values to try for each.

    Attributes
    ----------
    axes : mapping of str to sequence
        Values by parameter.

    Examples
    --------
    >>> list(Grid.of({"depth": [2, 3], "loss": ["log"]}))
    [{'depth': 2, 'loss': 'log'}, {'depth': 3, 'loss': 'log'}]
    """

    axes: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, axes: Mapping[str, Iterable[Any]]) -> Grid:
        """The grid of some values, each of them once.

        Raises
        ------
        WrongUsage
            If a parameter has no values, or there are too many combinations.
        """
        listed = {name: _once([values] if isinstance(values, str) else values) for name, values in axes.items()}
        if not listed:
            raise WrongUsage("a sweep needs values to try: --grid KEY=V1,V2")
        for name, values in listed.items():
            if not values:
                raise WrongUsage(f"{name!r} has no values to try: --grid {name}=V1,V2", name=name)
        grid = cls(listed)
        if len(grid) > MOST:
            raise WrongUsage(f"{len(grid):,} combinations are more than the {MOST:,} that a sweep may have")
        return grid

    @classmethod
    def written(cls, words: Iterable[str]) -> Grid:
        """The grid of words as ``KEY=V1,V2``; a comma inside quotes or brackets belongs to a value.

        Raises
        ------
        WrongUsage
            If a word is none, or a key is there twice.

        Examples
        --------
        >>> Grid.written(["depth=2,3", "layers=[8, 8],[16]"]).axes
        {'depth': ['2', '3'], 'layers': ['[8, 8]', '[16]']}
        """
        axes: dict[str, list[Text]] = {}
        for word in words:
            key, equals, values = word.partition("=")
            if not equals or not key.strip():
                raise WrongUsage(f"{word!r} is no grid: write KEY=V1,V2")
            if key.strip() in axes:
                raise WrongUsage(f"{key.strip()!r} is in the grid twice: write all its values after one --grid")
            axes[key.strip()] = [Text(value) for value in values_of(values)]
        return cls.of(axes)

    def __len__(self) -> int:
        return math.prod(len(values) for values in self.axes.values())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = list(self.axes)
        for values in product(*self.axes.values()):
            yield dict(zip(names, values, strict=True))


def values_of(text: str) -> list[str]:
    """The values of a list written with commas; quotes around one are taken off.

    Examples
    --------
    >>> values_of("a, 'b,c',[1, 2]"), values_of("")
    (['a', 'b,c', '[1, 2]'], [])
    """
    parts, awaited, quote = [""], list[str](), ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in _CLOSING:
            awaited.append(_CLOSING[char])
        elif awaited and char == awaited[-1]:
            awaited.pop()
        elif char == "," and not awaited:
            parts.append("")
            continue
        parts[-1] += char
    return [_unquoted(part.strip()) for part in parts] if text.strip() else []


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _once(values: Iterable[Any]) -> list[Any]:
    return list({json.dumps(value, default=repr): value for value in values}.values())

"""``${steps.prepare.outputs.table}``: what a step of a pipeline takes from others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbdeploy.errors import WrongUsage

__all__ = ["Reference", "fill", "references"]

_FOUND = re.compile(r"\$(\$)?\{([^{}]*)\}")
_KINDS = ("outputs", "metrics")


@dataclass(frozen=True)
class Reference:
    """An output or a metric of a step, or a parameter of the pipeline.

    Attributes
    ----------
    kind : str
        ``outputs``, ``metrics`` or ``parameters``.
    name : str
        The name among these.
    step : str
        The step; empty for a parameter.
    """

    kind: str
    name: str
    step: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read what stands between the braces.

        Raises
        ------
        WrongUsage
            If it is no reference.

        Examples
        --------
        >>> Reference.parse("steps.prepare.outputs.table")
        Reference(kind='outputs', name='table', step='prepare')
        """
        parts = text.strip().split(".", 3)
        if len(parts) == 4 and parts[0] == "steps" and parts[2] in _KINDS and parts[1] and parts[3]:
            return cls(parts[2], parts[3], parts[1])
        where, _, name = text.strip().partition(".")
        if where == "parameters" and name:
            return cls("parameters", name)
        raise WrongUsage(
            f"${{{text}}} is not understood: write ${{steps.STEP.outputs.NAME}}, ${{steps.STEP.metrics.NAME}} or "
            "${parameters.NAME} (and $${ for the characters themselves)"
        )


def references(value: Any) -> Iterator[Reference]:
    """All references in a text, and in the texts of lists and mappings."""
    if isinstance(value, str):
        for found in _FOUND.finditer(value):
            if not found[1]:
                yield Reference.parse(found[2])
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)


def fill(value: Any, known: Callable[[Reference], Any]) -> Any:
    """Put in what references stand for: a text that is one reference becomes the object itself, with its type.

    Examples
    --------
    >>> fill(["${parameters.n}", "n${parameters.n}", "$${n}"], lambda _: 7)
    [7, 'n7', '${n}']
    """
    if isinstance(value, str):
        whole = _FOUND.fullmatch(value)
        if whole and not whole[1]:
            return known(Reference.parse(whole[2]))
        return _FOUND.sub(lambda found: found[0][1:] if found[1] else str(known(Reference.parse(found[2]))), value)
    if isinstance(value, list):
        return [fill(item, known) for item in value]
    if isinstance(value, Mapping):
        return {key: fill(item, known) for key, item in value.items()}
    return value

"""Finding what is kept under an id by a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nbdeploy.errors import NotFound, WrongUsage

__all__ = ["chosen", "found"]

_SHOWN = 8


def chosen(kind: str, part: str, known: Sequence[str], hint: str = "") -> str:
    """The id that is meant: it, or the only one that has a part of it at either end.

    Parameters
    ----------
    kind : str
        What the ids are of, in the singular.
    part : str
        What somebody has written.
    known : sequence of str
        The ids, the newest first.
    hint : str
        What to do if there is none.

    Raises
    ------
    NotFound
        If there is none.
    WrongUsage
        If there are several.

    Examples
    --------
    >>> chosen("run", "a1b2", ["20261121-153012-a1b2", "20261120-090000-77ff"])
    '20261121-153012-a1b2'
    """
    if part in known:
        return part
    matching = [name for name in known if part and (name.startswith(part) or name.endswith(part))]
    if len(matching) > 1:
        raise WrongUsage(
            f"{part!r} may be any of the {kind}s {', '.join(matching[:_SHOWN])}: write more of it", available=matching
        )
    if not matching:
        raise NotFound(kind, part, known[:_SHOWN], hint=hint)
    return matching[0]


def found(kind: str, part: str, home: Path) -> Path:
    """The folder whose name is an id, or has a part of it that no other one has. See :func:`chosen`."""
    known = sorted((path.name for path in home.glob("*-*") if path.is_dir()), reverse=True)
    return home / chosen(kind, part, known)

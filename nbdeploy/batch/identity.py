"""Finding what is kept under an id by a part of it."""

from __future__ import annotations

from pathlib import Path

from nbdeploy.errors import NotFound, WrongUsage

__all__ = ["found"]


def found(kind: str, part: str, home: Path) -> Path:
    """The folder whose name is an id, or has a part of it at either end that no other one has.

    Raises
    ------
    NotFound
        If there is none.
    WrongUsage
        If there are several.
    """
    known = sorted((path.name for path in home.glob("*-*") if path.is_dir()), reverse=True)
    matching = [name for name in known if part and (name.startswith(part) or name.endswith(part))]
    if part in known:
        matching = [part]
    if len(matching) > 1:
        raise WrongUsage(
            f"{part!r} may be any of the {kind}s {', '.join(matching[:8])}: write more of it", available=matching
        )
    if not matching:
        raise NotFound(kind, part, known[:8])
    return home / matching[0]

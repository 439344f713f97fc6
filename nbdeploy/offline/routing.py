"""Where each file of a folder is written to, refused before anything is done where two would meet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nbdeploy.errors import WrongUsage
from nbdeploy.offline.journal import is_url
from nbdeploy.offline.listing import Input, Listing, suffix_of
from nbdeploy.offline.stored import place_beside
from nbdeploy.tables import SINKS

__all__ = ["Route", "check_folders", "routed"]


@dataclass(frozen=True)
class Route:
    """From an input to its output.

    Attributes
    ----------
    input : Input
        The file to predict.
    output : str or Path
        Where to.
    rejects : str, Path or None
        Where rows that fail are set aside.
    """

    input: Input
    output: str | Path
    rejects: str | Path | None = None


def check_folders(source: str, out: str | Path | None, rejects: str | Path | None) -> str | Path:
    """Refuse folders that cannot be written, or that would mix what is read and written; return the output's.

    Raises
    ------
    WrongUsage
        Saying what to write instead.
    """
    if out is None or str(out) == "-":
        raise WrongUsage(f"{source} is more than one file: say where their predictions go with --out FOLDER")
    given = {"--out": out} if rejects is None else {"--out": out, "--rejects": rejects}
    real = {os.path.realpath(source): "the folder that is read"}
    for option, place in given.items():
        if not is_url(place) and Path(place).exists() and not Path(place).is_dir():
            raise WrongUsage(f"{option} {place} is a file; predictions of a folder need a folder")
        other = real.setdefault(os.path.realpath(place), f"{option} too")
        if other != f"{option} too":
            raise WrongUsage(f"{option} {place} is {other}: name another folder")
    return out


def routed(
    listing: Listing, out: str | Path, rejects: str | Path | None = None, kind: str | None = None
) -> list[Route]:
    """Give each input its output: the same path below another folder, in the same format unless told.

    Parameters
    ----------
    listing : Listing
        The inputs.
    out : str or Path
        The folder of outputs.
    rejects : str or Path, optional
        The folder of rejects, under the outputs' names.
    kind : str, optional
        The outputs' suffix: ``parquet``, ``csv.gz``.

    Raises
    ------
    WrongUsage
        If two files would be written under one name, or over an input; or if there is no such format.
    """
    if kind is not None and suffix_of(f"x.{kind.lstrip('.')}", SINKS) is None:
        raise WrongUsage(f"--format {kind} is unknown; there are: {', '.join(SINKS)}, and .gz or .zst behind them")
    routes = [_route(one, out, rejects, kind) for one in listing.inputs]
    _refuse_meetings(routes)
    return routes


def _route(one: Input, out: str | Path, rejects: str | Path | None, kind: str | None) -> Route:
    name = one.below.name
    suffix = suffix_of(name) or ""
    if kind is not None:
        name = f"{name.removesuffix(suffix)}.{kind.lstrip('.')}"
    elif suffix_of(name, SINKS) is None:
        raise WrongUsage(f"{one.name}: {suffix} can be read and not written; say what to write with --format csv")
    below = PurePosixPath(*one.below.parent.parts, name)
    return Route(one, _inside(out, below), None if rejects is None else _inside(rejects, below))


def _inside(folder: str | Path, below: PurePosixPath) -> str | Path:
    return f"{str(folder).rstrip('/')}/{below}" if is_url(folder) else Path(folder, below)


def _refuse_meetings(routes: Sequence[Route]) -> None:
    """Refuse routes that would write two things under one name, or over an input."""
    read = {os.path.realpath(route.input.place): route for route in routes}
    written = dict[str, Route]()
    for route in routes:
        for place in (route.output, place_beside(route.output), route.rejects):
            if place is None:
                continue
            real = os.path.realpath(place)
            other = written.setdefault(real, route)
            if other is not route:
                raise WrongUsage(
                    f"{other.input.name} and {route.input.name} would both be written to {place}; keep their "
                    "formats apart (without --format), or predict them into different folders"
                )
            if real in read:
                raise WrongUsage(
                    f"{place} would be written over the input {read[real].input.name}: name another folder"
                )
        if route.rejects is not None and os.path.realpath(route.rejects) == os.path.realpath(route.output):
            raise WrongUsage(f"--rejects would write {route.rejects}, which is an output: name another folder")

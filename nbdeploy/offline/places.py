"""Where a job reads and writes, refused where that cannot go well."""

from __future__ import annotations

import os
from pathlib import Path

from nbdeploy.errors import WrongUsage
from nbdeploy.offline.options import Options
from nbdeploy.offline.stored import is_same
from nbdeploy.tables import Source

__all__ = ["STREAM", "check_into", "check_places", "input_name"]

STREAM = "-"
"""What standard input and standard output are called."""


def check_places(source: Source | str | Path, out: str | Path, options: Options) -> None:
    """Refuse what can be seen to be wrong before anything is opened."""
    for name, place in (("source", source), ("output", out)):
        if options.resume and str(place) == STREAM:
            what = "standard input cannot be read" if name == "source" else "standard output cannot be written"
            raise WrongUsage(f"--resume is not possible: {what} from the beginning again; use files")
    places = [place for place in (out, options.rejects) if place is not None and str(place) != STREAM]
    if len(places) == 2 and is_same(*places):
        raise WrongUsage(f"--rejects {options.rejects} is the output itself: name another file")
    if isinstance(source, str | Path) and str(source) != STREAM:
        for place in places:
            if is_same(place, source):
                raise WrongUsage(f"the output {place} is the input itself, which would be lost: name another file")


def check_into(options: Options) -> None:
    """Refuse options that are for files, where predictions go into a database."""
    if options.safe_csv:
        raise WrongUsage("--safe-csv is for files that spreadsheets open, and the predictions go into a database")


def input_name(source: Source) -> str:
    """What an input is known by: the absolute path of a file, else its name."""
    return os.path.realpath(source.name) if Path(source.name).exists() else source.name

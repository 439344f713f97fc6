"""The command ``predict``: a table in, a table out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from nbdeploy import api
from nbdeploy.cards import Result
from nbdeploy.commands.answers import TableAnswer
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import DATA, FILE, METHOD, REF
from nbdeploy.commands.syntax import argument, command, option, pass_door
from nbdeploy.errors import WrongUsage

__all__ = ["predict"]


@dataclass(frozen=True)
class PredictedTable(TableAnswer):
    """A table of predictions."""

    ref: str
    input: str | None
    seconds: float

    @property
    def line(self) -> str:
        """How many rows were predicted, by what."""
        return f"{len(self.table):,} rows predicted by {self.ref} in {self.seconds:.1f} s"

    def document(self) -> dict[str, Any]:
        """Return the same as for a file, and the rows."""
        shown = api.show(self.ref).document()
        return {
            "snapshot": f"{shown['name']}:{shown['version']}",
            "digest": shown["digest"],
            "input": self.input,
            "output": None,
            "rows": len(self.table),
            "rejected": 0,
            "seconds": round(self.seconds, 3),
            "columns": [str(column) for column in self.columns],
            "predictions": self.records(),
        }


@command("predict")
@argument("ref", type=REF, help="The snapshot.")
@argument("source", metavar="INPUT", type=DATA, help="A file, or in a notebook also a table.")
@option("--out", type=FILE, metavar="OUTPUT", help="Write here, in the format of the suffix; else answer the table.")
@option("--method", "methods", type=METHOD, multiple=True, metavar="M", help="A method to answer with (repeatable).")
@option("--keep", multiple=True, metavar="COL|all|none", help="Input columns to keep; the unread ones by default.")
@option("--rename", multiple=True, metavar="NEW=OLD", help="Another name for an input column (repeatable).")
@pass_door
def predict(
    door: Door,
    ref: str,
    source: object,
    out: str | None,
    methods: tuple[str, ...],
    keep: tuple[str, ...],
    rename: tuple[str, ...],
) -> object:
    """Predict a file or table offline.

    In a shell without --out, the predictions go to standard output as CSV.
    """
    began = time.perf_counter()
    result = api.predict(
        ref, source, out=out, methods=methods, keep=keep, rename=_renames(rename), progress=door.report
    )
    if isinstance(result, Result):
        return result
    return PredictedTable(result, ref, source if isinstance(source, str) else None, time.perf_counter() - began)


def _renames(pairs: tuple[str, ...]) -> dict[str, str]:
    """Old name to new name."""
    names = {}
    for pair in pairs:
        new, sign, old = pair.partition("=")
        if not (new and sign and old):
            raise WrongUsage(f"--rename {pair} is not understood: write NEW=OLD, the new name first")
        names[old] = new
    return names

"""The command ``predict``: a table in, a table out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import click

from nbdeploy import api
from nbdeploy.api.databases import read_from, written_to
from nbdeploy.api.predictions import options_of, predicted
from nbdeploy.cards import Result, count
from nbdeploy.commands.answers import TableAnswer
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import DATA, FILE, METHOD, REF, REF_OR_FILE
from nbdeploy.commands.syntax import argument, command, option, pass_door
from nbdeploy.errors import WrongUsage
from nbdeploy.types import Report, ignore_progress
from nbdeploy.widgets import json_progress

__all__ = ["predict"]

_STREAM = "-"


@dataclass(frozen=True)
class PredictedTable(TableAnswer):
    """A table of predictions."""

    ref: str
    input: str | None
    seconds: float
    rejected: int
    rejects: str | None

    @property
    def line(self) -> str:
        """How many rows were predicted, by what."""
        aside = f", {count(self.rejected, 'row')} rejected, see {self.rejects}" if self.rejected else ""
        return f"{count(len(self.table), 'row')} predicted by {self.ref} in {self.seconds:.1f} s{aside}"

    def document(self) -> dict[str, Any]:
        """Return the same as for a file, and the rows."""
        shown = api.show(self.ref).document()
        return {
            "snapshot": f"{shown['name']}:{shown['version']}",
            "digest": shown["digest"],
            "input": self.input,
            "output": None,
            "rows": len(self.table),
            "rejected": self.rejected,
            "seconds": round(self.seconds, 3),
            "columns": [str(column) for column in self.columns],
            "predictions": self.records(),
        }


@command("predict")
@argument("ref", type=REF_OR_FILE, help="The snapshot; with --check the output to prove.")
@argument(
    "source",
    metavar="INPUT",
    type=DATA,
    required=False,
    help="A file, folder, pattern such as 'inbox/*.csv', or in a notebook a table.",
)
@option("--out", type=FILE, metavar="OUTPUT", help="Write here, in the format of the suffix; else answer the table.")
@option("--sql", metavar="QUERY", help="Predict the rows of this query instead of INPUT; it may only read.")
@option("--from", "from_url", metavar="URL", help="Its database: sqlite:///FILE, duckdb:///FILE, postgresql://….")
@option("--to-table", metavar="TABLE", help="Write into this table of a database instead of --out.")
@option("--to", "to_url", metavar="URL", help="Its database, if not that of --from.")
@option("--key", multiple=True, metavar="COL", help="Replace rows of the table with equal COL (repeatable).")
@option("--format", "kind", metavar="SUFFIX", help="Of a folder's outputs; by default that of each input.")
@option("--method", "methods", type=METHOD, multiple=True, metavar="M", help="A method to answer with (repeatable).")
@option("--keep", multiple=True, metavar="COL|all|none", help="Input columns to keep; the unread ones by default.")
@option("--rename", multiple=True, metavar="NEW=OLD", help="Another name for an input column (repeatable).")
@option("--threshold", type=float, metavar="T", help="Predict the second of two classes from this probability on.")
@option("--rejects", type=FILE, metavar="PATH", help="Set rows that fail aside here, and keep the rest.")
@option("--max-rejects", metavar="N|P%", help="Stop if more rows fail.")
@option("--safe-csv", is_flag=True, help="Make text plain that a spreadsheet would take for a formula.")
@option("--resume", is_flag=True, help="Go on with a job that was interrupted or killed.")
@option("--workers", type=int, default=1, metavar="N", help="Processes that predict; they share the model's memory.")
@option("--engine", default="local", metavar="NAME", help="Where they are.")
@option("--chunk", type=int, metavar="ROWS", help="Rows predicted at once.")
@option("--progress", type=click.Choice(["auto", "json", "none"]), default="auto", help="How progress is shown.")
@option("--check", is_flag=True, help="Prove that an output, or each of a folder, still is what was predicted.")
@pass_door
def predict(
    door: Door, /, ref: str, source: object, out: str | None, progress: str, check: bool, **wanted: Any
) -> object:
    """Predict a table, a file, or the files of a folder offline.

    In a shell without --out, the predictions go to standard output as CSV. From file to file, a finished job that is
    run again does nothing until input, model or options change. Of a folder the new and changed files are predicted,
    each into a file of its name below --out FOLDER.

    INPUT and OUTPUT may hold the words of `schedule add`: 'inbox/{{ ds }}.csv'.
    """
    if check:
        if source is not None:
            raise WrongUsage(f"predict --check takes an output alone: predict --check {ref}")
        return api.check_predictions(ref, sql=wanted["sql"], from_url=wanted["from_url"])
    if source is None and wanted["sql"] is None:
        raise click.UsageError("Missing argument 'INPUT'.", click.get_current_context())
    if out == _STREAM and door.as_document:
        raise WrongUsage("--json prints its document to standard output, where --out - would write the predictions too")
    ref = REF.convert(ref, None, None)
    source, out, wanted["rejects"] = (_dated(given) for given in (source, out, wanted["rejects"]))
    with json_progress() as events:
        report: Report = {"auto": door.report, "json": events, "none": ignore_progress}[progress]
        return _predicted(ref, source, out, report, wanted)


def _dated(given: Any) -> Any:
    """Replace the words of schedules in a path; batch runs are not loaded for others."""
    if not isinstance(given, str) or "{{" not in given:
        return given
    from nbdeploy.batch.parameters.words import meant, render

    return render(given, meant())


def _predicted(ref: str, source: object, out: str | None, report: Report, wanted: dict[str, Any]) -> object:
    began = time.perf_counter()
    kind = wanted.pop("kind")
    sql, from_url, to_url = (wanted.pop(name) for name in ("sql", "from_url", "to_url"))
    table, key = wanted.pop("to_table"), wanted.pop("key")
    source = read_from(source, sql, from_url, (to_url or from_url) if table else None)
    target = written_to(out, table, to_url, from_url, key)
    options = options_of(**{**wanted, "rename": _renames(wanted["rename"])})
    found = predicted(ref, source, target, options, kind, progress=report)
    if isinstance(found, Result) and out == _STREAM:
        # Standard output has the predictions, and nothing else may come after them.
        click.echo(found.line, err=True)
        return None
    if isinstance(found, Result):
        return found
    seconds = time.perf_counter() - began
    named = source.name if sql is not None else source if isinstance(source, str) else None
    return PredictedTable(found.table, ref, named, seconds, found.tally.rejected, wanted["rejects"])


def _renames(pairs: tuple[str, ...]) -> dict[str, str]:
    """Old name to new name."""
    names = {}
    for pair in pairs:
        new, sign, old = pair.partition("=")
        if not (new and sign and old):
            raise WrongUsage(f"--rename {pair} is not understood: write NEW=OLD, the new name first")
        names[old] = new
    return names

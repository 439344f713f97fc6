"""Proving that an output still is what its provenance says."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from nbdeploy.cards import Card, Result, count
from nbdeploy.errors import InvalidData, NbdeployError, NotFound
from nbdeploy.offline.journal import is_url
from nbdeploy.offline.options import Options
from nbdeploy.offline.planning import plan_of
from nbdeploy.offline.provenance import Provenance
from nbdeploy.offline.stored import place_beside, stored
from nbdeploy.offline.work import SourceWork
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Source, open_sink, open_source
from nbdeploy.tables.databases import is_address

__all__ = ["Checked", "check_output"]

_PLACES = 4
_ROWS = 256


@dataclass(frozen=True)
class Checked(Result):
    """Whether an output still is what its provenance says.

    Attributes
    ----------
    output : str
        The file.
    snapshot, digest : str
        What predicted it.
    checks : sequence of (str, bool, str)
        What was compared, whether it is as it was, and what was found.
    rows : int
        Rows predicted again.
    """

    output: str
    snapshot: str
    digest: str
    checks: Sequence[tuple[str, bool, str]]
    rows: int

    @property
    def ok(self) -> bool:
        """Whether everything is as it was."""
        return all(is_so for _, is_so, _ in self.checks)

    @property
    def line(self) -> str:
        """What was proven, or what is not as it was."""
        wrong = [f"{name}: {told}" for name, is_so, told in self.checks if not is_so]
        if wrong:
            return f"{self.output} is not proven: {'; '.join(wrong)}"
        return f"{self.output} is what {self.snapshot} predicted: {', '.join(told for _, _, told in self.checks)}"

    def card(self) -> Card:
        """Every comparison."""
        facts = [(name, f"{'✔' if is_so else '✘'} {told}") for name, is_so, told in self.checks]
        return Card(self.line, facts)

    def document(self) -> dict[str, Any]:
        """Return the document of ``predict --check --json``."""
        return {
            "output": self.output,
            "snapshot": self.snapshot,
            "digest": self.digest,
            "ok": self.ok,
            "rows": self.rows,
            "checks": [{"name": name, "ok": is_so, "found": told} for name, is_so, told in self.checks],
        }


def check_output(out: str | Path, load: Callable[[str], Predictor], given: Source | None = None) -> Checked:
    """Compare an output, its input and its snapshot with its provenance, and predict some rows again.

    Parameters
    ----------
    out : str or Path
        The output, also in an object store.
    load : callable
        From a reference to the snapshot.
    given : Source, optional
        The input, where its name does not say how to open it.

    Raises
    ------
    NotFound
        If there is no such file, or no provenance beside it.
    """
    there = stored(out)
    if there.identity() is None:
        raise NotFound("object" if is_url(out) else "file", there.name, _near(out))
    found = Provenance.read(there)
    if found is None:
        beside = place_beside(PurePosixPath(there.name).name)
        raise NotFound("provenance of", there.name, hint=f"{beside} is beside what nbdeploy predict wrote")
    same = there.sha256() == found.output_sha256
    checks = [("output", same, "its bytes are as they were written" if same else "its bytes were changed")]
    source, told = _input(found, given)
    checks.append(("input", source is not None or found.input_sha256 is None, told))
    predictor, told = _snapshot(found, load)
    checks.append(("snapshot", predictor is not None, told))
    rows = 0
    if same and source is not None and predictor is not None:
        try:
            rows = sum(_again(out, found, source, predictor))
            checks.append(("rows", True, f"the predictions of {count(rows, 'row')} are the same again"))
        except NbdeployError as error:
            checks.append(("rows", False, str(error)))
    return Checked(there.name, found.snapshot, found.digest, checks, rows)


def _near(out: str | Path) -> list[str]:
    """Files that may have been meant."""
    path = Path(out)
    return [p.name for p in path.parent.glob(f"*{path.suffix}")] if path.suffix and not is_url(out) else []


def _input(found: Provenance, given: Source | None) -> tuple[Source | None, str]:
    """The input, if it is as it was; and what to say of it."""
    if found.input_sha256 is None:
        return None, "the input was no file, and cannot be compared"
    if given is None and is_address(found.input):
        return None, f"its input was a query ({found.input}): give it again with --sql and --from"
    if given is not None and given.name != found.input:
        return None, f"its input was {found.input}, not {given.name}"
    try:
        source = open_source(found.input) if given is None else given
        if source.sha256() == found.input_sha256:
            return source, "its input is as it was"
        return None, f"{found.input} was changed"
    except (NbdeployError, OSError) as error:
        return None, str(error)


def _snapshot(found: Provenance, load: Callable[[str], Predictor]) -> tuple[Predictor | None, str]:
    """The snapshot, if it is as it was; and what to say of it."""
    name = found.snapshot.partition(":")[0]
    try:
        return load(f"{name}@{found.digest}"), f"its snapshot {found.snapshot} is as it was"
    except NbdeployError as error:
        return None, str(error)


def _again(out: str | Path, found: Provenance, source: Source, predictor: Predictor) -> Iterator[int]:
    """Predict rows at a few of the places that were remembered, and yield how many of each are the same.

    They are written as the output was, and read as it is read, so that only bytes that mean the same are the same.
    """
    options = _options(found)
    work = SourceWork(source, plan_of(predictor, source, options))
    step = max(1, len(found.checkpoints) // _PLACES)
    places = {place.index: place.at for place in found.checkpoints[::step]}
    for span in itertools.takewhile(lambda span: span.index <= max(places, default=-1), source.spans(found.chunk)):
        if span.index not in places:
            continue
        done = work.answer(predictor, span, work.read(span))
        rows = done.together[:_ROWS]
        _compare(out, places[span.index], rows, safe=options.safe_csv)
        yield rows.height


def _options(found: Provenance) -> Options:
    """The options that an output was made with."""
    given = found.options
    return Options(
        given["methods"],
        given["keep"] or ["none"],
        given["rename"],
        threshold=given["threshold"],
        safe_csv=given["safe_csv"],
        rejects=given["rejects"],
    )


def _compare(out: str | Path, at: int, rows: pl.DataFrame, *, safe: bool) -> None:
    """Compare rows with those of an output from a place on.

    Raises
    ------
    InvalidData
        Naming the first that differs.
    """
    with TemporaryDirectory() as folder:
        again = Path(folder, PurePosixPath(out).name)
        with open_sink(again, safe=safe) as sink:
            sink.write(rows)
        new = _rows(open_source(again), 0, rows.height)
    old = _rows(open_source(out), at, rows.height)
    if new.equals(old):
        return
    for name in new.columns:
        differs = old.get_column(name).ne_missing(new.get_column(name)) if name in old.columns else None
        if differs is None or differs.any():
            row = 0 if differs is None else int(differs.arg_true()[0])
            pair = "" if differs is None else f": {old[name][row]!r}, and now {new[name][row]!r}"
            raise InvalidData(f"row {at + row} of the output differs in {name!r}{pair}", row=at + row, column=name)
    raise InvalidData(f"the output has {old.height} rows from row {at} on, where {new.height} are predicted", row=at)


def _rows(source: Source, at: int, height: int) -> pl.DataFrame:
    """Rows of a table by number."""
    parts = [source.empty()]
    for span in source.spans(_ROWS):
        if span.first >= at + height:
            break
        if span.first + _ROWS > at:
            rows = source.read(span).frame
            parts.append(rows[max(0, at - span.first) : at + height - span.first])
    return pl.concat(parts)

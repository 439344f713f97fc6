"""What is wrong with an output that ``predict`` wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.api.predictions import load
from nbdeploy.api.references import open_store
from nbdeploy.errors import InvalidData, NbdeployError, NotFound, WrongUsage
from nbdeploy.hints import typed
from nbdeploy.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from nbdeploy.offline.provenance import Provenance
    from nbdeploy.predictor import Predictor
    from nbdeploy.serving.diagnosis import Diagnosis, Finding
    from nbdeploy.types import Signature

__all__ = ["diagnose_output"]

ROWS = 20_000
"""Rows of input and output that are looked at, at most: the first ones."""

_REJECTED = 0.01
_WEIGHTS = {"output": 95.0, "rows": 85.0, "snapshot": 70.0, "input": 60.0}


def diagnose_output(out: Path, settings: Settings | None = None) -> Diagnosis:
    """Look at an output, its provenance, its input and its snapshot. See :func:`nbdeploy.diagnose`.

    Raises
    ------
    NotFound
        If there is no such file, or no provenance beside it.
    WrongUsage
        If it is a folder.
    """
    from nbdeploy.offline import check_output
    from nbdeploy.offline.provenance import Provenance
    from nbdeploy.offline.stored import stored
    from nbdeploy.serving.diagnosis import Diagnosis, Rows, checks

    if out.is_dir():
        raise WrongUsage(
            f"{out} is a folder; name one of its outputs, or look at all: {typed(f'predict --check {out}')}"
        )
    checked = check_output(out, lambda ref: load(ref, settings=settings))
    found = Provenance.read(stored(out))
    if found is None:
        raise NotFound("provenance of", str(out))
    findings = [_release(found, settings)]
    findings += [_check(name, is_so, told, found) for name, is_so, told in checked.checks]
    findings.append(_rejects(found))
    predictor = _predictor(found, settings)
    tables: list[Any] = []
    if predictor is not None:
        findings.append(_packages(found, predictor))
        as_it_was = {name for name, is_so, _ in checked.checks if is_so}
        rows = Rows(_rows(out, found, predictor, "input" in as_it_was))
        told, tables = checks.compared(
            rows, Rows(rows.frame.clear()), predictor, predictor.signature.names, lambda _: ""
        )
        findings += told
    step = typed(f"show {found.snapshot}")
    return Diagnosis(str(out), found.snapshot, found.digest, findings, tables, step)


def _predictor(found: Provenance, settings: Settings | None) -> Predictor | None:
    try:
        return load(f"{found.snapshot.partition(':')[0]}@{found.digest}", settings=settings)
    except NbdeployError:
        return None  # which the check of the snapshot tells


def _check(name: str, is_so: bool, told: str, found: Provenance) -> Finding:
    from nbdeploy.serving.diagnosis import Finding

    step = typed(f"predict {found.snapshot} {found.input} --out {found.output}")
    return Finding(name, is_so, told, next="" if is_so else step, weight=_WEIGHTS.get(name, 50.0))


def _release(found: Provenance, settings: Settings | None) -> Finding:
    """What predicted, when, and whether there is something newer."""
    from nbdeploy.serving.diagnosis import Finding

    name, _, number = found.snapshot.partition(":")
    told = f"{found.snapshot} predicted it, {found.created}"
    evidence = {"created": found.created, "rows": found.rows, "seconds": found.seconds, "options": found.options}
    try:
        latest = max(version.number for version in open_store(settings).versions(name))
    except (NbdeployError, ValueError):
        latest = 0
    if number.isdecimal() and latest > int(number):
        return Finding("release", None, f"{told}; {name}:{latest} is newer", evidence=evidence)
    return Finding("release", True, told, evidence=evidence)


def _rejects(found: Provenance) -> Finding:
    """How many rows were set aside, and why."""
    from nbdeploy.serving.diagnosis import Finding
    from nbdeploy.serving.diagnosis.shift import percent

    total = found.rows + found.rejected
    evidence = {"rows": found.rows, "rejected": found.rejected, "reasons": [[*reason] for reason in found.reasons[:10]]}
    if not found.rejected:
        return Finding("rejects", True, f"all {total:,} rows were predicted", evidence=evidence)
    share = found.rejected / total
    reasons = "; ".join(
        f"{column}{': ' if column else ''}{what} ({count:,})" for column, what, count in found.reasons[:3]
    )
    told = f"{found.rejected:,} of {total:,} rows ({percent(share)}) were set aside: {reasons}"
    verdict = f"{percent(share)} of the rows were set aside: {reasons}"
    if share < _REJECTED:
        return Finding("rejects", None, told, evidence=evidence)
    return Finding("rejects", False, told, verdict, weight=55.0 + share, evidence=evidence)


def _packages(found: Provenance, predictor: Predictor) -> Finding:
    """Whether the packages that predicted are those of here."""
    from nbdeploy.offline.provenance import versions_of
    from nbdeploy.serving.diagnosis import Finding

    here = versions_of(predictor)
    names = [name for name in found.versions if here.get(name) != found.versions[name]]
    if not names:
        return Finding("packages", True, "they are those that predicted it")
    told = ", ".join(f"{name} {found.versions[name]}, here {here.get(name, 'none')}" for name in names[:4])
    return Finding("packages", None, f"other ones predicted it: {told}", evidence={"names": names})


def _rows(out: Path, found: Provenance, predictor: Predictor, same_input: bool) -> pl.DataFrame:
    """The inputs and the predictions, as far as both are there: the first rows of each."""
    import polars as pl

    from nbdeploy.tables import open_source

    signature = predictor.signature
    answers = [name for output in signature.outputs.values() for name in output.columns]
    read = open_source(out)
    output = _read(read)
    kinds = dict(predictor.expected.schema)
    given = [
        pl.col(name).cast(kinds[name], strict=False) for name in answers if name in output.columns and name in kinds
    ]
    parts = [output.select(given)]
    if same_input and found.input_sha256 is not None:
        source = open_source(found.input)
        parts.append(_bound(_read(source), source.text, signature))
    height = min(part.height for part in parts)
    return pl.concat([part.head(height) for part in parts], how="horizontal")


def _read(source: Any) -> pl.DataFrame:
    import polars as pl

    found: pl.DataFrame = pl.concat([source.empty(), *_some(source)])
    return found.head(ROWS)


def _some(source: Any) -> Iterator[pl.DataFrame]:
    from nbdeploy.tables import frames

    height = 0
    for frame in frames(source, ROWS):
        yield frame
        height += frame.height
        if height >= ROWS:
            return


def _bound(frame: pl.DataFrame, text: bool, signature: Signature) -> pl.DataFrame:
    """Rows in the types of a signature; values that do not fit are missing, where some do not."""
    import polars as pl

    from nbdeploy.codecs import Text, bind
    from nbdeploy.codecs.columns import wire_dtype

    try:
        return bind(Text(frame) if text else frame, signature)
    except InvalidData:
        columns = [column for column in signature.columns if column.name in frame.columns]
        loose = [pl.String if column.type == "categorical" else wire_dtype(column) for column in columns]
        plain = frame[[column.name for column in columns]]
        if text:
            plain = plain.with_columns(pl.col(pl.String).replace("", None))
        casts = []
        for column, kind in zip(columns, loose, strict=True):
            try:
                casts.append(plain[column.name].cast(kind, strict=False))
            except pl.exceptions.PolarsError:
                continue
        return pl.DataFrame(casts)

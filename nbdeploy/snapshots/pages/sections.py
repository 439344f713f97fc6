"""What there is to say of a snapshot, a section each; a section about nothing is None."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from nbdeploy.cards import Code, Facts, Items, Section, Table, Text
from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.flavors import PICKLES
from nbdeploy.manifest import CODE, Content
from nbdeploy.profiles import ModelProfile
from nbdeploy.snapshots.metrics import ordered
from nbdeploy.snapshots.pages import certificate as certificates
from nbdeploy.snapshots.pages.disclosure import facts_of
from nbdeploy.snapshots.pages.figures import column_rows
from nbdeploy.snapshots.pages.origin import origin
from nbdeploy.snapshots.pages.wording import (
    brief,
    digits,
    faster,
    first_names,
    proof_in_short,
    span,
    speeds,
    twin_in_short,
)
from nbdeploy.types import Signature

__all__ = [
    "answers",
    "certificate",
    "environment",
    "example",
    "inputs",
    "lineage",
    "loading",
    "notices",
    "privacy",
    "quality",
    "trust",
    "twin",
]

_FEW = 12
_FEWER = 4
_SHOWN = 60
_EXAMPLES = 3


def notices(said: Sequence[str]) -> Section | None:
    """What its author was told."""
    return Section("Noticed", [Items(said)], open=True) if said else None


def quality(record: Mapping[str, Any]) -> Section | None:
    """Metrics with their intervals, and by class."""
    metrics, intervals, test = (record.get(name, {}) for name in ("metrics", "intervals", "test"))
    if not metrics:
        return None
    rows = [
        (name, digits(value), " – ".join(map(digits, intervals[name])) if name in intervals else "")
        for name, value in ordered(metrics)
    ]
    classes = [
        (label, row["support"], *(digits(row[name]) for name in ("precision", "recall", "f1")))
        for label, row in test.get("classes", {}).items()
    ]
    blocks = [Table(("metric", "value", "95 % interval") if intervals else ("metric", "value", ""), rows)]
    blocks += [Table(("class", "rows", "precision", "recall", "f1"), classes)] if classes else []
    on = f"on {test['rows']:,} test rows" if "rows" in test else ""
    return Section("Metrics", blocks, summary=on, open=True)


def inputs(signature: Signature, profile: ModelProfile | None) -> Section:
    """Columns with their types, and what the data given was like."""
    shown = signature.columns[:_SHOWN]
    named = [(column.name, column.type) for column in shown]
    header, rows = column_rows(named, profile.inputs if profile else None)
    needed = ["may be missing" if column.nullable else "required" for column in shown]
    rows = [(*row[:2], need, *row[2:]) for row, need in zip(rows, needed, strict=True)]
    count = len(signature.columns)
    seen = f" of {profile.inputs.rows:,} rows" if profile else ""
    said = f"{count} column{'s' if count != 1 else ''}{seen}, given as {signature.container}"
    more = [Text(f"and {count - _SHOWN} more columns")] if count > _SHOWN else []
    return Section("Inputs", [Table((*header[:2], "", *header[2:]), rows), *more], said, open=count <= _FEW)


def answers(signature: Signature, profile: ModelProfile | None) -> Section:
    """Methods and what each answers."""
    named = [
        (column, kind, f"{name} (default)" if name == signature.default_method else name)
        for name, output in sorted(signature.outputs.items(), key=lambda item: item[0] != signature.default_method)
        for column, kind in zip(output.columns, output.types, strict=True)
    ]
    header, rows = column_rows([pair[:2] for pair in named[:_SHOWN]], profile.predictions if profile else None)
    rows = [(method, *row) for (_, _, method), row in zip(named, rows, strict=False)]
    more = [Text(f"and {len(named) - _SHOWN} more columns")] if len(named) > _SHOWN else []
    seen = f"; distribution over {profile.predictions.rows:,} of the rows given" if profile else ""
    said = f"{first_names(list(signature.outputs))}{seen}"
    return Section("Answers", [Table(("method", *header), rows), *more], said, open=len(named) <= _FEWER)


def certificate(record: Mapping[str, Any], proof: Mapping[str, Any]) -> Section | None:
    """How it was proven."""
    if not proof:
        return None
    facts = certificates.certificate(proof)
    if signature := certificates.signed(record, proof):
        facts.append(("signed", signature))
    if "native_difference" in record:
        facts.append(("difference from the model's plain call", brief(record["native_difference"])))
    text = (
        "Loaded in a clean process without network, the snapshot answered as the live model did: labels and integers "
        "exactly, floats within the tolerance; and each row the same alone, in small batches and in another order."
    )
    return Section("Certificate", [Text(text), Facts(facts)], proof_in_short(proof))


def twin(record: Mapping[str, Any]) -> Section | None:
    """The compiled twin: what it answers, how it was proven, and how fast it is for each size of batch."""
    found = dict(record.get("twin") or {})
    if not found:
        return None
    if not found.get("compiler"):
        return Section("Compiled twin", [Text(f"Native code answers all. {twin_in_short(found)}")], "none")
    facts = [("answers", twin_in_short(found)), *_proof_of(found)]
    times = [
        (f"{row['rows']:,}", span(row["native"]), span(row["twin"]), faster(row["native"], row["twin"]))
        for row in speeds(found)
    ]
    tables = [Table(("rows at once", "native", "compiled", ""), times)] if times else []
    return Section("Compiled twin", [Facts(facts), *tables], str(found["compiler"]))


_EQUAL = {"exact": "every bit the same", "rounding": "the same to rounding"}


def _proof_of(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What it was compared on, method by method; of fields that are not known, nothing."""
    methods, left, cost = found.get("methods"), found.get("left"), found.get("seconds")
    facts = [(name, _EQUAL.get(how, "")) for name, how in methods.items()] if isinstance(methods, dict) else []
    facts.append(("tried on", ", ".join(f"{rows:,} rows {_KIND.get(kind, kind)}" for kind, rows in _tried(found))))
    if isinstance(left, int) and left:
        facts.append(("left to native code", f"{left:,} answers of these"))
    if isinstance(cost, int | float):
        facts.append(("proof took", span(cost)))
    return [fact for fact in facts if fact[1]]


_KIND = {
    "sample": "of the sample",
    "edges": "with a missing, unseen or strange value",
    "random": "at random",
    "extremes": "with a huge or infinite value",
    "borders": "beside borders",
}


def _tried(found: Mapping[str, Any]) -> list[tuple[str, int]]:
    tried = found.get("tried", {})
    return [(kind, tried[kind]) for kind in (*_KIND, *sorted(tried.keys() - _KIND.keys())) if tried.get(kind)]


def lineage(record: Mapping[str, Any]) -> Section | None:
    """Where it comes from."""
    facts = origin(record)
    return Section("Lineage", [Facts(facts)], str(record.get("created", ""))[:10]) if facts else None


def trust(content: Content) -> Section:
    """What can execute code."""
    source = sorted(path for path in content.files if path.startswith(CODE))
    packed = sorted(path for path in content.files if PurePosixPath(path).suffix in PICKLES)
    if not content.runs_code:
        return Section("Code", [Text("Loading it executes no code that came with it.")], "loading runs none")
    said = [Text("Loading it executes code that came with it: load it only if you trust its author.")]
    facts = [("captured source", first_names(source)), ("pickled", first_names(packed))]
    return Section("Code", [*said, Facts([fact for fact in facts if fact[1]])], "loading runs code of its author")


def environment(content: Content) -> Section:
    """Python and packages."""
    packages = [("python", content.environment.python), *content.environment.packages.items()]
    return Section(
        "Environment", [Facts(packages)], f"Python {content.environment.python}, {len(packages) - 1} packages"
    )


def privacy(record: Mapping[str, Any], profile: ModelProfile | None) -> Section | None:
    """What of the user's rows is in the bundle."""
    facts = facts_of(record.get("privacy", {}))
    if profile:
        kept = f"keeps nothing that fewer than {profile.inputs.anonymity} of {profile.inputs.rows:,} rows share"
        facts.append(("profile", kept))
    return Section("Privacy", [Facts(facts)]) if facts else None


def example(signature: Signature, profile: ModelProfile | None) -> Section | None:
    """Rows that are nobody's."""
    if profile is None:
        return None
    shown = signature.columns[:_FEW]
    drawn = profile.inputs.draw(_EXAMPLES, 0, {column.name: wire_dtype(column) for column in shown})
    table = Table(drawn.columns, [[_value(value) for value in row] for row in drawn.rows()])
    more = f" (the first {_FEW} of {len(signature.columns)} columns)" if len(signature.columns) > _FEW else ""
    said = Text(f"Synthetic: every value is drawn on its own from what its column is like{more}.")
    return Section("Example rows", [said, table], "synthetic")


def loading(ref: str) -> Section:
    """How to use it."""
    nbdeploy = f'import nbdeploy as nd\n\nnd.load("{ref}").predict(rows)'
    mlflow = 'import mlflow\n\nmlflow.pyfunc.load_model("path/to/this/folder").predict(rows)'
    return Section("Use", [Code(nbdeploy), Text("An exported folder is an MLflow model too:"), Code(mlflow)])


def _value(value: Any) -> str:
    if isinstance(value, datetime):
        value = value.replace(microsecond=0)
    return "" if value is None else digits(value) if isinstance(value, float) else str(value)[:60]

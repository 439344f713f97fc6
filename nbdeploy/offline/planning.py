"""What a job will do with each span, decided and checked before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from nbdeploy.codecs import bind_text, number_types
from nbdeploy.errors import InvalidData
from nbdeploy.offline.options import Options
from nbdeploy.offline.threshold import Threshold
from nbdeploy.offline.work import Plan
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Source
from nbdeploy.types import Signature

__all__ = ["as_they_stand", "plan_of", "read_by", "refuse_clash", "threshold_of"]


def plan_of(predictor: Predictor, source: Source, options: Options) -> Plan:
    """Plan the spans of a source.

    Raises
    ------
    NotFound
        If the model has no such method, or the source no such column.
    InvalidData
        If columns are missing, or the output would have two of one name.
    """
    methods = predictor.methods(options.methods)
    columns = source.columns()
    names = options.renamed(columns)
    read = read_by(predictor.signature)
    kept = options.kept(names, read)
    refuse_clash(kept, [name for method in methods for name in predictor.signature.outputs[method].columns])
    rename = {old: new for old, new in zip(columns, names, strict=True) if old != new}
    plan = Plan(methods, kept, rename, None, threshold_of(predictor, options, methods), options.rejects is not None)
    empty = plan.renamed(source.empty())
    try:
        # With warnings of unknown columns: spans are read without them.
        bind_text(empty, predictor.signature) if source.text else predictor.bind(empty)
    except InvalidData as error:
        raise InvalidData(f"{source.name}: {error}", **error.facts) from None
    wanted = {*kept, *read}
    needed = [old for old, new in zip(columns, names, strict=True) if new in wanted]
    by_name = predictor.signature.dims == 2 and predictor.signature.columns[0].labels is None
    if not by_name:
        return plan
    numbers = number_types(predictor.signature) if source.text else {}
    types = {old: numbers[new] for old, new in zip(columns, names, strict=True) if new in numbers}
    asked = [old for old, new in zip(columns, names, strict=True) if new in read]
    return replace(plan, types=types, columns=needed if 0 < len(needed) < len(columns) else None, asked=asked or None)


def as_they_stand(plan: Plan, source: Source, separator: bytes | None) -> Plan:
    """Keep rows as they stand in a source, if the output has all its columns, in order, and the same separator."""
    whole = plan.kept == [plan.rename.get(name, name) for name in source.columns()]
    return replace(plan, lines=whole and separator is not None and source.separator == separator)


def threshold_of(predictor: Predictor, options: Options, methods: list[str]) -> Threshold | None:
    """Return the threshold, if one is set."""
    return None if options.threshold is None else Threshold.of(options.threshold, predictor, methods)


def read_by(signature: Signature) -> set[str]:
    """Name the columns that a model reads, as files and its own frames call them."""
    labels = [label for column in signature.columns for label in (column.label, *(column.labels or ()))]
    return {*signature.names, *(str(label) for label in labels if label is not None)}


def refuse_clash(kept: Sequence[str], answers: Sequence[str]) -> None:
    """Refuse a column to keep that has the name of a prediction."""
    clash = sorted(set(kept) & set(answers))
    if clash:
        raise InvalidData(
            f"the input has a column {clash[0]!r} already, and so have the predictions; "
            f"rename it with --rename new_{clash[0]}={clash[0]}, or leave it out with --keep none",
            columns=clash,
        )


def nothing(plan: Plan, predictor: Predictor, source: Source) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return no rows: of the columns to keep, and of answers."""
    empty = plan.renamed(source.empty())
    kept = pl.DataFrame([empty.get_column(name) for name in plan.kept])
    return kept, plan.answers(predictor, predictor.sample.clear())

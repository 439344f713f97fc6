"""What a live model answers in the kernel, by the canonical call and by its own plain call."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any

import msgspec
import polars as pl

from nbdeploy.canonical import single_job
from nbdeploy.codecs import bind, declare, describe, prove, rebuild
from nbdeploy.codecs.frames import CONTAINERS
from nbdeploy.codecs.outputs import describe_output
from nbdeploy.compare import ROUNDING, SINGLE, compare
from nbdeploy.errors import InvalidData, NotFound, RehearsalFailed
from nbdeploy.flavors import FLAVORS
from nbdeploy.predictor import Caller
from nbdeploy.snapshots.rehearsal.batch_dependence import FEW, dependent_step
from nbdeploy.snapshots.rehearsal.changing import changing_parts
from nbdeploy.snapshots.rehearsal.refusals import changes_from_run_to_run, depends_on_other_rows
from nbdeploy.snapshots.sampling import choose_rows
from nbdeploy.types import Canonical, MethodOutput, Signature

__all__ = ["Answers", "Asking", "answer"]

_TOLD = 600
"""Longest part of a model's own error to show: some show all of the rows."""


@dataclass(frozen=True)
class Asking:
    """How a live model is asked.

    Attributes
    ----------
    flavor : str
        Its flavor.
    method : str or None
        The method that shall answer by default.
    rows : int
        About how many rows of the data to ask for.
    tolerance : float
        Largest relative difference between a canonical and a plain answer.
    canonical : Canonical
        How native calls are padded.
    by_hand : callable, optional
        From a method and rows to the answer that the user gets in the notebook; by default the model's own method.
    declared : mapping
        What the user says of the inputs, as :func:`nbdeploy.codecs.declare` takes it.
    """

    flavor: str
    method: str | None
    rows: int
    tolerance: float
    canonical: Canonical = field(default_factory=Canonical)
    by_hand: Callable[[str, Any], Any] | None = None
    declared: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answers:
    """A live model's canonical answers for a sample of its data.

    Attributes
    ----------
    asking : Asking
        How it was asked.
    signature : Signature
        Inputs and outputs.
    given : polars.DataFrame
        All rows of the data, as on the wire.
    sample : polars.DataFrame, n rows
        Those of them that were asked for.
    expected : polars.DataFrame, n rows
        The answers of every method.
    native_difference : float
        Largest relative difference from the plain ``model.predict(X)``.
    """

    asking: Asking
    signature: Signature
    given: pl.DataFrame
    sample: pl.DataFrame
    expected: pl.DataFrame
    native_difference: float


@dataclass(frozen=True)
class _Answer:
    output: MethodOutput
    frame: pl.DataFrame
    difference: float


def answer(model: Any, data: Any, asking: Asking) -> Answers:
    """Ask a live model every method by the canonical call, and compare with its plain answers.

    The index of pandas data is an input only of a model that does not answer the same without it.

    Raises
    ------
    InvalidData
        If the data does not fit its own signature.
    NotFound
        If the model does not have the default method asked for.
    RehearsalFailed
        If the default method does not answer, or a plain answer is another.
    """
    inputs = declare(describe(data), **asking.declared)
    try:
        return _answers(model, data, inputs, asking)
    except RehearsalFailed:
        indexed = declare(describe(data, index=True), **asking.declared)
        if indexed.names == inputs.names:
            raise
        with contextlib.suppress(RehearsalFailed):
            return _answers(model, data, indexed, asking)
        raise


def _answers(model: Any, data: Any, inputs: Signature, asking: Asking) -> Answers:
    wire = bind(data, inputs)
    rows = choose_rows(wire, asking.rows)
    given = CONTAINERS[inputs.container].take(data, rows)
    prove(given, wire[rows], inputs)
    offered = FLAVORS[asking.flavor].methods(model)
    if asking.method is not None and asking.method not in offered:
        raise NotFound("method", asking.method, offered)
    caller = Caller(model, asking.flavor, inputs, asking.canonical)
    default = asking.method or offered[0]
    sample = wire[rows]
    found: dict[str, _Answer] = {}
    with caller.one_pass():
        for name in sorted(offered):  # as JSON objects are kept: sorted
            try:
                found[name] = _ask(caller, name, sample, given, asking)
            except RehearsalFailed:
                raise
            except InvalidData:
                if name == default:
                    raise
            except Exception as error:
                if name == default:
                    told = f"{type(error).__name__}: {shorten(str(error), _TOLD, placeholder=' …')}"
                    raise RehearsalFailed(f"{name} fails on the data given: {told}") from error
    outputs = {name: answered.output for name, answered in found.items()}
    _refuse_clash(outputs)
    return Answers(
        asking,
        msgspec.structs.replace(inputs, outputs=outputs, default_method=default),
        wire,
        sample,
        pl.concat([answered.frame for answered in found.values()], how="horizontal"),
        max(answered.difference for answered in found.values()),
    )


def _ask(caller: Caller, method: str, sample: pl.DataFrame, given: Any, asking: Asking) -> _Answer:
    """Ask one method both ways."""
    flavor = FLAVORS[asking.flavor]
    # The user asked for none of these methods by name; their warnings would be noise.
    with warnings.catch_warnings(action="ignore"), single_job(caller.model):
        plain = asking.by_hand(method, given) if asking.by_hand else flavor.call(caller.model, method, given)
        raw = caller.raw(sample, method)
    classes = flavor.classes(caller.model)
    output, frame = describe_output(method, raw, classes)
    # A twin that is equal to rounding is held against native code elsewhere; here it may round.
    tolerance = max(asking.tolerance, ROUNDING) if asking.canonical.twin else asking.tolerance
    difference = compare(describe_output(method, plain, classes)[1], frame, tolerance, SINGLE)
    if not difference.equal:
        raise RehearsalFailed(
            f"{method} answers {len(difference.rows)} of {sample.height} rows differently when it is called again "
            f"with the same rows and copies of one row after them; {difference.first}: "
            f"{_why(caller, method, sample, frame)}",
            rows=difference.rows,
            max_difference=difference.max_difference,
        )
    return _Answer(output, frame, difference.max_difference)


def _why(caller: Caller, method: str, sample: pl.DataFrame, frame: pl.DataFrame) -> str:
    """Whether the same call answers otherwise each time, or other rows do it, and in which step."""

    def anew() -> Any:
        with warnings.catch_warnings(action="ignore"), caller.one_pass():
            return caller.raw(sample, method)

    classes = FLAVORS[caller.flavor].classes(caller.model)
    again = compare(frame, describe_output(method, anew(), classes)[1])
    if not again.identical:
        with warnings.catch_warnings(action="ignore"):
            changing = changing_parts(caller.model, anew)
        return changes_from_run_to_run(again.max_difference, changing)
    return depends_on_other_rows(dependent_step(caller.model, rebuild(sample[:FEW], caller.signature)))


def _refuse_clash(outputs: dict[str, MethodOutput]) -> None:
    names = [column for output in outputs.values() for column in output.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidData(f"two outputs would have the name {', '.join(twice)}")

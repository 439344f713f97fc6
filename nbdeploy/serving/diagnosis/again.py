"""Rows that were answered elsewhere, answered again here."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from nbdeploy.codecs.columns import frame_of
from nbdeploy.compare import ROUNDING, SINGLE, compare
from nbdeploy.errors import NbdeployError
from nbdeploy.predictor import Predictor

__all__ = ["Again", "predicted_again"]

MOST = 1_000
"""Rows that are predicted again at most, spread over all."""

_METHODS = "nbdeploy methods"


@dataclass(frozen=True)
class Again:
    """What came of it.

    Attributes
    ----------
    rows, different : int
        Rows predicted again, and those with another answer.
    first : str
        The first of those, or why none could be predicted.
    """

    rows: int = 0
    different: int = 0
    first: str = ""


def predicted_again(predictor: Predictor, frame: pl.DataFrame, methods: pl.Series) -> Again:
    """Predict logged rows of a snapshot again and compare, as the endpoint's canonical calls are compared.

    Parameters
    ----------
    predictor : Predictor
        The snapshot.
    frame : polars.DataFrame, n rows
        Its inputs, and the answers that were logged.
    methods : polars.Series of str, n rows
        What each row was asked for, with commas between methods.
    """
    inputs = predictor.signature.names
    absent = [name for name in inputs if name not in frame.columns]
    if absent:
        return Again(first=f"the log has no {', '.join(absent[:3])}: private columns are not logged")
    done = Again()
    chosen = frame.with_columns(methods.alias(_METHODS)).gather_every(max(1, -(-frame.height // MOST)))
    for (asked,), part in chosen.group_by([_METHODS], maintain_order=True):
        try:
            found = _compared(predictor, part, [*filter(None, str(asked).split(","))])
        except NbdeployError as error:
            found = Again(part.height, part.height, str(error))
        done = Again(done.rows + found.rows, done.different + found.different, done.first or found.first)
    return done


def _compared(predictor: Predictor, part: pl.DataFrame, methods: list[str]) -> Again:
    names = predictor.signature.names
    answers = predictor.outputs(predictor.bind(part[names]), methods)
    logged = frame_of([part[f"answer_{n}" if n in names else n].alias(n) for n in answers.columns])
    found = compare(logged.cast(dict(answers.schema)), answers, ROUNDING, SINGLE)  # type: ignore[arg-type]
    return Again(part.height, len(found.rows), found.first)

"""A probability from which on a model of two classes says the second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from nbdeploy.errors import InvalidData, WrongUsage
from nbdeploy.predictor import Predictor

__all__ = ["Threshold"]

_PREFIX = "probability_"
_TRUE = {"true": True, "false": False}


@dataclass(frozen=True)
class Threshold:
    """What ``prediction`` is where a threshold is set.

    Attributes
    ----------
    value : float
        From this probability of the second class on, it is predicted; otherwise the first.
    column : str
        The column of that probability.
    classes : polars.Series, 2 values
        The classes, in the type of predictions.
    """

    value: float
    column: str
    classes: pl.Series

    @classmethod
    def of(cls, value: float, predictor: Predictor, methods: list[str]) -> Threshold:
        """Return the threshold for a model.

        Raises
        ------
        WrongUsage
            If it is no probability, or nothing that is answered depends on it.
        InvalidData
            If the model does not have two classes, and a probability of each.
        """
        if not 0.0 <= value <= 1.0:
            raise WrongUsage(f"--threshold {value} is no probability; give a number from 0 to 1")
        if "predict" not in methods:
            raise WrongUsage(
                f"--threshold decides what predict answers, and the answer is that of {', '.join(methods)}: "
                "add --method predict"
            )
        outputs = predictor.signature.outputs
        columns = outputs["predict_proba"].columns if "predict_proba" in outputs else []
        if len(columns) != 2 or outputs["predict"].columns != ["prediction"]:
            has = f"{len(columns)} probabilities" if columns else "no probabilities"
            raise InvalidData(f"--threshold needs a model of two classes with a probability of each; this has {has}")
        expected = predictor.expected["prediction"]
        classes = _classes([name.removeprefix(_PREFIX) for name in columns], expected)
        return cls(value, columns[1], classes)

    def answers(self, predictor: Predictor, wire: pl.DataFrame, methods: list[str]) -> pl.DataFrame:
        """Answer bound rows, ``prediction`` by the threshold."""
        asked = [method for method in methods if method != "predict"]
        if "predict_proba" not in asked:
            asked.append("predict_proba")
        found = predictor.outputs(wire, asked)
        places = (found.get_column(self.column) >= self.value).fill_null(False).cast(pl.UInt32)
        found = found.with_columns(self.classes.gather(places).alias("prediction"))
        outputs = predictor.signature.outputs
        names = [name for method in methods for name in outputs[method].columns]
        return pl.DataFrame([found.get_column(name) for name in names])


def _classes(texts: list[str], expected: pl.Series) -> pl.Series:
    """The classes that columns are named after, in the type of predictions."""
    kind = expected.dtype
    try:
        given: list[Any] = [_TRUE[text.lower()] for text in texts] if kind == pl.Boolean else texts
        classes = pl.Series(given).cast(kind)
        known = set(expected.drop_nulls().to_list()) <= set(classes.to_list())
    except (KeyError, pl.exceptions.PolarsError):
        known = False
    if not known:
        raise InvalidData(
            f"--threshold cannot tell which classes the probabilities {', '.join(texts)} belong to, because the model "
            f"predicts {kind}; use --method predict_proba"
        )
    return classes

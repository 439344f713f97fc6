"""Stored snapshots measured again, all on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from nbdeploy.codecs import bind, bind_text
from nbdeploy.codecs.conforming import parse
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.flavors import FLAVORS
from nbdeploy.predictor import Predictor
from nbdeploy.snapshots.metrics import evaluate
from nbdeploy.tables import frames, open_source
from nbdeploy.types import Column, Signature

__all__ = ["Holdout", "decided", "rows_and_answers"]

_CHUNK = 65_536


@dataclass(frozen=True)
class Holdout:
    """Rows kept from training, and the right answers to them.

    Attributes
    ----------
    X : table
        The rows.
    y : array of shape (n,)
        The right answers.
    text : bool
        Whether both are text still to be parsed, as a CSV file has it.
    """

    X: Any
    y: Any
    text: bool = False

    @classmethod
    def of(cls, test: Sequence[Any]) -> Holdout:
        """Take rows and answers from memory, or from files.

        Parameters
        ----------
        test : (table or path, array or path or str)
            Rows, and answers. A text is the name of a column among the rows, or a file with one column.

        Raises
        ------
        InvalidData
            If it is something else.
        """
        X, y = rows_and_answers(test)
        rows, text = _read(Path(X)) if isinstance(X, str | Path) else (X, False)
        return cls(rows, _answers(rows, y) if isinstance(y, str | Path) else y, text)

    def score(self, predictor: Predictor) -> dict[str, float]:
        """Return a snapshot's metrics on these rows. See :func:`nbdeploy.snapshots.metrics.evaluate`."""
        signature = predictor.signature
        wire = bind_text(self.X, signature) if self.text else bind(self.X, signature)
        guess, probability, scores = decided(signature, lambda method: getattr(predictor, method)(wire))
        classes = FLAVORS[predictor.bundle.content.flavor].classes(predictor.model)
        return evaluate(self._truth(signature), guess, probability, classes, scores)

    def _truth(self, signature: Signature) -> Any:
        """The right answers; text becomes what the snapshot answers."""
        answer = signature.outputs[_guessing(signature)].types[0]
        if isinstance(self.y, pl.Series) and self.y.dtype == pl.String and answer != "string":
            return parse(self.y, Column(self.y.name, answer, answer)).to_numpy()
        return self.y


def rows_and_answers(test: Sequence[Any]) -> tuple[Any, Any]:
    """Return the rows and the right answers of a ``test=``.

    Raises
    ------
    InvalidData
        If it is something else.
    """
    if not isinstance(test, (tuple, list)) or len(test) != 2:
        raise InvalidData("test= takes two things, the rows and the right answers: test=(X_test, y_test)")
    return test[0], test[1]


def decided(signature: Signature, ask: Callable[[str], Any]) -> tuple[Any, Any, Any]:
    """Ask a model for its answers, and for what it decides by: probabilities, or scores where it has none.

    Parameters
    ----------
    signature : Signature
        Its methods.
    ask : callable
        From a method's name to its answers.

    Returns
    -------
    guess, probability, scores : array, array or None, array or None
        As :func:`nbdeploy.snapshots.metrics.evaluate` takes them.
    """
    decides = next((name for name in ("predict_proba", "decision_function") if name in signature.outputs), None)
    known = {} if decides is None else {decides: ask(decides)}
    return ask(_guessing(signature)), known.get("predict_proba"), known.get("decision_function")


def _guessing(signature: Signature) -> str:
    return "predict" if "predict" in signature.outputs else signature.default_method


def _read(path: Path) -> tuple[pl.DataFrame, bool]:
    source = open_source(path)
    return pl.concat([*frames(source, _CHUNK)]), source.text


def _answers(rows: Any, y: str | Path) -> Any:
    columns = list(getattr(rows, "columns", ()))
    if y in columns:
        return rows[y]
    if not Path(y).suffix:
        raise NotFound("column", str(y), map(str, columns), hint="the right answers are a column, or a file with one")
    answers, _ = _read(Path(y))
    if answers.width != 1:
        raise InvalidData(f"{y} has {answers.width} columns; the right answers are one")
    return answers.to_series()

"""The rows that stay beside a model: as many of the user's as she chose, masked where she said so."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import polars as pl

from nbdeploy.codecs import bind
from nbdeploy.errors import InvalidData, RehearsalFailed
from nbdeploy.predictor import Caller
from nbdeploy.profiles import Profile
from nbdeploy.snapshots.answers import Answers
from nbdeploy.snapshots.exposure import exposure
from nbdeploy.snapshots.options import NONE, ROWS, SYNTHETIC, Options
from nbdeploy.snapshots.sampling import Kept
from nbdeploy.types import Column, Signature

__all__ = ["keep"]

_SEED = 0


def keep(
    model: Any,
    answers: Answers,
    options: Options,
    inputs: Callable[[], Profile],
    carried: Mapping[str, Any] = MappingProxyType({}),
) -> Kept:
    """Choose the rows that stay beside a model, with private columns masked, and have it answer them.

    Parameters
    ----------
    model : object
        The live model.
    answers : Answers
        What it answered for rows of the data given.
    options : Options
        Which rows the user chose, and which columns are private.
    inputs : callable
        Gives what the data given is like, without the private columns; only called where rows are drawn from it.
    carried : mapping of str to object
        The notebook's values that go with the model, by name.

    Raises
    ------
    InvalidData
        If the rows that the user chose do not fit the model.
    RehearsalFailed
        If the model refuses synthetic rows, or rows with masked columns.
    """
    rows, source = _rows(answers, options, inputs)
    masked = _masked(rows, answers.signature, inputs)
    privacy: dict[str, Any] = {
        "sample": source,
        "rows": rows.height,
        "own_rows": 0 if source == SYNTHETIC else rows.height,
        "private": list(options.private),
        "inside": exposure(model, answers, _masked(answers.sample, answers.signature, inputs), carried),
    }
    expected = answers.expected.clear()
    if masked is answers.sample:
        expected = answers.expected
    elif masked.height:
        caller = Caller(model, answers.asking.flavor, answers.signature, answers.asking.canonical)
        expected = _answered(caller, masked, options)
    return Kept(masked, expected, privacy)


def _rows(answers: Answers, options: Options, inputs: Callable[[], Profile]) -> tuple[pl.DataFrame, str]:
    """The rows to keep, and what they are."""
    named = options.sample if isinstance(options.sample, str) else ""
    if named == NONE:
        return answers.sample.clear(), NONE
    if named == SYNTHETIC:
        drawn = inputs().draw(options.rows, _SEED, dict(answers.given.schema))
        return drawn.with_columns(_possible(drawn[c.name], c) for c in answers.signature.columns), SYNTHETIC
    if isinstance(options.sample, int):
        return answers.sample, "rows"
    try:
        return bind(options.sample, answers.signature), "chosen"
    except InvalidData as error:
        raise InvalidData(f"the rows to keep (--sample) do not fit the model: {error}", **error.facts) from error


def _masked(rows: pl.DataFrame, signature: Signature, inputs: Callable[[], Profile]) -> pl.DataFrame:
    """The profile knows nothing of private columns: what it draws for them is neutral, and the same in every row."""
    private = [column for column in signature.columns if column.private]
    if not private:
        return rows
    drawn = inputs().draw(rows.height, _SEED, {column.name: rows.schema[column.name] for column in private})
    return rows.with_columns(_possible(drawn[column.name], column) for column in private)


def _possible(drawn: pl.Series, column: Column) -> pl.Series:
    """Of categories, which the signature lists: the first one, where none of them was drawn."""
    if not column.categories:
        return drawn
    known = drawn.is_in(pl.Series(column.categories, dtype=drawn.dtype).implode()) | drawn.is_null()
    return drawn.set(~known, column.categories[0])


def _answered(caller: Caller, rows: pl.DataFrame, options: Options) -> pl.DataFrame:
    try:
        with warnings.catch_warnings(action="ignore"):  # of methods that the user did not ask for
            return caller.outputs(rows, list(caller.signature.outputs))
    except Exception as error:
        if not isinstance(options.sample, str) and not options.private:
            raise
        what = "rows drawn from the profile of the data" if isinstance(options.sample, str) else "rows with "
        masks = f"masked columns ({', '.join(options.private)})" if what.endswith(" ") else ""
        instead = f"--sample {NONE}" + (f" or --sample {SYNTHETIC}" if masks else f" or --sample {ROWS}")
        raise RehearsalFailed(
            f"the model refuses {what}{masks}: {type(error).__name__}: {error}. Keep other rows: {instead}"
        ) from error

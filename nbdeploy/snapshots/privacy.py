"""The rows that stay beside a model: as many of the user's as she chose, masked where she said so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from nbdeploy.canonical import estimators_of
from nbdeploy.codecs import bind
from nbdeploy.errors import InvalidData, RehearsalFailed
from nbdeploy.predictor import Caller
from nbdeploy.profiles import ModelProfile, Profile
from nbdeploy.snapshots.answers import Answers
from nbdeploy.snapshots.options import NONE, SYNTHETIC, Options
from nbdeploy.snapshots.sampling import Kept

__all__ = ["keep"]

_ROWS_IN = {
    "X_": "",
    "X_fit_": "",
    "X_train_": "",
    "_fit_X": "",
    "_raw_data": "",
    "cluster_centers_": "AffinityPropagation",
    "components_": "DBSCAN",
    "support_vectors_": "",
    "training_data_": "",
}
"""Where estimators of scikit-learn, and those made like them, keep rows of the fit; and which one alone does."""

_VALUES_IN = ("categories_", "encodings_", "mapping_", "vocabulary_")
"""Where they keep values of columns."""

_SEED = 0


def keep(model: Any, answers: Answers, options: Options, profile: ModelProfile) -> Kept:
    """Choose the rows that stay beside a model, with private columns masked, and have it answer them.

    Parameters
    ----------
    model : object
        The live model.
    answers : Answers
        What it answered for rows of the data given.
    options : Options
        Which rows the user chose, and which columns are private.
    profile : ModelProfile
        What the data given and the answers are like, without the private columns.

    Raises
    ------
    InvalidData
        If the rows that the user chose do not fit the model.
    RehearsalFailed
        If the model refuses synthetic rows, or rows with masked columns.
    """
    rows, source = _rows(answers, options, profile.inputs)
    masked = _masked(rows, options.private, profile.inputs)
    privacy: dict[str, Any] = {
        "sample": source,
        "rows": rows.height,
        "own_rows": 0 if source == SYNTHETIC else rows.height,
        "private": list(options.private),
        **_exposure(model, answers),
    }
    expected = answers.expected.clear()
    if masked is answers.sample:
        expected = answers.expected
    elif masked.height:
        caller = Caller(model, answers.asking.flavor, answers.signature, answers.asking.canonical)
        expected = _answered(caller, masked, options)
    return Kept(masked, expected, profile, privacy)


def _rows(answers: Answers, options: Options, profile: Profile) -> tuple[pl.DataFrame, str]:
    """The rows to keep, and what they are."""
    named = options.sample if isinstance(options.sample, str) else ""
    if named == NONE:
        return answers.sample.clear(), NONE
    if named == SYNTHETIC:
        return profile.draw(options.rows, _SEED, dict(answers.given.schema)), SYNTHETIC
    if isinstance(options.sample, int):
        return answers.sample, "rows"
    try:
        return bind(options.sample, answers.signature), "chosen"
    except InvalidData as error:
        raise InvalidData(f"the rows to keep (--sample) do not fit the model: {error}", **error.facts) from error


def _masked(rows: pl.DataFrame, private: Sequence[str], profile: Profile) -> pl.DataFrame:
    """The profile knows nothing of private columns: what it draws for them is neutral, and the same in every row."""
    if not private:
        return rows
    columns = {name: rows.schema[name] for name in private}
    return rows.with_columns(profile.draw(rows.height, _SEED, columns).get_columns())


def _answered(caller: Caller, rows: pl.DataFrame, options: Options) -> pl.DataFrame:
    try:
        return caller.outputs(rows, list(caller.signature.outputs))
    except Exception as error:
        if not isinstance(options.sample, str) and not options.private:
            raise
        what = "rows drawn from the profile of the data" if isinstance(options.sample, str) else "rows with "
        masks = f"masked columns ({', '.join(options.private)})" if what.endswith(" ") else ""
        instead = f"--sample {NONE}" + (f" or --sample {SYNTHETIC}" if masks else " or --sample 200")
        raise RehearsalFailed(
            f"the model refuses {what}{masks}: {type(error).__name__}: {error}. Keep other rows: {instead}"
        ) from error


def _exposure(model: Any, answers: Answers) -> dict[str, list[str]]:
    """Look for rows and values of the data in a model, and in the signature that it needs.

    A table inside the model with as many rows and columns as the data is taken for it. Flavors that store a model in
    a format of its own leave behind whatever else the live object holds.
    """
    rows: dict[str, None] = {}
    values: dict[str, None] = {}
    whole = answers.asking.flavor in {"sklearn", "python"}
    for part in estimators_of(model, lambda part: hasattr(part, "__dict__")) if whole else ():
        kind = type(part).__name__
        rows |= {f"{kind}.{name} ({height} rows)": None for name, height in _tables(part, answers.given.shape)}
        values |= dict.fromkeys(f"{kind}.{name}" for name in _VALUES_IN if name in vars(part))
    named = [f"the signature (categories of {c.name})" for c in answers.signature.columns if c.private and c.categories]
    return {"model_rows": list(rows), "model_values": [*values, *named]}


def _tables(part: Any, shape: tuple[int, int]) -> Iterator[tuple[str, int]]:
    for name, value in vars(part).items():
        found = getattr(value, "shape", None)
        if not isinstance(found, tuple) or len(found) != 2 or not found[0]:
            continue
        known = name in _ROWS_IN and _ROWS_IN[name] in {"", type(part).__name__}
        if known or (tuple(found) == shape and shape[0] > shape[1]):
            yield name, int(found[0])

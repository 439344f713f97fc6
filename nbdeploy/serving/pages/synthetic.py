"""Rows to show and to try: nobody's, drawn from the profile, or made of what the signature says."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl

from nbdeploy.bundles import Bundle
from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.codecs.veiled import HIDDEN
from nbdeploy.errors import Corrupted
from nbdeploy.profiles import ModelProfile, Profile
from nbdeploy.types import Column

__all__ = ["synthetic_rows"]

_SEED, _DIGITS = 0, 4


def synthetic_rows(bundle: Bundle, rows: int) -> pl.DataFrame:
    """Return rows that fit a model's signature, and are nobody's.

    Every value is drawn by itself from its column's profile. Private columns have no profile: their values are neutral,
    and text that names what it stands for where only categories are taken.

    Parameters
    ----------
    bundle : Bundle
        The snapshot.
    rows : int
        How many.
    """
    columns = bundle.content.signature.columns
    profile = _profile(bundle) or Profile(0, 1, {})
    drawn = profile.draw(rows, _SEED, {column.name: wire_dtype(column) for column in columns})
    return pl.DataFrame([_possible(drawn[column.name], column, column.name in profile.columns) for column in columns])


def _profile(bundle: Bundle) -> Profile | None:
    """What the data given was like, if the snapshot says so and it can be read."""
    if "profile.json" not in bundle.manifest.files:
        return None
    try:
        document = msgspec.json.decode((bundle.path / "profile.json").read_bytes())
        return ModelProfile.from_document(document).inputs
    except (OSError, msgspec.DecodeError, Corrupted):
        return None


def _possible(drawn: pl.Series, column: Column, known: bool) -> pl.Series:
    """Values that the column takes: a middle one where nothing was drawn, a category where others were."""
    if column.private and column.categories:
        return pl.Series(column.name, [None if column.nullable else HIDDEN] * len(drawn), dtype=pl.String)
    if not known and not column.private and isinstance(column.low, (int, float)) and drawn.dtype.is_numeric():
        middle: Any = (column.low + column.high) / 2
        drawn = pl.Series(column.name, [middle] * len(drawn)).cast(drawn.dtype)
    if column.categories:
        takes = drawn.is_in(pl.Series(column.categories, dtype=drawn.dtype).implode()) | drawn.is_null()
        drawn = drawn.set(~takes, column.categories[0])
    if not column.nullable and drawn.null_count() and drawn.null_count() < len(drawn):
        drawn = drawn.fill_null(strategy="forward").fill_null(strategy="backward")
    return drawn.round_sig_figs(_DIGITS) if drawn.dtype.is_float() else drawn

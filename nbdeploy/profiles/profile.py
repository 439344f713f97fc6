"""What the columns of a table are like, and of what a model was given and answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.errors import Corrupted, InvalidData
from nbdeploy.profiles.column import ColumnProfile
from nbdeploy.profiles.drawing import draw_column

__all__ = ["ANONYMITY", "VERSION", "ModelProfile", "Profile", "profile_of"]

ANONYMITY = 5
"""Fewest rows that must share what is kept of them."""

VERSION = 1
"""Version of the document. Readers refuse a higher one."""


class Profile(msgspec.Struct, frozen=True):
    """What the columns of a table are like, each for itself.

    Attributes
    ----------
    rows : int
        Rows of the table.
    anonymity : int
        Nothing is kept that fewer rows share: text that is rarer is only counted, and numbers are replaced by
        the mean of at least so many neighbours in order of size.
    columns : dict of str to ColumnProfile
        By name.

    Examples
    --------
    >>> profile = profile_of(pl.DataFrame({"age": [20, 30, 40, 50, 60] * 5}))
    >>> profile.columns["age"].numbers.quantile(0.5)
    40.0
    """

    rows: Annotated[int, msgspec.Meta(ge=0)]
    anonymity: Annotated[int, msgspec.Meta(ge=1)]
    columns: dict[str, ColumnProfile]

    def merge(self, other: Profile) -> Profile:
        """Profile both tables as one.

        Raises
        ------
        InvalidData
            If they have other columns, of other kinds, or another anonymity.
        """
        if self.columns.keys() != other.columns.keys() or self.anonymity != other.anonymity:
            raise InvalidData(
                f"profiles of different columns cannot be merged: {', '.join(self.columns)} (anonymity "
                f"{self.anonymity}) and {', '.join(other.columns)} (anonymity {other.anonymity})"
            )
        try:
            columns = {name: column.merge(other.columns[name]) for name, column in self.columns.items()}
        except ValueError as error:
            raise InvalidData(f"profiles cannot be merged: {error}") from error
        return Profile(self.rows + other.rows, self.anonymity, columns)

    def draw(self, n: int, seed: int, schema: Mapping[str, Any]) -> pl.DataFrame:
        """Draw rows that are nobody's: every value independently from its column's distribution.

        Parameters
        ----------
        n : int
            Number of rows.
        seed : int
            The same seed draws the same rows.
        schema : mapping of str to polars data type
            The columns to draw. Those that the profile does not have get neutral values.
        """
        rng = np.random.default_rng(seed)
        empty = pl.DataFrame(schema=schema)  # a type may be given as its class
        return pl.DataFrame({c.name: draw_column(c.name, self.columns.get(c.name), c.dtype, n, rng) for c in empty})


class ModelProfile(msgspec.Struct, frozen=True):
    """``profile.json``: what a model was given, and what it answered.

    Attributes
    ----------
    inputs : Profile
        All rows of the data given.
    predictions : Profile
        The answers to them, or to some of them, evenly spread.
    version : int
        Version of the document.
    """

    inputs: Profile
    predictions: Profile
    version: Annotated[int, msgspec.Meta(ge=1)] = VERSION

    def document(self) -> dict[str, Any]:
        """Return the profile as JSON can hold it."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document

    @classmethod
    def from_document(cls, document: Any) -> ModelProfile:
        """Read what :meth:`document` returned.

        Raises
        ------
        Corrupted
            If it is no profile, or one of a later version.
        """
        version = document.get("version") if isinstance(document, dict) else None
        if isinstance(version, int) and version > VERSION:
            raise Corrupted(
                f"this profile has version {version}; this nbdeploy reads up to {VERSION}: upgrade nbdeploy"
            )
        try:
            return msgspec.convert(document, cls)
        except msgspec.ValidationError as error:
            raise Corrupted(f"profile.json is not understood: {error}") from error


def profile_of(frame: pl.DataFrame, anonymity: int = ANONYMITY, private: Collection[str] = ()) -> Profile:
    """Profile a table.

    Parameters
    ----------
    frame : polars.DataFrame, n rows
        The table; missing values are null or NaN.
    anonymity : int
        Fewest rows that must share what is kept of them; 1 keeps everything that has room.
    private : collection of str
        Columns of which nothing is kept at all.
    """
    kept = [series for series in frame.get_columns() if series.name not in private]
    return Profile(frame.height, anonymity, {series.name: ColumnProfile.of(series, anonymity) for series in kept})

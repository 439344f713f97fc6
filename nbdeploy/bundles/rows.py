"""The rows that a bundle brings, and the answers to them, held to its signature."""

from __future__ import annotations

import polars as pl

from nbdeploy.bundles.bundle import Bundle
from nbdeploy.codecs.binding import empty
from nbdeploy.errors import Corrupted

__all__ = ["expected_rows", "sample_rows"]


def sample_rows(bundle: Bundle) -> pl.DataFrame:
    """Read the rows that a bundle was rehearsed with.

    Raises
    ------
    Corrupted
        If there is no table, or its columns and types are not those that the signature says the model takes.
    """
    rows, wanted = _read(bundle, "sample.parquet"), empty(bundle.content.signature).schema
    if rows.schema != wanted:
        raise Corrupted(
            f"sample.parquet of the bundle {bundle.digest[:19]} does not fit its signature: it has "
            f"{_differing(rows.schema, wanted)} where the signature has {_differing(wanted, rows.schema)}",
            path="sample.parquet",
        )
    return rows


def expected_rows(bundle: Bundle) -> pl.DataFrame:
    """Read the answers of every method to those rows.

    Raises
    ------
    Corrupted
        If there is no table, or it has no column for an output.
    """
    rows = _read(bundle, "expected.parquet")
    named = [column for output in bundle.content.signature.outputs.values() for column in output.columns]
    absent = [column for column in named if column not in rows.columns]
    if absent:
        raise Corrupted(
            f"expected.parquet of the bundle {bundle.digest[:19]} has no answers named {', '.join(absent[:5])}",
            path="expected.parquet",
        )
    return rows


def _read(bundle: Bundle, name: str) -> pl.DataFrame:
    try:
        return pl.read_parquet(bundle.path / name)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Corrupted(f"{name} of the bundle {bundle.digest[:19]} holds no table: {error}", path=name) from error


def _differing(schema: pl.Schema, other: pl.Schema) -> str:
    """The columns of one schema that the other has not, in words."""
    found = [f"{name} ({kind})" for name, kind in schema.items() if other.get(name) != kind]
    return ", ".join(found[:5]) or f"{len(schema)} columns in another order"

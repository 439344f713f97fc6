"""What is known of a snapshot from its documents alone."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbdeploy.bundles.bundle import Bundle
from nbdeploy.bundles.rows import expected_rows, sample_rows
from nbdeploy.codecs import bind
from nbdeploy.types import Signature

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Described"]


class Described:
    """A base of what answers for a snapshot, with the model in its memory or elsewhere.

    Parameters
    ----------
    bundle : Bundle
        The snapshot at rest.

    Attributes
    ----------
    bundle : Bundle
        The same.
    signature : Signature
        What it takes and answers.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.signature: Signature = bundle.content.signature

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hexadecimal digits."""
        return self.bundle.digest

    @property
    def manifest(self) -> dict[str, Any]:
        """The version record: name, version, author, metrics, rehearsal …."""
        return self.bundle.record

    @cached_property
    def sample(self) -> pl.DataFrame:
        """The rows that the snapshot was rehearsed with."""
        return sample_rows(self.bundle)

    @cached_property
    def expected(self) -> pl.DataFrame:
        """The canonical answers of every method for :attr:`sample`."""
        return expected_rows(self.bundle)

    def bind(self, data: Any) -> pl.DataFrame:
        """Fit data of any kind to the signature. See :func:`nbdeploy.codecs.bind`."""
        return bind(data, self.signature)

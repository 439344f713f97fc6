"""How a snapshot is taken: what the user may choose."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.errors import WrongUsage

__all__ = ["NONE", "ROWS", "SYNTHETIC", "TOLERANCE", "Options"]

NONE, SYNTHETIC = "none", "synthetic"
ROWS = 200
"""How many rows are kept and proven where nothing else is asked for."""
TOLERANCE = 1e-12
"""Largest relative difference of two answers that count as the same where nothing else is asked for."""


@dataclass(frozen=True)
class Options:
    """What the user may choose about a snapshot. See :func:`nbdeploy.snapshot`.

    Attributes
    ----------
    test : (table, array), optional
        Rows and answers kept from training, to measure the model on.
    method : str, optional
        The method that answers by default.
    sample : int, str or table
        Which rows to keep beside the model: this many of the data given, ``synthetic`` ones that are drawn from its
        profile, ``none``, or these. It is always proven with rows of the data, that many or :data:`ROWS`.
    private : sequence of str
        Columns whose values shall be shown nowhere.
    note : str
        A remark for the version record.
    tolerance : float
        Largest relative difference of two answers that still count as the same.
    preprocess : sequence of object
        Fitted transformers and functions that rows go through before the model, in order.
    allow_secrets : bool
        Whether to go on when something that looks like a password or key would be carried.
    sign : Path, optional
        The private key to sign the content with.
    compile : bool or str
        Whether to look for a faster equal twin, or by which compiler only.
    declared : mapping
        What the user says of the inputs, as :func:`nbdeploy.codecs.declare` takes it.

    Raises
    ------
    WrongUsage
        If a choice is none.
    """

    test: Sequence[Any] | None = None
    method: str | None = None
    sample: Any = ROWS
    note: str = ""
    tolerance: float = TOLERANCE
    preprocess: Sequence[Any] = ()
    allow_secrets: bool = False
    sign: Path | None = None
    declared: Mapping[str, Any] = field(default_factory=dict)
    compile: bool | str = True
    private: Sequence[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.private, str):
            object.__setattr__(self, "private", (self.private,))
        if isinstance(self.sample, str) and self.sample not in {SYNTHETIC, NONE}:
            raise WrongUsage(
                f"sample {self.sample!r} is not understood; there are: a number of rows, a table, {SYNTHETIC}, {NONE}"
            )
        if isinstance(self.sample, int) and self.sample < 1:
            raise WrongUsage(f"a sample of {self.sample} rows proves nothing; give at least 1, or {NONE} to keep none")
        if not 0 <= self.tolerance < math.inf:
            raise WrongUsage(f"a tolerance of {self.tolerance} is none; give a relative difference such as 1e-6, or 0")

    @property
    def rows(self) -> int:
        """About how many rows of the data to prove the model with."""
        return self.sample if isinstance(self.sample, int) else ROWS

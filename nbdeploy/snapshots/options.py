"""How a snapshot is taken: what the user may choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.errors import WrongUsage

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """What the user may choose about a snapshot. See :func:`nbdeploy.snapshot`.

    Attributes
    ----------
    test : (table, array), optional
        Rows and answers kept from training, to measure the model on.
    method : str, optional
        The method that answers by default.
    sample : int
        How many of the rows to prove the model with, and to keep beside it.
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
    sample: int = 200
    note: str = ""
    tolerance: float = 1e-12
    preprocess: Sequence[Any] = ()
    allow_secrets: bool = False
    sign: Path | None = None
    declared: Mapping[str, Any] = field(default_factory=dict)
    compile: bool | str = True

    def __post_init__(self) -> None:
        if self.sample < 1:
            raise WrongUsage(f"a sample of {self.sample} rows proves nothing; give at least 1")

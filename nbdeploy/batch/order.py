"""What somebody asks of a run of a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.batch.parameters import decode, encode, portable

__all__ = ["Order"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A notebook to run, and how. :meth:`of` makes one of what users write; it can be kept as JSON.

    Attributes
    ----------
    notebook : str
        Its path.
    parameters : dict
        Values by the names in its ``parameters`` cell, as `encode` writes them.
    raw : dict of str
        Texts that stay texts.
    files : list of str
        YAML files of values, which `parameters` and `raw` override.
    output : str or None
        Where the executed notebook goes, also if a cell fails; the run's folder by default.
    timeout : float or None
        Seconds that the whole run may take.
    kernel : str or None
        A Jupyter kernel instead of the notebook's own.
    after : list of str
        Ids of the runs that must have succeeded before this one starts.
    at_once : int or None
        How many runs of this notebook may go on at once on a machine.
    sweep, pipeline : str
        The sweep or pipeline that it is a part of, if of one.
    """

    notebook: str
    parameters: dict[str, Any] = {}
    raw: dict[str, str] = {}
    files: list[str] = []
    output: str | None = None
    timeout: float | None = None
    kernel: str | None = None
    after: list[str] = []
    at_once: int | None = None
    sweep: str = ""
    pipeline: str = ""

    @classmethod
    def of(
        cls,
        notebook: str | Path,
        parameters: Mapping[str, Any] | None = None,
        *,
        raw: Mapping[str, str] | None = None,
        files: Iterable[str | Path] = (),
        output: str | Path | None = None,
        **options: Any,
    ) -> Order:
        """Return the order in words of the user's: paths, mappings, and texts that are still to be read.

        Raises
        ------
        InvalidData
            If a value cannot be carried to a notebook.
        """
        return cls(
            notebook=str(notebook),
            parameters={name: encode(portable(name, value)) for name, value in (parameters or {}).items()},
            raw=dict(raw or {}),
            files=[str(file) for file in files],
            output=None if output is None else str(output),
            **options,
        )

    @property
    def values(self) -> dict[str, Any]:
        """The parameters as they were given."""
        return {name: decode(value) for name, value in self.parameters.items()}

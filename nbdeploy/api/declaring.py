"""What a notebook gives away when it is run: files, folders and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbdeploy.batch import Output

__all__ = ["output"]


def output(
    path: str | Path | None = None, name: str | None = None, *, metrics: Mapping[str, Any] | None = None
) -> Output:
    """Declare a file, a folder or metrics as what this notebook's run is for.

    They are kept as they are now, and published all at once when the run has succeeded, and only then: its record has
    their paths and values. Where no run goes on, nothing is kept and nothing fails, so that a notebook stays one that
    can be worked with.

    Parameters
    ----------
    path : str or Path, optional
        The file or folder.
    name : str, optional
        Its name among the run's outputs; by default the file's, without its suffix.
    metrics : mapping of str to number, optional
        Figures by name; the last value of each counts.

    Returns
    -------
    Output
        What was declared, and the run that will publish it.

    Raises
    ------
    NotFound
        If there is no such file or folder.
    InvalidName, InvalidData, WrongUsage
        If it cannot have this name, or be an output or a metric.
    NotWritable
        If the disk is full.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.output("scores.csv", metrics={"auc": 0.87})  # doctest: +SKIP
    """
    from nbdeploy import batch

    return batch.declare(path, name, metrics or {})

"""What a run of a notebook gives away: files, folders and metrics, and a report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.settings import Settings

if TYPE_CHECKING:
    from nbdeploy.batch import Output
    from nbdeploy.batch.report import Report

__all__ = ["output", "report"]


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


def report(
    run: str, path: str | Path | None = None, *, no_input: bool = False, settings: Settings | None = None
) -> Report:
    """Write an executed notebook as one HTML file that needs no network.

    It is made when it is asked for first: that takes longer than many a run.

    Parameters
    ----------
    run : str
        A run's id, or a part at either end of it that no other run has. It may have failed.
    path : str or Path, optional
        Where it goes; the run's folder by default, where it is kept.
    no_input : bool
        Whether the code is left out.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.report("a1b2", "september.html", no_input=True)  # doctest: +SKIP
    """
    from nbdeploy import batch
    from nbdeploy.batch.report import report_of

    found = batch.find(settings or Settings.load(), run)
    return report_of(found, None if path is None else Path(path).expanduser(), code=not no_input)

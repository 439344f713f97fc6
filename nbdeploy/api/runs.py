"""Running notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from nbdeploy.settings import Settings
from nbdeploy.types import Report, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.batch import Options, Parameters, Run, RunList

__all__ = ["logs", "parameters", "run", "runs", "stop"]


def run(
    notebook: str | Path,
    parameters: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    *,
    wait: bool = True,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
    **options: Unpack[Options],
) -> Run:
    """Execute a notebook with parameters, in a process of its own, by papermill.

    Parameters
    ----------
    notebook : str or Path
        The notebook; it is executed in its own folder.
    parameters : mapping, optional
        Values by the names in the notebook's ``parameters`` cell; text is read by annotation or default.
    output : str or Path, optional
        Where the executed notebook goes; the run's own folder by default.
    wait : bool
        Whether to wait for its end; otherwise it goes on by itself, and ``runs`` tells what became of it.
    raw : mapping, optional
        Texts that stay texts.
    files : iterable of path
        YAML files of values, which `parameters` and `raw` override.
    timeout : float, optional
        Seconds that the whole run may take.
    kernel : str, optional
        Name of a Jupyter kernel; the notebook's own by default.
    after : iterable of str
        Runs that must succeed before this one starts; it fails if one of them does not.
    at_once : int, optional
        How many runs of this notebook may go on at once on this machine.
    cwd : str or Path, optional
        Where it is executed; the notebook's folder by default.
    env_files : iterable of path
        Files of variables to set in its environment, as lines ``NAME=value``.
    inputs : iterable of path
        Files and folders to copy, as they are now, into a working directory of the run's own.
    wait : bool
        Whether to wait for its end; otherwise it is queued, and ``runs`` tells what became of it.

    Returns
    -------
    Run
        The run; once it has succeeded ``outputs`` has the paths and ``metrics`` the figures that it published.

    Raises
    ------
    RunFailed
        If it did not succeed: the cell, its source and the error are in the message, and the run is recorded.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> run = nd.run("retrain.ipynb", {"month": "2026-09"})  # doctest: +SKIP
    >>> run.outputs["scores"], run.metrics["auc"]  # doctest: +SKIP
    """
    from nbdeploy import batch

    settings = settings or Settings.load()
    order = batch.Order.of(notebook, parameters, output, **options)
    if not wait:
        return batch.submit(order, settings=settings)
    return batch.run(order, settings=settings, progress=progress)


def parameters(notebook: str | Path) -> Parameters:
    """List the parameters of a notebook: names, types, defaults and comments, read without running it."""
    from nbdeploy import batch

    return batch.parameters_of(notebook)


def runs(limit: int = 50, *, status: str | None = None, settings: Settings | None = None) -> RunList:
    """List the newest runs, newest first.

    Parameters
    ----------
    limit : int
        How many, at most.
    status : str, optional
        Only those that are ``queued``, ``running``, ``succeeded``, ``failed``, ``stopped`` or ``lost``.
    """
    from nbdeploy import batch

    return batch.runs(settings or Settings.load(), limit, status)


def logs(run: str, *, follow: Callable[[str], object] | None = None, settings: Settings | None = None) -> str:
    """Return what a run's cells printed, and the error if one failed.

    Parameters
    ----------
    run : str
        A run's id, or a part at either end of it that no other run has.
    follow : callable, optional
        Gets the log as it grows; the function returns when the run has ended.
    """
    from nbdeploy import batch

    settings = settings or Settings.load()
    if follow is not None:
        batch.follow(settings, run, follow)
    return batch.logs(settings, run)


def stop(run: str, ends_as: str = "stopped", *, settings: Settings | None = None) -> Run:
    """Stop a run with all its processes, or take it out of the queue. One that has ended stays as it is.

    Parameters
    ----------
    run : str
        A run's id, or a part at either end of it that no other run has.
    ends_as : str
        What it then counts as: ``stopped``, ``failed``, or ``succeeded`` with the outputs that it has so far.
    """
    from nbdeploy import batch

    return batch.stop(settings or Settings.load(), run, ends_as)

"""Running notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from nbdeploy.api.references import open_store, resolve
from nbdeploy.errors import WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import Report, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.batch import Options, Parameters, Prediction, Run, RunList, WrittenNotebook
    from nbdeploy.batch.logbook import LogPart
    from nbdeploy.batch.retention import Pruned

__all__ = ["get_run", "log_part", "logs", "parameters", "prune_runs", "run", "runs", "stop", "write_prediction"]


def run(
    notebook: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    *,
    resume: str | None = None,
    predict: Sequence[str | Path] | None = None,
    out: str | Path | None = None,
    wait: bool = True,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
    **options: Unpack[Options],
) -> Run:
    """Execute a notebook with parameters, in a process of its own, by papermill.

    Parameters
    ----------
    notebook : str or Path, optional
        The notebook; it is executed in its own folder.
    parameters : mapping, optional
        Values by the names in the notebook's ``parameters`` cell. They arrive with their types: dates, spans, paths,
        tuples and sets, too. ``nd.Secret("env:TOKEN")`` and ``nd.Secret("file:PATH")`` are texts that nothing shows.
    output : str or Path, optional
        Where the executed notebook goes; the run's own folder by default.
    predict, out : optional
        Instead of a notebook a reference and an input to predict, and the output: a notebook is written that does so,
        shows what the predictions are like, and publishes them. See :func:`write_prediction`.
    raw : mapping, optional
        Texts that stay texts.
    files : iterable of path
        YAML or JSON files of values, which `parameters` and `raw` override.
    timeout : float, optional
        Seconds that the whole run may take.
    cell_timeout : float, optional
        Seconds that each cell may take.
    retries : int, optional
        How many further attempts may follow one that failed, each in a fresh kernel.
    retry_wait : float, optional
        Seconds before the first of them, 30 by default; each further wait is twice as long.
    retry_on : iterable of str
        Names of the errors to try again for; any that may go away by itself, if there are none.
    resume : str, optional
        A run that did not succeed: this one goes on after its last checkpoint, with its parameters; `notebook` may be
        empty then.
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
    notify : iterable of str
        Whom to tell how it ended: ``"WHERE"`` or ``"WHERE:failure,success"``, where a place is a name in the settings,
        the URL of a webhook, or an e-mail address; ``"none"`` for none of those that the settings name.
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
    if predict is not None:
        if notebook is not None:
            raise WrongUsage("a run is of a notebook, or of --predict REF INPUT: not both")
        wanted = _prediction(predict, out, settings)
        wanted.check()
        notebook = wanted.keep(settings.home)
        if not options.get("inputs"):
            options["cwd"] = options.get("cwd") or Path.cwd()
    elif notebook is None and resume is None:
        raise WrongUsage("nothing to run: give a notebook, a run to --resume, or --predict REF INPUT")
    elif out is not None:
        raise WrongUsage(f"--out {out} is for predictions of --predict REF INPUT; the executed notebook goes to OUTPUT")
    order = batch.Order.of(notebook or "", parameters, output, resume=resume, **options)
    if not wait:
        return batch.submit(order, settings=settings)
    return batch.run(order, settings=settings, progress=progress)


def write_prediction(
    path: str | Path,
    predict: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    settings: Settings | None = None,
) -> WrittenNotebook:
    """Write the notebook that :func:`run` runs for a prediction, to be edited and scheduled by its user.

    Parameters
    ----------
    path : str or Path
        The notebook to write; there is no such file yet.
    predict : (str, str)
        The reference, and a file, a folder or a pattern.
    out : str or Path, optional
        Where the predictions go; only among what a run publishes if it is not given.

    Raises
    ------
    NotFound, WrongUsage, Conflict, NotWritable
        If there is no such snapshot, or the notebook cannot be written there.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.write_prediction("weekly.ipynb", ("churn@champion", "inbox/"), "scored/")  # doctest: +SKIP
    """
    return _prediction(predict, out, settings or Settings.load()).write(Path(path))


def _prediction(predict: Sequence[str | Path], out: str | Path | None, settings: Settings) -> Prediction:
    from nbdeploy.batch import Prediction

    ref, source = map(str, predict)
    version = resolve(open_store(settings), ref, settings)
    return Prediction.of(version.name, ref, source, None if out is None else str(out), Path.cwd())


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


def get_run(run: str, *, settings: Settings | None = None) -> Run:
    """Return one run: its status, parameters, outputs and metrics.

    Parameters
    ----------
    run : str
        A run's id, or a part at either end of it that no other run has.
    """
    from nbdeploy import batch

    return batch.find(settings or Settings.load(), run)


def prune_runs(keep: str | None = None, *, settings: Settings | None = None) -> Pruned:
    """Remove runs that need not be kept, with what is in their folders.

    Never removed are runs that have not ended, what those wait for or belong to, and of each schedule the newest run
    and the newest that succeeded. What did not succeed is kept three times as long. Files delivered elsewhere stay.

    Parameters
    ----------
    keep : str, optional
        Which are kept: the newest, as ``"100"``, or those that ended within a time, as ``"30d"``; by default what the
        setting ``keep_runs`` says.

    Raises
    ------
    WrongUsage
        If neither says which.
    """
    from nbdeploy.batch.retention import Keep, prune

    settings = settings or Settings.load()
    wanted = keep or settings.keep_runs
    if not wanted:
        raise WrongUsage("which runs are to be kept? Say --keep 100, --keep 30d, or set keep_runs")
    return prune(settings, Keep.parse(wanted))


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


def log_part(run: str, position: int = 0, *, settings: Settings | None = None) -> LogPart:
    """Return what a run's log says after a position in bytes; of much only the end. For who asks again and again."""
    from nbdeploy.batch.logbook import log_part

    return log_part(settings or Settings.load(), run, position)


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

"""Schedules of notebooks and predictions, and the process that sees to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Unpack

from nbdeploy.api.references import open_store, resolve
from nbdeploy.errors import InvalidData, WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import Progress, Report, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.batch import Options
    from nbdeploy.batch.ledger import Ledger
    from nbdeploy.batch.schedules import (
        Installed,
        Job,
        Preview,
        Scheduled,
        Schedules,
        Scheduling,
        Surroundings,
        Triggered,
    )
    from nbdeploy.batch.schedules.exporting import Exported

__all__ = [
    "install_scheduler",
    "schedule_add",
    "schedule_alongside",
    "schedule_export",
    "schedule_list",
    "schedule_pause",
    "schedule_preview",
    "schedule_resume",
    "schedule_rm",
    "schedule_trigger",
    "scheduler",
    "stop_scheduler",
]

SCHEDULER = ("auto", "off")
"""Whether a Jupyter server sees to schedules if nothing else does."""
_LOOK_SECONDS = 5.0
_SQLITE = "sqlite:///"


def schedule_add(
    name: str,
    notebook: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    cron: str,
    predict: Sequence[str] | None = None,
    out: str | Path | None = None,
    options: Sequence[str] = (),
    output: str | Path | None = None,
    timezone: str | None = None,
    jitter: timedelta = timedelta(0),
    start: datetime | str | None = None,
    end: datetime | str | None = None,
    missed: str = "last",
    overlap: str = "skip",
    bound: int = 100,
    replace: bool = False,
    folder: str | Path | None = None,
    settings: Settings | None = None,
    **wanted: Unpack[Options],
) -> Scheduled:
    """Run a notebook or a pipeline, or predict, at the times of a cron line.

    Texts of parameters, inputs and outputs may hold words such as ``{{ ds }}`` and ``{{ previous_month }}``, which
    become dates of the scheduled time, however late the run begins.

    Parameters
    ----------
    name : str
        A name of its own.
    notebook, parameters, output, **wanted
        The notebook to run, and how: see :func:`run`. Or the file of a pipeline, see :func:`pipeline`.
    cron : str
        Five fields: minute, hour, day of month, month, day of week.
    predict, out, options
        Instead of a notebook a reference and an input to predict, the output, and further words of the command
        ``predict``.
    timezone : str, optional
        Where the cron line's times are meant: a name of the IANA database. This machine's, if it is not given.
    jitter : timedelta
        Runs begin up to so much later, each time of a schedule always by the same.
    start, end : datetime or str, optional
        The first and the last moment at which it may be due.
    missed : str
        What becomes of times at which no scheduler ran: the ``last`` one is made up for, ``skip``, or ``all``.
    overlap : str
        What becomes of a time at which the run before still goes: ``skip``, it waits in a ``queue``, or ``allow``.
    bound : int
        How many missed or waiting runs are made up for, at most.
    replace : bool
        Whether it takes the place of a schedule of its name.
    folder : str or Path, optional
        The folder that relative paths are below, and whose settings are in force; the working directory by default.

    Returns
    -------
    Scheduled
        Its next ten times, and what to do if no scheduler runs.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.schedule_add("weekly", predict=("churn@champion", "inbox/"), out="scored/", cron="0 6 * * 1")
    ... # doctest: +SKIP
    """
    from nbdeploy.batch import Order, pipelines, schedules

    here = Path.cwd() if folder is None else Path(folder).absolute()
    settings = settings or Settings.load(here)
    job: Job
    if predict is not None:
        if notebook is not None or parameters or wanted.get("raw"):
            raise WrongUsage("a schedule runs a notebook with parameters, or --predict REF INPUT --out OUT: not both")
        job = _prediction(predict, out, options, wanted, schedules.Surroundings.of(settings, here), settings)
    else:
        if notebook is None:
            raise WrongUsage("nothing to run: give a notebook, or --predict REF INPUT --out OUT")
        order = Order.of(notebook, parameters, output, **wanted)
        kind = schedules.PipelineJob if pipelines.is_pipeline(notebook) else schedules.NotebookJob
        job = kind.of(order, schedules.Surroundings.of(settings, here))
    return schedules.add(
        name,
        job,
        cron,
        settings,
        timezone=timezone,
        jitter=jitter,
        begins=start,
        ends=end,
        missed=missed,
        overlap=overlap,
        bound=bound,
        replace=replace,
    )


def schedule_preview(cron: str, timezone: str | None = None) -> Preview:
    """Return the next ten times of a cron line, and what ``{{ words }}`` become at the first of them.

    Parameters
    ----------
    cron, timezone
        As :func:`schedule_add` takes them.
    """
    from nbdeploy.batch import schedules

    return schedules.preview(cron, timezone)


def schedule_list(*, settings: Settings | None = None) -> Schedules:
    """List the schedules, with their next times and what became of the last ones."""
    from nbdeploy.batch import schedules

    return schedules.listed(settings or Settings.load())


def schedule_pause(name: str, *, settings: Settings | None = None) -> Scheduled:
    """Let a schedule rest; what runs goes on."""
    from nbdeploy.batch import schedules

    return schedules.pause(name, settings or Settings.load())


def schedule_resume(name: str, *, settings: Settings | None = None) -> Scheduled:
    """Let a schedule go on, from now: times during its rest were not missed."""
    from nbdeploy.batch import schedules

    return schedules.resume(name, settings or Settings.load())


def schedule_trigger(name: str, *, settings: Settings | None = None) -> Triggered:
    """Run now what a schedule runs, besides its times."""
    from nbdeploy.batch import schedules

    return schedules.trigger(name, settings or Settings.load())


def schedule_rm(name: str, *, settings: Settings | None = None) -> Scheduled:
    """Forget a schedule; its runs stay."""
    from nbdeploy.batch import schedules

    return schedules.remove(name, settings or Settings.load())


def schedule_export(
    name: str, *, to: str, out: str | Path | None = None, image: str | None = None, settings: Settings | None = None
) -> Exported:
    """Write a schedule as another program's definition.

    Parameters
    ----------
    name : str
        The schedule.
    to : str
        ``airflow``, ``argo``, ``cron``, ``github-actions`` or ``kubernetes``.
    out : str or Path, optional
        The file to write, or a folder for it.
    image : str, optional
        The container image that it is to run in, for Argo and Kubernetes.

    Returns
    -------
    Exported
        The definition, what it needs, and what is different there.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.schedule_export("weekly", to="kubernetes").written.text  # doctest: +SKIP
    """
    from nbdeploy.batch.schedules import exporting

    options = exporting.Options() if image is None else exporting.Options(image)
    place = None if out is None else Path(out)
    return exporting.export(name, to, settings or Settings.load(), place, options)


def scheduler(
    *,
    background: bool = True,
    unless_running: bool = False,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
) -> Scheduling:
    """Run what is due, when it is due.

    Of several at once for a database one works, and another takes over when it ends.

    Parameters
    ----------
    background : bool
        Whether it runs by itself and survives this process; otherwise this call works until it is interrupted.
    unless_running : bool
        Whether nothing is to be done if one is at work already.
    """
    from nbdeploy.batch import schedules

    settings = settings or Settings.load()
    with _ledger(settings) as ledger:
        if background:
            return schedules.detach(ledger, settings.home / "scheduler.log")
        found = schedules.running(ledger) if unless_running else None
        if found is not None:
            return schedules.Scheduling(found.worker.pid, found.worker.host, found.place, "runs already")
        return schedules.run_here(ledger, lambda said: progress(Progress(message=said.line, facts=said.document())))


def stop_scheduler(*, settings: Settings | None = None) -> Scheduling:
    """Let the scheduler of this machine end; its runs go on."""
    from nbdeploy.batch import schedules

    with _ledger(settings or Settings.load()) as ledger:
        return schedules.stop(ledger)


def schedule_alongside(stopped: Event, place: str, *, settings: Settings | None = None) -> None:
    """See to schedules in this thread, from when there are any, unless another process does.

    Parameters
    ----------
    stopped : threading.Event
        Ends it.
    place : str
        What the program is that it ends with, in words.

    Raises
    ------
    InvalidData
        If the setting ``scheduler`` is not understood.
    """
    settings = settings or Settings.load()
    if settings.scheduler not in SCHEDULER:
        raise InvalidData(
            f"scheduler is {settings.scheduler!r} (from: {settings.sources['scheduler']}), which is not understood; "
            f"there are: {', '.join(SCHEDULER)}"
        )
    if settings.scheduler == "off":
        return
    while not _is_there(settings.db):
        if stopped.wait(_LOOK_SECONDS):
            return
    from nbdeploy.batch import schedules

    schedules.alongside(settings.db, stopped, place)


def install_scheduler(
    *, way: str | None = None, only_show: bool = False, settings: Settings | None = None
) -> Installed:
    """Let this machine start a scheduler, and start it again whenever it ends.

    Parameters
    ----------
    way : str, optional
        ``systemd`` or ``crontab``; by default the first that works here.
    only_show : bool
        Whether what would be written is only shown.
    """
    from nbdeploy.batch import schedules

    settings = settings or Settings.load()
    with _ledger(settings) as ledger:
        surroundings = schedules.Surroundings.of(settings, Path.cwd())
        return schedules.install({**surroundings.variables, "NBDEPLOY_DB": ledger.url}, way, only_show)


def _is_there(db: str) -> bool:
    """Whether a database may have schedules: a file that is not there has none, and is not made."""
    return not db.startswith(_SQLITE) or Path(db.removeprefix(_SQLITE)).exists()


def _ledger(settings: Settings) -> Ledger:
    from nbdeploy.batch.ledger import Ledger

    return Ledger(settings.db)


def _prediction(
    predict: Sequence[str],
    out: str | Path | None,
    options: Sequence[str],
    wanted: Options,
    at: Surroundings,
    settings: Settings,
) -> Job:
    from nbdeploy.batch.schedules import PredictionJob

    ref, source = predict
    if out is None:
        raise WrongUsage("a scheduled prediction needs a place to write to: --out OUTPUT")
    resolve(open_store(settings), ref, settings)
    told = list(wanted.get("notify", ()))
    return PredictionJob(str(ref), str(source), str(out), at, list(options), wanted.get("timeout"), told)

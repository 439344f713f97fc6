"""The programs that a schedule can be written for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.schedules.book import Book
from nbdeploy.batch.schedules.exporting.exported import Exported, Written
from nbdeploy.batch.schedules.schedule import Schedule
from nbdeploy.files import write_atomically
from nbdeploy.plugins import Registry
from nbdeploy.settings import Settings
from nbdeploy.version import __version__

__all__ = ["EXPORTERS", "Options", "export"]


@dataclass(frozen=True)
class Options:
    """What an exporter may want to know besides the schedule.

    Attributes
    ----------
    image : str
        The container image to run in, where there is one.
    """

    image: str = f"nbdeploy:{__version__}"


EXPORTERS: Registry[Callable[[Schedule, Options], Written]] = Registry(
    "exporter",
    {
        "airflow": "nbdeploy.batch.schedules.exporting.airflow:write",
        "argo": "nbdeploy.batch.schedules.exporting.argo:write",
        "cron": "nbdeploy.batch.schedules.exporting.crontab:write",
        "github-actions": "nbdeploy.batch.schedules.exporting.github:write",
        "kubernetes": "nbdeploy.batch.schedules.exporting.kubernetes:write",
    },
)


def export(name: str, to: str, settings: Settings, out: Path | None = None, options: Options | None = None) -> Exported:
    """Write a schedule for another program.

    Parameters
    ----------
    name, to : str
        The schedule, and one of :data:`EXPORTERS`.
    settings : Settings
        Where schedules are.
    out : Path, optional
        The file to write; a folder gets one named after the schedule.
    options : Options, optional
        What the program is told besides.

    Raises
    ------
    NotFound
        If there is no such schedule, or no such program.
    WrongUsage, InvalidData
        If the program cannot do what the schedule does.
    NotWritable
        If `out` cannot be written.
    """
    write = EXPORTERS[to]
    with Ledger(settings.db) as ledger:
        schedule = Book(ledger.database).get(name)
    written = write(schedule, options or Options())
    if out is not None:
        out = out.expanduser().absolute()
        out = out / f"{name}{written.suffix}" if out.is_dir() else out
        write_atomically(out, written.text.encode())
    return Exported(name, to, written, out)

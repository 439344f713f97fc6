"""A line of a crontab on this machine."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from nbdeploy.batch.schedules.calendar import local_zone
from nbdeploy.batch.schedules.exporting.exported import Written
from nbdeploy.batch.schedules.exporting.exporters import Options
from nbdeploy.batch.schedules.exporting.plan import Plan
from nbdeploy.batch.schedules.exporting.shell import line
from nbdeploy.batch.schedules.schedule import Schedule
from nbdeploy.errors import InvalidData

__all__ = ["write"]

_LOCKS = {"skip": ("flock", "--nonblock", "--conflict-exit-code=0"), "queue": ("flock",), "allow": ()}
_MINUTE = '"$(date -u +%Y-%m-%dT%H:%M:00Z)"'


def write(schedule: Schedule, options: Options) -> Written:  # noqa: ARG001
    """Write the crontab line of a schedule."""
    plan = Plan(schedule, "cron", here=True)
    home = Path(plan.variables["NBDEPLOY_HOME"])
    lock = [*_LOCKS[schedule.overlap], str(home / f"{schedule.name}.lock")] if schedule.overlap != "allow" else []
    limit = ["timeout", f"{plan.told.timeout:g}"] if plan.told.timeout is not None else []
    program = [*lock, *limit, sys.executable, "-P", "-m", "nbdeploy"]
    given = {"TZ": schedule.timezone, **plan.variables}
    due = [f"NBDEPLOY_DUE={_MINUTE}"] if plan.dated else []
    variables = [*(f"{name}={shlex.quote(value)}" for name, value in given.items()), *due]
    log = shlex.quote(str(home / f"{schedule.name}.log"))
    folder, made = shlex.quote(schedule.job.at.cwd), shlex.quote(str(home))
    command = f"cd {folder} && mkdir -p {made} && {' '.join(variables)} {line(plan.command, program)} >>{log} 2>&1"
    if "\n" in command:
        raise InvalidData("a parameter or path holds a line break, which a crontab cannot: pass a file (-f)")
    notes = [*plan.notes, *plan.no_window(), *_differences(plan)]
    zone = "" if schedule.timezone == local_zone() else f"CRON_TZ={schedule.timezone}\n"
    escaped = command.replace("%", r"\%")
    return Written(
        f"{plan.comment(notes)}{zone}{plan.cron} {escaped}\n", plan.needs, notes, ".crontab", "crontab -e, and add it"
    )


def _differences(plan: Plan) -> list[str]:
    schedule = plan.schedule
    notes = []
    if schedule.missed != "skip":
        notes.append(f"times at which the machine is off are not made up for (missed: {schedule.missed})")
    if schedule.timezone != local_zone():
        notes.append(
            f"its times are of {schedule.timezone}, this machine is in {local_zone()}: CRON_TZ is understood by cronie "
            "(Fedora, Arch, SUSE) and holds for all lines below it; Debian's cron ignores it"
        )
    if schedule.paused:
        notes.append("the schedule is paused here, and the line would run")
    return notes

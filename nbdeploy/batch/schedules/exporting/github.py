"""A workflow of GitHub Actions."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from nbdeploy.batch.schedules.exporting.exported import Written
from nbdeploy.batch.schedules.exporting.exporters import Options
from nbdeploy.batch.schedules.exporting.manifests import document
from nbdeploy.batch.schedules.exporting.plan import Plan
from nbdeploy.batch.schedules.exporting.shell import line, without_braces
from nbdeploy.batch.schedules.schedule import Schedule
from nbdeploy.version import __version__

__all__ = ["write"]

_SHORTEST = timedelta(minutes=5)
_LOOKED_AT = 100


def write(schedule: Schedule, options: Options) -> Written:  # noqa: ARG001
    """Write the workflow of a schedule."""
    plan = Plan(schedule, "GitHub Actions")
    repository, folder = _places(Path(schedule.job.at.cwd))
    notes = [*plan.notes, *plan.no_window(), *_differences(schedule), *plan.fleeting("runner")]
    notes.append("nbdeploy alone is installed there: add what the notebook or the snapshot needs")
    if repository is None:
        notes.append(f"{schedule.job.at.cwd} is in no git repository: put what is needed into one")
    body: dict[str, Any] = {
        "name": f"nbdeploy {schedule.name}",
        "on": {"schedule": [{"cron": plan.cron, "timezone": schedule.timezone}], "workflow_dispatch": {}},
        "permissions": {"contents": "read"},
    }
    if schedule.overlap != "allow":
        body["concurrency"] = {"group": f"nbdeploy-{schedule.name}", "cancel-in-progress": False}
    body["jobs"] = {"run": _job(plan, folder)}
    hint = f"commit it as .github/workflows/{schedule.name}.yml"
    return Written(document(body, plan, notes), plan.needs, notes, ".yml", hint)


def _job(plan: Plan, folder: str) -> dict[str, Any]:
    due = (
        {"NBDEPLOY_DUE": "${{ github.event.schedule }}"} if plan.dated else {}
    )  # the cron line: its last time is meant
    secrets = {name: f"${{{{ secrets.{name} }}}}" for name in plan.secrets}
    command = line(plan.command)
    job: dict[str, Any] = {
        "runs-on": "ubuntu-latest",
        "env": {"TZ": plan.schedule.timezone, **plan.variables, **due, **secrets},
        "steps": [
            {"uses": "actions/checkout@v5"},
            {"uses": "actions/setup-python@v6", "with": {"python-version": f"3.{sys.version_info.minor}"}},
            {"run": f"pip install nbdeploy=={__version__}"},
            {"run": without_braces(command) if "${{" in command else command},
        ],
    }
    if folder != ".":
        job["defaults"] = {"run": {"working-directory": folder}}
    if plan.told.timeout is not None:
        job["timeout-minutes"] = math.ceil(plan.told.timeout / 60)
    return job


def _places(folder: Path) -> tuple[Path | None, str]:
    """The repository that a folder is in, and the folder's path in it."""
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            return place, str(folder.relative_to(place))
    return None, "."


def _differences(schedule: Schedule) -> Iterator[str]:
    times = list(islice(schedule.times(schedule.decided), _LOOKED_AT))
    if any(later - earlier < _SHORTEST for earlier, later in pairwise(times)):
        yield "GitHub runs a schedule every 5 minutes at most"
    yield (
        "GitHub may begin late or leave a time out when it is busy, and makes up for none that it missed"
        f" (missed: {schedule.missed})"
    )
    if schedule.overlap == "skip":
        yield "of times that come while a run still goes the last one waits and is run after it"
    if schedule.overlap == "queue":
        yield "of times that come while a run still goes the last one waits, not all of them"
    if schedule.paused:
        yield "the schedule is paused here, and runs there: disable the workflow"

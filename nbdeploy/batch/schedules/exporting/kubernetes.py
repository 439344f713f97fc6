"""A CronJob of Kubernetes."""

from __future__ import annotations

import math
from typing import Any

from nbdeploy.batch.schedules.exporting.exported import Written
from nbdeploy.batch.schedules.exporting.exporters import Options
from nbdeploy.batch.schedules.exporting.manifests import container, document, name_of
from nbdeploy.batch.schedules.exporting.plan import Plan
from nbdeploy.batch.schedules.exporting.shell import escaped_for_kubernetes, line
from nbdeploy.batch.schedules.schedule import LATE, Schedule

__all__ = ["write"]

POLICIES = {"skip": "Forbid", "queue": "Forbid", "allow": "Allow"}
_JOB = "NBDEPLOY_JOB"
# The controller names a job after the minute of its time: CronJob's name, a dash, minutes since 1970.
_DUE = f"""\
minute="${{{_JOB}##*-}}"
case "$minute" in
[1-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9])
  NBDEPLOY_DUE="$(date -u -d "@$((minute * 60))" +%Y-%m-%dT%H:%M:%SZ)"
  export NBDEPLOY_DUE ;;
esac
exec """


def write(schedule: Schedule, options: Options) -> Written:
    """Write the CronJob of a schedule."""
    plan = Plan(schedule, "Kubernetes")
    name, notes = name_of(schedule, 52)
    job: dict[str, Any] = {
        "backoffLimit": 0,
        "template": {"spec": {"restartPolicy": "Never", "containers": [_container(plan, options)]}},
    }
    if plan.told.timeout is not None:
        job["activeDeadlineSeconds"] = math.ceil(plan.told.timeout)
    spec = {
        "schedule": plan.cron,
        "timeZone": schedule.timezone,
        "concurrencyPolicy": POLICIES[schedule.overlap],
        **({"startingDeadlineSeconds": int(LATE.total_seconds())} if schedule.missed == "skip" else {}),
        "suspend": schedule.paused,
        "jobTemplate": {"spec": job},
    }
    notes += [*plan.notes, *plan.no_bound(), *plan.no_window(), *_overlap(schedule)]
    notes += plan.fleeting("pod")
    notes.append(f"the image {options.image} has to hold nbdeploy and, in its working directory, what is needed")
    body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}
    return Written(document(body, plan, notes), plan.needs, notes, ".yaml", "kubectl apply -f FILE")


def _container(plan: Plan, options: Options) -> dict[str, Any]:
    if not plan.dated:
        words = [escaped_for_kubernetes(word) for word in ("nbdeploy", *plan.command)]
        return container(plan, options.image, words)
    script = escaped_for_kubernetes(_DUE + line(plan.command) + "\n")
    label = {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/job-name']"}}
    return container(plan, options.image, ["sh", "-c", script], {"name": _JOB, "valueFrom": label})


def _overlap(schedule: Schedule) -> list[str]:
    if schedule.overlap == "queue":
        return ["of times that come while a run still goes the last one waits, not all of them"]
    if schedule.overlap == "skip" and schedule.missed != "skip":
        return ["a time that comes while a run still goes is made up for after it, as if it had been missed"]
    return []

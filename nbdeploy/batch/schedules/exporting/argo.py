"""A CronWorkflow of Argo Workflows, from version 3.6 on."""

from __future__ import annotations

import math
from typing import Any

from nbdeploy.batch.schedules.exporting.exported import Written
from nbdeploy.batch.schedules.exporting.exporters import Options
from nbdeploy.batch.schedules.exporting.kubernetes import POLICIES
from nbdeploy.batch.schedules.exporting.manifests import container, document, name_of
from nbdeploy.batch.schedules.exporting.plan import Plan
from nbdeploy.batch.schedules.exporting.shell import escaped_for_kubernetes, line, without_braces
from nbdeploy.batch.schedules.schedule import LATE, Schedule

__all__ = ["write"]

_MAKES_UP = 365 * 24 * 3600
"""Seconds in which a missed time is still made up for: Argo makes up for none unless it is told."""


def write(schedule: Schedule, options: Options) -> Written:
    """Write the CronWorkflow of a schedule."""
    plan = Plan(schedule, "Argo")
    name, notes = name_of(schedule, 52)
    workflow: dict[str, Any] = {
        "entrypoint": "run",
        "templates": [{"name": "run", "container": _container(plan, options)}],
    }
    if plan.told.timeout is not None:
        workflow["activeDeadlineSeconds"] = math.ceil(plan.told.timeout)
    spec = {
        "schedules": [plan.cron],
        "timezone": schedule.timezone,
        "concurrencyPolicy": POLICIES[schedule.overlap],
        "startingDeadlineSeconds": int(LATE.total_seconds()) if schedule.missed == "skip" else _MAKES_UP,
        "suspend": schedule.paused,
        "workflowSpec": workflow,
    }
    notes += [*plan.notes, *plan.no_bound(), *plan.no_window()]
    if schedule.overlap == "queue":
        notes.append("a time that comes while a run still goes is left out: nothing waits there")
    notes += plan.fleeting("pod")
    notes.append(f"the image {options.image} has to hold nbdeploy and, in its working directory, what is needed")
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": {"name": name}, "spec": spec}
    hint = "kubectl apply -f FILE, or argo cron create FILE"
    return Written(document(body, plan, notes), plan.needs, notes, ".yaml", hint)


def _container(plan: Plan, options: Options) -> dict[str, Any]:
    script = without_braces(escaped_for_kubernetes(f"exec {line(plan.command)}\n"))
    due = [{"name": "NBDEPLOY_DUE", "value": "{{workflow.scheduledTime}}"}] if plan.dated else []
    return container(plan, options.image, ["sh", "-c", script], *due)

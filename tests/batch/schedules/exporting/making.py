"""Schedules to write for other programs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbdeploy.batch import Order, Text
from nbdeploy.batch.schedules.exporting import EXPORTERS, Options, Written
from nbdeploy.batch.schedules.jobs import NotebookJob, PredictionJob, Surroundings
from nbdeploy.batch.schedules.schedule import Schedule
from tests.batch.conftest import write_notebook

START = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "it's \"); import os; `id` $(id) $$ ${HOME} %d {% raw %} {# é \\n"
"""A text that shells, Jinja, cron, Kubernetes and Python would each like to read."""
DECLARED = "month: str\nn: int = 3\nlimit: float = 0.5\nnames: list = []\nnote: str = ''\nlate: bool = False"


def surroundings(folder: Path, **variables: str) -> Surroundings:
    return Surroundings(str(folder), {"NBDEPLOY_HOME": str(folder / "home"), **variables})


def notebook(folder: Path, parameters: dict[str, Any], **options: Any) -> NotebookJob:
    """A notebook to run, which exists."""
    path = write_notebook(folder / "retrain.ipynb", "print(month, n, note)", parameters=DECLARED)
    order = Order.of(path, {"month": Text("{{ previous_month }}"), **parameters}, **options)
    return NotebookJob.of(order, surroundings(folder, NBDEPLOY_STORE="s3://team/models"))


def prediction(folder: Path, source: str = "in/{{ ds }}.csv", *options: str, **facts: Any) -> PredictionJob:
    """A prediction to make."""
    at = facts.pop("at", surroundings(folder, NBDEPLOY_STORE="s3://team/models"))
    return PredictionJob("churn@champion", source, "scored/", at, list(options), **facts)


def schedule(job: Any, cron: str = "0 3 1 * *", timezone: str = "UTC", **facts: Any) -> Schedule:
    """A schedule that was added when 2026 began."""
    return replace(Schedule("5eed", "weekly", cron, timezone, job, START, START), **facts)


def written(to: str, made: Schedule) -> Written:
    return EXPORTERS[to](made, Options("registry/scoring:1"))

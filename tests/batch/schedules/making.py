"""Schedules of predictions that nobody runs."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from nbdeploy.batch.schedules.jobs import PredictionJob, Surroundings
from nbdeploy.batch.schedules.schedule import Schedule

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Make(Protocol):
    """Makes a schedule."""

    def __call__(self, name: str = "weekly", cron: str = "* * * * *", **facts: Any) -> Schedule: ...


def maker(folder: Path) -> Make:
    """A maker of schedules that are added in a folder, with a home below it."""

    def made(name: str = "weekly", cron: str = "* * * * *", **facts: Any) -> Schedule:
        at = Surroundings(str(folder), {"NBDEPLOY_HOME": str(folder / "home")})
        job = PredictionJob("churn", "in/{{ ds }}.csv", "out/", at)
        plain = Schedule(secrets.token_hex(4), name, cron, "UTC", job, START, START)
        return replace(plain, **facts)

    return made

"""Processes that are meant to outlive the run whose notebook starts them: an endpoint, a scheduler, another run."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["RUN", "SURVIVES", "survivor"]

RUN = "NBDEPLOY_RUN"
"""The environment variable that names the folder of the run in which a process works."""
SURVIVES = "NBDEPLOY_OUTLIVES_RUNS"
"""Environment variable of a process that a run does not end with itself."""


def survivor(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process that shall survive; this process's own by default."""
    given = os.environ if environment is None else environment
    return {**{name: value for name, value in given.items() if name != RUN}, SURVIVES: "1"}

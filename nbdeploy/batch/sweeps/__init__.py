"""Sweeps: a notebook run for every combination of some parameters' values, and what came of them side by side."""

from nbdeploy.batch.sweeps.comparison import Pick
from nbdeploy.batch.sweeps.grid import Grid
from nbdeploy.batch.sweeps.result import Sweep
from nbdeploy.batch.sweeps.running import resume, sweep

__all__ = ["Grid", "Pick", "Sweep", "resume", "sweep"]

"""Checkpoints: a notebook saves variables where it marks that, and a later execution goes on from there.

In the kernel :func:`save` writes them and :func:`restore` brings them back; the run's own process notes after which
cell they hold, and shows the cells before as they were.
"""

from nbdeploy.batch.checkpoints.kept import Checkpoints, Resumption
from nbdeploy.batch.checkpoints.restoring import restore
from nbdeploy.batch.checkpoints.saving import Checkpoint, save

__all__ = ["Checkpoint", "Checkpoints", "Resumption", "restore", "save"]

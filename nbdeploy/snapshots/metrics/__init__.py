"""How good a snapshot is on rows it was not trained with: the task's usual metrics, with intervals."""

from nbdeploy.snapshots.metrics.evaluating import Measured, evaluate, measure, ordered

__all__ = ["Measured", "evaluate", "measure", "ordered"]

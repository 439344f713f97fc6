"""A clean process that gets ready once, and is forked for every worker: they share its memory, and nothing ran in it.

After a first prediction, forked children of some libraries hang (HistGradientBoosting, XGBoost, LightGBM,
Polars). So the process that is forked is not the caller's: it has loaded what workers need, and predicted
nothing. It ends when its caller does, however that ended, and ends its workers with it.

A zygote may be forked from another one (:data:`NURSERY`), and then shares what that one imported.
"""

from nbdeploy.zygote.caller import Worker, Zygote
from nbdeploy.zygote.endings import WorkerDied, end_with_parent, how_ended, kill
from nbdeploy.zygote.process import NURSERY, Serve, main, nursery

__all__ = [
    "NURSERY",
    "Serve",
    "Worker",
    "WorkerDied",
    "Zygote",
    "end_with_parent",
    "how_ended",
    "kill",
    "main",
    "nursery",
]

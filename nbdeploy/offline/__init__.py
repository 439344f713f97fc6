"""Offline predictions: a table in, a table out."""

from nbdeploy.offline.checking import Checked, check_output
from nbdeploy.offline.job import predict_file
from nbdeploy.offline.memory import Answered, predict_table, read_predicted, write_table
from nbdeploy.offline.options import CHUNK, Options
from nbdeploy.offline.rejects import Limit
from nbdeploy.offline.report import Predictions

__all__ = [
    "CHUNK",
    "Answered",
    "Checked",
    "Limit",
    "Options",
    "Predictions",
    "check_output",
    "predict_file",
    "predict_table",
    "read_predicted",
    "write_table",
]

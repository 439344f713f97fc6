"""Offline predictions: a table in, a table out."""

from nbdeploy.offline.between import read_predicted, write_into, write_table
from nbdeploy.offline.checking import Checked, check_output
from nbdeploy.offline.folder import goes_to_folder, predict_folder
from nbdeploy.offline.folder_checking import CheckedFolder, check_folder
from nbdeploy.offline.folder_report import FolderPredictions
from nbdeploy.offline.into_tables import predict_into
from nbdeploy.offline.job import predict_file
from nbdeploy.offline.memory import Answered, predict_table
from nbdeploy.offline.options import CHUNK, Options
from nbdeploy.offline.rejects import Limit
from nbdeploy.offline.report import Predictions
from nbdeploy.offline.stored import local

__all__ = [
    "CHUNK",
    "Answered",
    "Checked",
    "CheckedFolder",
    "FolderPredictions",
    "Limit",
    "Options",
    "Predictions",
    "check_folder",
    "check_output",
    "goes_to_folder",
    "local",
    "predict_file",
    "predict_folder",
    "predict_into",
    "predict_table",
    "read_predicted",
    "write_into",
    "write_table",
]

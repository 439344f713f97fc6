"""Batch runs: a notebook executed by papermill, with typed parameters, in a process of its own."""

from nbdeploy.batch.failure import Failure
from nbdeploy.batch.logbook import follow, logs
from nbdeploy.batch.ordering.order import Options, Order
from nbdeploy.batch.outputs import Output, declare
from nbdeploy.batch.parameters import Parameter, Parameters, Secret, Text, Variable, parameters_of
from nbdeploy.batch.predicting import Prediction, WrittenNotebook
from nbdeploy.batch.record import Run, RunList
from nbdeploy.batch.running import find, run, runs, stop, submit

__all__ = [
    "Failure",
    "Options",
    "Order",
    "Output",
    "Parameter",
    "Parameters",
    "Prediction",
    "Run",
    "RunList",
    "Secret",
    "Text",
    "Variable",
    "WrittenNotebook",
    "declare",
    "find",
    "follow",
    "logs",
    "parameters_of",
    "run",
    "runs",
    "stop",
    "submit",
]

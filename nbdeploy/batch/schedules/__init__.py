"""Schedules of runs: when they are due, what becomes of each time, and the process that sees to them."""

from nbdeploy.batch.parameters import WORDS
from nbdeploy.batch.schedules.background import alongside, detach, run_here, running, stop
from nbdeploy.batch.schedules.book import Book
from nbdeploy.batch.schedules.calendar import Calendar, local_zone
from nbdeploy.batch.schedules.changing import add, listed, pause, preview, remove, resume, trigger
from nbdeploy.batch.schedules.installing import Installed, install
from nbdeploy.batch.schedules.jobs import Job, NotebookJob, PipelineJob, PredictionJob, Surroundings
from nbdeploy.batch.schedules.results import Preview, Scheduled, Schedules, Scheduling, Triggered
from nbdeploy.batch.schedules.schedule import MISSED, OVERLAP, Schedule

__all__ = [
    "MISSED",
    "OVERLAP",
    "WORDS",
    "Book",
    "Calendar",
    "Installed",
    "Job",
    "NotebookJob",
    "PipelineJob",
    "PredictionJob",
    "Preview",
    "Schedule",
    "Scheduled",
    "Schedules",
    "Scheduling",
    "Surroundings",
    "Triggered",
    "add",
    "alongside",
    "detach",
    "install",
    "listed",
    "local_zone",
    "pause",
    "preview",
    "remove",
    "resume",
    "run_here",
    "running",
    "stop",
    "trigger",
]

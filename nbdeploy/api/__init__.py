"""One function per command: what every door — magic, command line, Python, panel — calls.

Each joins the rooms with the settings in force, and returns a :class:`nbdeploy.cards.Result`.
"""

from nbdeploy.api.aliases import alias, remove_alias
from nbdeploy.api.checkpoints import checkpoint
from nbdeploy.api.checkup import doctor
from nbdeploy.api.declaring import output, report
from nbdeploy.api.demo import demo
from nbdeploy.api.diagnoses import diagnose
from nbdeploy.api.endpoints import (
    back_up_serving,
    install_serving,
    restore_serving,
    serve,
    stop_serving,
    token_create,
    token_list,
    token_revoke,
    token_rotate,
)
from nbdeploy.api.keys import keys_create, keys_list
from nbdeploy.api.notifying import notify_test
from nbdeploy.api.overview import config, overview
from nbdeploy.api.pipelines import pipeline
from nbdeploy.api.predictions import check_predictions, load, predict
from nbdeploy.api.production import label, requests
from nbdeploy.api.releases import call, connect, push, status, undeploy
from nbdeploy.api.remote import Target
from nbdeploy.api.runs import get_run, logs, parameters, prune_runs, run, runs, stop, write_prediction
from nbdeploy.api.schedules import (
    install_scheduler,
    schedule_add,
    schedule_export,
    schedule_list,
    schedule_pause,
    schedule_resume,
    schedule_rm,
    schedule_trigger,
    scheduler,
    stop_scheduler,
)
from nbdeploy.api.snapshots import snapshot, verify
from nbdeploy.api.store import copy, diff, export, gc, history, import_, list_snapshots, rm, show
from nbdeploy.api.sweeps import sweep
from nbdeploy.api.targets import target_add, target_check, target_list, target_rm

__all__ = [
    "Target",
    "alias",
    "back_up_serving",
    "call",
    "check_predictions",
    "checkpoint",
    "config",
    "connect",
    "copy",
    "demo",
    "diagnose",
    "diff",
    "doctor",
    "export",
    "gc",
    "get_run",
    "history",
    "import_",
    "install_scheduler",
    "install_serving",
    "keys_create",
    "keys_list",
    "label",
    "list_snapshots",
    "load",
    "logs",
    "notify_test",
    "output",
    "overview",
    "parameters",
    "pipeline",
    "predict",
    "prune_runs",
    "push",
    "remove_alias",
    "report",
    "requests",
    "restore_serving",
    "rm",
    "run",
    "runs",
    "schedule_add",
    "schedule_export",
    "schedule_list",
    "schedule_pause",
    "schedule_resume",
    "schedule_rm",
    "schedule_trigger",
    "scheduler",
    "serve",
    "show",
    "snapshot",
    "status",
    "stop",
    "stop_scheduler",
    "stop_serving",
    "sweep",
    "target_add",
    "target_check",
    "target_list",
    "target_rm",
    "token_create",
    "token_list",
    "token_revoke",
    "token_rotate",
    "undeploy",
    "verify",
    "write_prediction",
]

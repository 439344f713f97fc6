"""Take a trained model from a notebook into real use without leaving it.

In a notebook: ``%load_ext nbdeploy``, then ``%deploy``. In a shell: ``nbdeploy``. In Python::

    import nbdeploy as nd
    nd.snapshot(model, "churn", data=X_train)
    nd.load("churn").predict(X)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbdeploy.errors import NbdeployError
from nbdeploy.version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbdeploy.api import (
        alias,
        back_up_serving,
        call,
        check_predictions,
        checkpoint,
        config,
        connect,
        copy,
        diagnose,
        diff,
        doctor,
        export,
        gc,
        get_run,
        history,
        import_,
        install_scheduler,
        install_serving,
        keys_create,
        keys_list,
        label,
        list_snapshots,
        load,
        logs,
        notify_test,
        output,
        parameters,
        pipeline,
        predict,
        prune_runs,
        push,
        remove_alias,
        report,
        requests,
        restore_serving,
        rm,
        run,
        schedule_add,
        schedule_export,
        schedule_list,
        schedule_pause,
        schedule_resume,
        schedule_rm,
        schedule_trigger,
        scheduler,
        serve,
        show,
        snapshot,
        status,
        stop,
        stop_scheduler,
        stop_serving,
        sweep,
        target_add,
        target_check,
        target_list,
        target_rm,
        token_create,
        token_list,
        token_revoke,
        token_rotate,
        undeploy,
        verify,
        write_prediction,
    )
    from nbdeploy.api.runs import runs
    from nbdeploy.batch import Secret
    from nbdeploy.predictor import Predictor
    from nbdeploy.store import Store

_HOMES = {"Predictor": "nbdeploy.predictor", "Secret": "nbdeploy.batch", "Store": "nbdeploy.store"}

__all__ = [
    "NbdeployError",
    "Predictor",
    "Secret",
    "Store",
    "__version__",
    "alias",
    "back_up_serving",
    "call",
    "check_predictions",
    "checkpoint",
    "config",
    "connect",
    "copy",
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


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for: ``import nbdeploy`` itself costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'nbdeploy' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "nbdeploy.api")), name)


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add ``%deploy`` to a notebook: called by ``%load_ext nbdeploy``."""
    from nbdeploy.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take ``%deploy`` away again."""
    from nbdeploy.magics import unload

    unload(shell)

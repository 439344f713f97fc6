"""What the Deploy panel calls in a notebook's kernel, beside the user's cells."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from nbdeploy.errors import NbdeployError, NotFound, WrongUsage

__all__ = ["look", "snapshot"]


def look() -> Any:
    """The fitted models and the variables with rows, as a JSON display."""
    from nbdeploy.commands.snapshots import GENERIC
    from nbdeploy.lab.inspection import find

    shell = _shell()
    hidden = shell.user_ns_hidden
    return _display(find({name: value for name, value in shell.user_ns.items() if name not in hidden}, GENERIC))


def snapshot(model: str, name: str, data: str, labels: str = "") -> Any:
    """Snapshot a model, as ``%deploy snapshot MODEL NAME -X DATA -y LABELS`` does.

    Parameters
    ----------
    model, data, labels : str
        Variables, perhaps with attributes (``search.best_estimator_``); `labels` may be empty.
    name : str
        Its name in the store.

    Returns
    -------
    IPython.display.JSON
        The snapshot's document, or ``{"error": …}``.
    """
    from nbdeploy import api

    try:
        if not data:
            raise WrongUsage("a snapshot needs rows as the model takes them: choose a variable for X")
        answers = _value(labels) if labels else None
        return _display(api.snapshot(_value(model), name, data=_value(data), labels=answers).document())
    except NbdeployError as error:
        return _display({"error": str(error)})


def _value(expression: str) -> Any:
    """The user's object under a dotted name."""
    namespace = _shell().user_ns
    name, _, attributes = expression.partition(".")
    if name not in namespace:
        raise NotFound("variable", name, hint="it may have been deleted since; refresh the panel")
    return attrgetter(attributes)(namespace[name]) if attributes else namespace[name]


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()


def _display(document: Any) -> Any:
    """A document whose representation for a front end is JSON itself."""
    import msgspec
    from IPython.display import JSON

    plain = msgspec.json.decode(msgspec.json.encode(document, enc_hook=str))
    return JSON(plain)  # type: ignore[no-untyped-call]

"""The notebook, cells, commit and data that a model is from, and whether the notebook would make it again."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from nbdeploy.errors import NbdeployError
from nbdeploy.manifest import sha256
from nbdeploy.notebooks import Notebook, first_line
from nbdeploy.snapshots.history import Execution, History, history
from nbdeploy.snapshots.lineage.fingerprint import fingerprint
from nbdeploy.snapshots.lineage.provenance import Keys, Node, Step, Value, nodes_of, run
from nbdeploy.snapshots.lineage.repository import commit_of
from nbdeploy.snapshots.lineage.staleness import Document, differences, document, shown_line, steps_of
from nbdeploy.snapshots.lineage.statements import statements

__all__ = ["UNKNOWN", "Lineage", "Past", "notebook_path", "past", "trace"]

UNKNOWN = "unknown"
_log = logging.getLogger(__name__)
_SHELL_NAMES = frozenset({"In", "Out", "display", "exit", "get_ipython", "quit"})
_MOST_REASONS = 3


@dataclass(frozen=True)
class Lineage:
    """Where a model comes from.

    Attributes
    ----------
    facts : mapping
        For the version record. What cannot be known is ``unknown``:

        - ``notebook`` or ``script`` and its ``notebook_sha256`` or ``script_sha256`` as saved;
        - ``cells`` that the model depends on, in the order in which they ran: ``count``, ``id``, ``line`` (the first
          one, without texts) and ``sha256`` of the source. The id is what the front end said, or where it said none
          (nbclient, papermill), that of the saved notebook's cell with the same source;
        - ``unknown_names``: what these cells use, and no cell that is known made;
        - ``unsaved``: whether cells ran that are not saved as they ran;
        - ``stale``: whether the notebook, run from top to bottom, would make another model;
        - ``data``: the ``sha256`` of the data, its number of ``rows``, and of how many that is if not of all;
        - ``git_commit``, ``git_dirty``, ``git_changed_files``, ``git_untracked_files``, ``git_notebook``.
    notices : sequence of str
        What its author should know.
    """

    facts: Mapping[str, Any]
    notices: Sequence[str] = ()


@dataclass(frozen=True)
class Past:
    """What ran in the kernel, followed statement by statement.

    Attributes
    ----------
    history : History
        The cells and the variables.
    keys : Keys
        Of the values.
    state : mapping of str to Value
        Where each variable came from.
    """

    history: History
    keys: Keys = field(repr=False)
    state: Mapping[str, Value] = field(repr=False)

    def names_of(self, thing: object) -> list[str]:
        """The variables that are a thing, or else those that hold it (``search`` of ``search.best_estimator_``).

        Those that the running statement uses come first.
        """
        names = {name: value for name, value in self.history.names.items() if name in self.state and name[0] != "_"}
        found = [n for n, v in names.items() if v is thing] or [n for n, v in names.items() if _holds(v, thing)]
        return sorted(found, key=lambda name: name not in self.used_now())

    def evaluate(self, expression: str) -> Any:
        """What a plain expression (see :func:`is_plain`) stands for now; None if it cannot be evaluated."""
        try:
            return eval(expression, dict(self.history.names))  # noqa: S307 - the user's own, in her own kernel
        except Exception:
            return None

    def used_now(self) -> list[str]:
        """The variables in the statement that runs now."""
        running = list(steps_of(self.history.executions[-1:]))[-1:]
        names = {name for step in running for name, _ in step.statement.reads}
        return sorted(name for name in names if name in self.state)


def past() -> Past | None:
    """What ran in this kernel; None outside of IPython, and where that cannot be told."""
    try:
        found = history()
        if found is None or not found.executions:
            return None
        keys = Keys()
        return Past(found, keys, run(steps_of(found.executions), keys))
    except Exception:
        _log.debug("the history of the kernel is not understood", exc_info=True)
        return None


def trace(things: Sequence[object], data: pl.DataFrame, known: Past | None) -> Lineage:
    """Find out where a model comes from. What cannot be found out is ``unknown``; nothing fails for that.

    Parameters
    ----------
    things : sequence of object
        The model, and what goes with it.
    data : polars.DataFrame, n rows
        The data given, as on the wire.
    known : Past or None
        What ran in the kernel.
    """
    fingerprinted = {"data": fingerprint(data)}
    try:
        found = _in_script() if known is None else _in_notebook(things, known)
    except Exception:
        _log.debug("the lineage is not known", exc_info=True)
        return Lineage({"notebook": UNKNOWN, "cells": UNKNOWN, **fingerprinted})
    return Lineage({**found.facts, **fingerprinted}, found.notices)


def notebook_path(names: Mapping[str, Any]) -> Path | None:
    """The file of the notebook that runs here, if the front end said which it is and it is there.

    Jupyter's server and our own runs say so in ``JPY_SESSION_NAME``, VS Code and papermill in variables.
    """
    told_by = (names.get("__vsc_ipynb_file__"), names.get("PAPERMILL_INPUT_PATH"), os.environ.get("JPY_SESSION_NAME"))
    for text in told_by:
        if isinstance(text, str) and text.endswith(".ipynb") and Path(text).is_file():
            return Path(text).absolute()
    return None


def _in_script() -> Lineage:
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script is None or not Path(script).is_file():
        return Lineage({"notebook": UNKNOWN, "cells": UNKNOWN, **commit_of(Path.cwd())})
    path = Path(script).absolute()
    facts = {"script": str(path), "script_sha256": sha256(path.read_bytes()), "cells": UNKNOWN}
    return Lineage({**facts, **commit_of(path.parent, path)})


def _in_notebook(things: Sequence[object], known: Past) -> Lineage:
    names = [found for thing in things for found in known.names_of(thing)[:1]] or known.used_now()
    nodes = nodes_of(*(known.state[name] for name in names))
    executions = _executions(nodes)
    facts: dict[str, Any] = {"notebook": UNKNOWN, "cells": [_cell(execution) for execution in executions] or UNKNOWN}
    unknown = sorted(n for n, node in known.keys.unknown.items() if node in nodes and n not in _SHELL_NAMES)
    if unknown:
        facts["unknown_names"] = unknown
    path = notebook_path(known.history.names)
    if path is None:
        return Lineage({**facts, "stale": UNKNOWN, **commit_of(Path.cwd())})
    facts |= {"notebook": str(path), **commit_of(path.parent, path)}
    return _compared(path, names, executions, known, facts)


def _compared(
    path: Path, names: Sequence[str], executions: Sequence[Execution], known: Past, facts: Mapping[str, Any]
) -> Lineage:
    """Compare what ran with the notebook's file."""
    try:
        book = Notebook.read(path)
    except NbdeployError:
        return Lineage({**facts, "stale": UNKNOWN})
    found = document(book, path.stat().st_mtime, known.history.executions)
    facts = {**facts, "notebook_sha256": sha256(book.content), "unsaved": found.unsaved}
    if executions:
        ids = found.ids(known.history.executions)
        facts["cells"] = [{**_cell(execution), "id": ids.get(execution, UNKNOWN)} for execution in executions]
    if not executions or found.unplaced & set(executions):
        return Lineage({**facts, "stale": UNKNOWN})
    reasons = differences(names, known.state, found, known.keys, known.history.executions[-1])
    return Lineage({**facts, "stale": bool(reasons)}, _warning(path, found, reasons))


def _warning(path: Path, found: Document, reasons: Sequence[str]) -> tuple[str, ...]:
    if not reasons:
        return ()
    more = f"; and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
    which = f"{path.name} as it is now, not all of it saved," if found.unsaved else path.name
    return (
        f"running {which} from top to bottom would not give this model: {'; '.join(reasons[:_MOST_REASONS])}{more}. "
        "Restart the kernel, run all cells and snapshot again",
    )


def _executions(nodes: Sequence[Node]) -> list[Execution]:
    """The runs of cells that statements are from, in order."""
    steps: list[Step] = [node.step for node in nodes if node.step is not None]
    return sorted({step.origin for step in steps}, key=lambda execution: (execution.at, execution.count or 0))


def _cell(execution: Execution) -> dict[str, Any]:
    return {
        "count": execution.count,
        "id": execution.cell or UNKNOWN,
        "line": _line(execution),
        "sha256": sha256(execution.source.encode()),
    }


def _line(execution: Execution) -> str:
    found = statements(execution.source)
    return shown_line(found[0].text) if found else first_line(execution.source)


def _holds(value: object, thing: object) -> bool:
    """Whether an object has a thing as an attribute or an item."""
    inside: Iterator[object] = iter(())
    if isinstance(value, dict):
        inside = iter(list(value.values()))
    elif isinstance(value, (list, tuple)):
        inside = iter(value)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        inside = iter(list(vars(value).values()))
    return any(item is thing for item in inside)

"""The process of one run: ``python -m nbdeploy.batch.child <run folder>``.

It alone says how the run goes and how it ended, in the run's folder and in the database;
nobody needs to wait for it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from nbdeploy.batch.commands import CommandFailed, execute
from nbdeploy.batch.failure import Failure, plain
from nbdeploy.batch.folder import Folder, Request
from nbdeploy.batch.ledger import Ledger, stopped
from nbdeploy.batch.outputs import Declared, Outputs
from nbdeploy.batch.parameters import decode
from nbdeploy.batch.processes import Worker
from nbdeploy.batch.queue.beating import beating
from nbdeploy.batch.record import FAILED, STOPPED, SUCCEEDED
from nbdeploy.errors import NotWritable
from nbdeploy.files import replacing, writing
from nbdeploy.notebooks import first_line

__all__ = ["main"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    status: str
    error: Failure | None = None


class Reporter:
    """Writes progress for whoever follows the run, and headings into its log."""

    def __init__(self, events: TextIO, log: TextIO) -> None:
        self.events = events
        self.log = log
        self.total: int | None = None

    def cell(self, position: int, total: int, source: str) -> None:
        """Say that a cell is next, or with ``position == total`` that all are done."""
        self.total = total
        step = {"done": position, "total": total, "unit": "cells", "message": first_line(source)}
        self.events.write(json.dumps(step) + "\n")
        if position < total:
            self.log.write(f"— cell {position + 1} of {total}: {step['message']}\n")


def main(folder: Path) -> int:
    """Execute the run of a folder, and record how it ended.

    Returns
    -------
    int
        Exit status: 0 if the run succeeded.
    """
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, _stop)
    log = sys.stdout
    log.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    files = Folder(folder)
    request = files.read()
    with Ledger(os.environ["NBDEPLOY_DB"]) as ledger, beating(ledger, request.run):
        try:
            if not ledger.start(request.run, Worker.of()):
                return 1
            outcome = _executed(files, request, log, begun)
        except KeyboardInterrupt:
            ends_as = ledger.ends_as(request.run) or STOPPED
            outcome = Outcome(ends_as, stopped(ends_as))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        outcome, output = _delivered(files, request, outcome)
        outcome, declared = _published(files, outcome)
        ledger.finish(request.run, outcome.status, outcome.error, output, declared)
    return 0 if outcome.status == SUCCEEDED else 1


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # who asks again does not hurry what puts things in order
    raise KeyboardInterrupt


def _executed(files: Folder, request: Request, log: TextIO, begun: float) -> Outcome:
    with files.events.open("a", encoding="utf-8", buffering=1) as events:
        reporter = Reporter(events, log)
        try:
            Outputs(files.path).begin()
            if request.command:
                execute(request, files, begun)
            else:
                _papermill(files, request, reporter, begun)
        except Exception as error:
            return Outcome(FAILED, _failure(error, reporter.total, log))
    return Outcome(SUCCEEDED)


def _papermill(files: Folder, request: Request, reporter: Reporter, begun: float) -> None:
    # jsonschema would spend more than a second on a grammar of addresses, of which notebooks have none.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from papermill.execute import execute_notebook

    from nbdeploy.batch import engine
    from nbdeploy.batch.parameters import code

    logging.getLogger("papermill").setLevel(logging.ERROR)  # it warns of parameters that were checked already
    engine.register()
    code.register()
    watch = engine.Watch(
        reporter.cell,
        reporter.log,
        own=request.kernel.own,
        notebook=request.notebook,
        output=request.output,
        deadline=None if request.timeout is None else begun + request.timeout,
        timeout=request.timeout,
    )
    execute_notebook(
        _literal(files.submitted(request)),
        _literal(files.executed(request)),
        code.values_for(request.kernel.language, decode(request.parameters)),
        engine_name=engine.ENGINE,
        kernel_name=request.kernel.name,
        language=request.kernel.language,
        progress_bar=False,
        log_output=False,
        cwd=request.cwd or str(Path(request.notebook).parent),
        watch=watch,
    )


def _literal(path: Path) -> str:
    """A path that papermill does not take for a template."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _failure(error: Exception, total: int | None, log: TextIO) -> Failure:
    if isinstance(error, CommandFailed):
        return error.failure
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        return Failure(
            error.ename,
            plain(error.evalue),
            cell=error.cell_index + 1,
            total=total,
            execution=error.exec_count,
            source=error.source,
            traceback=plain("\n".join(error.traceback)),
        )
    import traceback

    text = plain("".join(traceback.format_exception(error)))
    log.write(text)
    return Failure(type(error).__name__, plain(str(error)), traceback=text)


def _delivered(files: Folder, request: Request, outcome: Outcome) -> tuple[Outcome, Path]:
    """Put the executed notebook where it was asked for, whole or not at all."""
    if request.command:
        return outcome, Path(request.output)
    executed, output = files.executed(request), Path(request.output)
    if output == executed or not executed.exists():
        return outcome, executed
    try:
        with replacing(output) as temporary, writing(output):
            shutil.copyfile(executed, temporary)
    except NotWritable as error:
        failure = outcome.error or Failure("NotWritable", f"{error}; the executed notebook is {executed}")
        return Outcome(FAILED, failure), executed
    return outcome, output


def _published(files: Folder, outcome: Outcome) -> tuple[Outcome, Declared]:
    """Publish what the run declared if it succeeded; from here on it has, whatever becomes of this process."""
    outputs = Outputs(files.path)
    if outcome.status == SUCCEEDED:
        try:
            return outcome, outputs.publish()
        except NotWritable as error:
            outcome = Outcome(FAILED, Failure("NotWritable", str(error)))
    outputs.set_aside()
    return outcome, Declared()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

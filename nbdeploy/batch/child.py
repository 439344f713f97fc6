"""The process of one run: ``python -m nbdeploy.batch.child <run folder>``.

It alone says how the run goes and how it ended, in the run's folder and in the database;
nobody needs to wait for it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from nbdeploy.batch import commands
from nbdeploy.batch.failure import Failed, Failure, plain
from nbdeploy.batch.folder import Folder, Request
from nbdeploy.batch.ledger import Ledger, stopped
from nbdeploy.batch.memory import Meter, Pulse, size
from nbdeploy.batch.outputs import Declared, Outputs
from nbdeploy.batch.processes import Worker
from nbdeploy.batch.queue.beating import beating
from nbdeploy.batch.record import FAILED, STOPPED, SUCCEEDED
from nbdeploy.batch.reporter import Reporter
from nbdeploy.batch.strays import adopt_orphans, end_strays
from nbdeploy.batch.transcript import Transcript
from nbdeploy.batch.watch import Watch
from nbdeploy.errors import NotWritable
from nbdeploy.files import replacing, writing
from nbdeploy.survival import SURVIVES

__all__ = ["main"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    status: str
    error: Failure | None = None


class Child:
    """What executes one run.

    Parameters
    ----------
    files : Folder
        The run's.
    begun : float
        When it began, by :func:`time.monotonic`.
    """

    def __init__(self, files: Folder, begun: float) -> None:
        self.files = files
        self.request = files.read()
        self.begun = begun
        self.log = Transcript(sys.stdout)
        self.meter = Meter()
        self.reporter = Reporter(files, self.log, self.meter)

    def outcome(self) -> Outcome:
        """Execute the run, and end all that it started."""
        try:
            with Pulse(self.meter.sample, self.log.look, self.reporter.look):
                self._execute()
        except Exception as error:
            return Outcome(FAILED, self._failure(error))
        finally:
            for stray in end_strays():
                self.log.line(f"{stray} was left behind, and has been ended")
            self.log.finish()
        return Outcome(SUCCEEDED)

    def _execute(self) -> None:
        Outputs(self.files.path).begin()
        if self.request.command:
            commands.execute(self.request, self.files, self.begun)
        else:
            from nbdeploy.batch import execution

            execution.execute(self.files, self.request, self._watch())

    def _watch(self) -> Watch:
        request = self.request
        return Watch(
            self.reporter.cell,
            self.log,
            own=request.kernel.own,
            deadline=None if request.timeout is None else self.begun + request.timeout,
            timeout=request.timeout,
            cell_timeout=request.cell_timeout,
            memory=lambda: f"; the run took {size(self.meter.last)} of memory then, {size(self.meter.peak)} at most",
            said=lambda: self.files.log.read_text(encoding="utf-8", errors="replace"),
        )

    def _failure(self, error: Exception) -> Failure:
        if isinstance(error, Failed):
            if error.failure.cell is None:
                self.log.line(f"{error.failure.name}: {error.failure.message}")
            return error.failure
        text = plain("".join(traceback.format_exception(error)))
        self.log.line(text)
        return Failure(type(error).__name__, plain(str(error)), traceback=text)


def main(folder: Path) -> int:
    """Execute the run of a folder, and record how it ended.

    Returns
    -------
    int
        Exit status: 0 if the run succeeded.
    """
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, _stop)
    os.environ.pop(SURVIVES, None)
    adopt_orphans()
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    child = Child(Folder(folder), begun)
    request = child.request
    with Ledger(os.environ["NBDEPLOY_DB"]) as ledger, beating(ledger, request.run):
        try:
            if not ledger.start(request.run, Worker.of()):
                return 1
            outcome = child.outcome()
        except KeyboardInterrupt:
            ends_as = ledger.ends_as(request.run) or STOPPED
            outcome = Outcome(ends_as, stopped(ends_as))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        outcome, output = _delivered(child.files, request, outcome)
        outcome, declared = _published(child.files, outcome)
        ledger.finish(request.run, outcome.status, outcome.error, output, declared, child.meter.peak)
    return 0 if outcome.status == SUCCEEDED else 1


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # who asks again does not hurry what puts things in order
    raise KeyboardInterrupt


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

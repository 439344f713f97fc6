"""The process of one run: ``python -m nbdeploy.batch.executing.child <run folder>``.

It alone says how the run goes and how it ended, in the run's folder and in the database;
nobody needs to wait for it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nbdeploy.batch.checkpoints import Checkpoints, Resumption
from nbdeploy.batch.executing import commands
from nbdeploy.batch.executing.memory import Meter, Pulse
from nbdeploy.batch.executing.patience import patiently
from nbdeploy.batch.executing.reporter import Reporter
from nbdeploy.batch.executing.strays import adopt_orphans, end_strays
from nbdeploy.batch.executing.transcript import Transcript
from nbdeploy.batch.executing.watch import Watch
from nbdeploy.batch.failure import Failed, Failure, plain
from nbdeploy.batch.folder import LATER, Folder, Request
from nbdeploy.batch.ledger import Ledger, stopped
from nbdeploy.batch.notifying import tell
from nbdeploy.batch.outputs import Declared, Outputs, Staging
from nbdeploy.batch.parameters import Mask, decode, secrets_of
from nbdeploy.batch.processes import Worker
from nbdeploy.batch.queue.beating import beating
from nbdeploy.batch.queue.station import Station
from nbdeploy.batch.record import FAILED, STOPPED, SUCCEEDED
from nbdeploy.batch.retrying import Attempt
from nbdeploy.cards.wording import size
from nbdeploy.errors import NbdeployError, NotWritable
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
    ledger : Ledger
        The database.
    begun : float
        When it began, by :func:`time.monotonic`.
    """

    def __init__(self, files: Folder, ledger: Ledger, begun: float) -> None:
        self.files = files
        self.ledger = ledger
        self.request = files.read()
        self.begun = begun
        self.log = Transcript(sys.stdout)
        self.mask = Mask()
        self.meter = Meter()
        before = ledger.last_success(self.request.notebook) if self.request.notebook else None
        self.reporter = Reporter(files, self.log, self.meter, [] if before is None else Folder(before).durations())
        self.checkpoints = Checkpoints(files.path)

    def outcome(self) -> Outcome:
        """Execute the run, again if it was asked for, until an attempt succeeds."""
        number = 1
        with Pulse(self.meter.sample, self.log.look, self.reporter.look):
            while (ended := self._attempt(number)) is None:
                number += 1
        return ended

    def _attempt(self, number: int) -> Outcome | None:
        """Make one attempt, with processes of its own; None if another one is to follow, after its wait."""
        begun, started, log = time.monotonic(), datetime.now(UTC), self._logged()
        if number > 1:
            self.ledger.attempt(self.request.run, number)
            self.log.heading(f"attempt {number} of {self.request.retries + 1}")
        self.reporter.attempt = number
        failure = self._failed()
        self.checkpoints.forget_unfinished()
        wait = None if failure is None else self._wait(number, failure)
        kept = str(self.files.executed(self.request)) if wait is None else self.files.keep_attempt(self.request, number)
        took = round(time.monotonic() - begun, 3)
        told = Attempt(number, started.isoformat(timespec="milliseconds"), took, failure, (log, self._logged()), kept)
        self.files.attempts().add(told)
        if failure is None:
            self.checkpoints.forget()
            return Outcome(SUCCEEDED)
        if wait is None:
            return Outcome(FAILED, failure)
        self.checkpoints.show_as(self.files.executed(self.request))
        self._pause(number, wait, failure)
        return None

    def _failed(self) -> Failure | None:
        """Execute the run once, and end all that it started; why it failed, if it did."""
        try:
            self._execute()
        except Exception as error:
            return self._failure(error)
        finally:
            for stray in end_strays():
                self.log.line(f"{stray} was left behind, and has been ended")
            self.log.finish()
        return None

    def _wait(self, attempt: int, failure: Failure) -> float | None:
        wait = self.request.retrying.again(attempt, failure)
        if wait is None or self.request.timeout is None:
            return wait
        left = self.begun + self.request.timeout - time.monotonic()
        return wait if wait < left else None

    def _pause(self, attempt: int, wait: float, failure: Failure) -> None:
        what = f"attempt {attempt + 1} of {self.request.retries + 1} begins in {wait:g} s, after {failure.name}"
        self.log.heading(what)
        self.reporter.pause(what)
        time.sleep(wait)

    def _logged(self) -> int:
        return self.files.log.stat().st_size

    def _execute(self) -> None:
        resumption = self.checkpoints.resumption(self._from())
        if resumption is None:
            Outputs(self.files.path).begin()
        if self.request.command:
            commands.execute(self.request, self.files, self.begun)
        else:
            from nbdeploy.batch.executing import execution

            execution.execute(self.files, self.request, self._watch(resumption))
            if self.request.report not in {"", LATER}:
                Staging(Outputs(self.files.path).staged).add(self.report(), "report")

    def report(self) -> Path:
        """Write the report of the run."""
        from nbdeploy.batch.report import write_report

        notebook = Path(self.request.notebook)
        code = self.request.report != "no-input"
        place = self.files.report(notebook, code)
        write_report(self.files.executed(self.request), place, folder=notebook.parent, code=code)
        return place

    def report_later(self) -> None:
        """Write the report of a run that has ended and is recorded: nobody waits for it, and others come first."""
        if self.request.report == LATER and self.files.executed(self.request).exists():
            with contextlib.suppress(OSError, NbdeployError):
                os.nice(19)
                self.report()

    def _from(self) -> str:
        """What an execution goes on from that does not begin at the start."""
        if self.reporter.attempt > 1:
            return f"restored from attempt {self.reporter.attempt - 1}"
        return f"restored from run {self.request.resumes}"

    def _watch(self, resumption: Resumption | None) -> Watch:
        request = self.request
        secrets = secrets_of(decode(request.parameters))
        self.mask = Mask(secrets.values())
        return Watch(
            self.reporter.cell,
            self.log,
            own=request.kernel.own,
            deadline=None if request.timeout is None else self.begun + request.timeout,
            timeout=request.timeout,
            cell_timeout=request.cell_timeout,
            memory=lambda: f"; the run took {size(self.meter.lately)} of memory then, {size(self.meter.peak)} at most",
            said=lambda: self.files.log.read_text(encoding="utf-8", errors="replace"),
            kernel=request.kernel,
            secrets=secrets,
            mask=self.mask,
            ended=self.checkpoints.note,
            resumption=resumption,
        )

    def _failure(self, error: Exception) -> Failure:
        if isinstance(error, Failed):
            failure = self._masked(error.failure)
            if failure.cell is None:
                self.log.line(f"{failure.name}: {failure.message}")
            return failure
        text = plain("".join(traceback.format_exception(error)))
        failure = self._masked(Failure(type(error).__name__, plain(str(error)), traceback=text))
        self.log.line(failure.traceback)
        return failure

    def _masked(self, failure: Failure) -> Failure:
        return Failure.of(self.mask.document(failure.document()))


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
    with Ledger(os.environ["NBDEPLOY_DB"], tell) as ledger, beating(ledger, folder.name):
        child = Child(Folder(folder), ledger, begun)
        request = child.request
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
        facts = (outcome.status, outcome.error, output, declared, child.meter.peak)
        patiently(lambda: ledger.finish(request.run, *facts))
        with contextlib.suppress(OSError):  # the next one need not wait until this process is cleared away
            Station(folder.parent.parent, ledger.url).ring()
    child.report_later()
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

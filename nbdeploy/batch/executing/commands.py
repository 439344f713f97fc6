"""Runs that are a command: a program of ours that tells its progress and its result as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import IO, Any

from nbdeploy.batch.failure import Failed, Failure, plain
from nbdeploy.batch.folder import Folder, Request
from nbdeploy.types import Progress

__all__ = ["execute"]

_GRACE = 10.0
"""Seconds in which a command that is to stop may put things in order."""


def execute(request: Request, files: Folder, begun: float) -> None:
    """Execute the command of a run; what it says goes into the log, what it answers into ``result.json``.

    Parameters
    ----------
    request : Request
        Names the command, where it runs, and how long it may take.
    files : Folder
        Where progress and result go.
    begun : float
        When the run began, by :func:`time.monotonic`.

    Raises
    ------
    Failed
        If its exit status is not 0, or it took too long.
    """
    result = files.path / "result.json"
    with result.open("wb") as answer:
        process = subprocess.Popen(
            request.command, cwd=request.cwd, stdin=subprocess.DEVNULL, stdout=answer, stderr=subprocess.PIPE
        )
        with _ended(process), _followed(process, files) as last:
            left = None if request.timeout is None else max(0.0, begun + request.timeout - time.monotonic())
            try:
                status = process.wait(left)
            except subprocess.TimeoutExpired:
                message = f"the run took longer than its timeout of {request.timeout:g} s"
                raise Failed(Failure("Timeout", message)) from None
    if status:
        raise Failed(_why(status, result.read_bytes(), last))


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """The process has ended after the block, whatever ends the block."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _followed(process: subprocess.Popen[bytes], files: Folder) -> Iterator[list[str]]:
    """Pass on what a process says while it runs; the block gets its last line of words."""
    last: list[str] = []
    assert process.stderr is not None  # noqa: S101 - a pipe was asked for
    thread = threading.Thread(target=_follow, args=(process.stderr, files, last), daemon=True)
    thread.start()
    try:
        yield last
    finally:
        if process.poll() is not None:
            thread.join(_GRACE)


def _follow(said: IO[bytes], files: Folder, last: list[str]) -> None:
    with files.events.open("a", encoding="utf-8", buffering=1) as events:
        for line in said:
            text = plain(line.decode(errors="replace")).rstrip()
            step = _step(text)
            if step is not None:
                events.write(json.dumps({**asdict(step), "facts": None}) + "\n")
            elif text:
                last[:] = [text]
                sys.stdout.write(text + "\n")


def _step(line: str) -> Progress | None:
    with suppress(ValueError, TypeError, AttributeError):
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "progress":
            return Progress(event["done"], event["total"], event["unit"], event["message"])
    return None


def _why(status: int, answer: bytes, last: list[str]) -> Failure:
    """An error tells itself as JSON; a result with failed parts, or a crash, by its last line."""
    document: Any = {}
    with suppress(ValueError):
        document = json.loads(answer)
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        return Failure(str(document.get("type", "Error")), document["error"])
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return Failure("CommandFailed", f"{last[0]} ({how})" if last else f"ended with {how}")

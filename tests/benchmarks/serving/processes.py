"""Servers as processes: started, waited for until they answer, stopped with all that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.benchmarks.serving.peers import Ask

__all__ = ["NotServing", "answer", "free_port", "serving"]

_PATIENCE = 120.0


class NotServing(Exception):
    """A server does not start, or does not answer what it is asked; the text says why."""


def free_port() -> int:
    """Return a port that is free, as are a few after it with good luck."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(port: int, ask: Ask) -> bytes:
    """Send a request once, and return the body of the answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{ask.path}", ask.body, dict(ask.headers))
    with urllib.request.urlopen(request, timeout=30) as got:
        body: bytes = got.read()
    return body


@contextlib.contextmanager
def serving(
    commands: Sequence[Sequence[str]], environ: Mapping[str, str], log: Path, port: int, ask: Ask
) -> Iterator[bytes]:
    """Run commands, the last of which serves, until the block ends; the answer to a first request is given.

    Raises
    ------
    NotServing
        If it ends, or has not answered in two minutes.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        environment = {**os.environ, **environ}
        for command in commands[:-1]:
            if subprocess.run(command, env=environment, stdout=out, stderr=out, check=False).returncode:
                raise NotServing(_last(log))
        process = subprocess.Popen(commands[-1], env=environment, stdout=out, stderr=out, start_new_session=True)
        try:
            yield _first(process, port, ask, log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _first(process: subprocess.Popen[bytes], port: int, ask: Ask, log: Path) -> bytes:
    told, until = "", time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise NotServing(f"it ended: {_last(log)}")
        try:
            return answer(port, ask)
        except urllib.error.HTTPError as error:
            told = f"status {error.code}: {error.read()[:200]!r}"
            if error.code in {400, 404, 405, 415, 422, 500}:
                time.sleep(2)  # some answer so while they load
                until = min(until, time.monotonic() + 20)
        except OSError as error:
            told = str(error)
        time.sleep(0.2)
    raise NotServing(told)


def _last(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"

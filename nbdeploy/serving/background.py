"""Endpoints in the background: started, found and stopped by their home."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import psutil

from nbdeploy.errors import Conflict, NbdeployError, Unreachable, WrongUsage
from nbdeploy.serving.home import Home, Running
from nbdeploy.serving.options import SECRETS, Options
from nbdeploy.serving.results import Endpoint, Stopped
from nbdeploy.settings import Settings
from nbdeploy.survival import survivor
from nbdeploy.types import Progress, Report, ignore_progress
from nbdeploy.wire import routes
from nbdeploy.wire.client import Client

__all__ = ["running", "start", "stop"]

START_SECONDS = 120.0
STOP_SECONDS = 20.0
_POLL_SECONDS = 0.03


def running(home: Path) -> Endpoint | None:
    """Return the endpoint that runs on a folder, if one does."""
    found = Home(home).running()
    return Endpoint.of(found, str(home.absolute()), started=False) if found else None


def start(
    home: Path, settings: Settings, options: Options | None = None, progress: Report = ignore_progress
) -> Endpoint:
    """Start an endpoint that survives the caller, and wait until it answers.

    Parameters
    ----------
    home : Path
        The folder of its state.
    settings : Settings
        Whose ``targets.toml`` it registers in.
    options : Options, optional
        Where it listens; a free port of 127.0.0.1 if not given.
    progress : callable
        Told while it starts.

    Returns
    -------
    Endpoint
        The one that was started, or that ran already.

    Raises
    ------
    Unreachable
        If it ends at once or does not answer; the message has the end of its log.
    """
    options = options or Options(port=0)
    place = Home(home)
    with place.starting():
        found = place.running()
        if found is not None:
            return Endpoint.of(found, str(place.folder), started=False)
        progress(Progress(message=f"starting an endpoint in {place.folder}"))
        begin = place.log.stat().st_size if place.log.exists() else 0
        pid = _launch(place, settings, options)
        found = _wait_for(place, pid, begin)
        progress(Progress(1, 1, message=f"the endpoint answers at {found.url}"))
        return Endpoint.of(found, str(place.folder), started=True)


def stop(home: Path, progress: Report = ignore_progress) -> Stopped:
    """Stop the endpoint that runs on a folder, after it has answered what it was asked.

    Raises
    ------
    Conflict
        If the process belongs to somebody else.
    """
    place = Home(home)
    found = place.running()
    if found is None:
        return Stopped(str(place.folder), None, None)
    progress(Progress(message=f"stopping process {found.pid}"))
    try:
        process = psutil.Process(found.pid)
        process.terminate()
        if not _gone(found, STOP_SECONDS):
            process.kill()
            _gone(found, STOP_SECONDS)
    except psutil.AccessDenied as error:
        raise Conflict(f"process {found.pid} belongs to another user; ask them to stop it", pid=found.pid) from error
    except psutil.NoSuchProcess:
        pass
    place.depart()
    return Stopped(str(place.folder), found.url, found.pid)


def _launch(place: Home, settings: Settings, options: Options) -> int:
    """``-P``: the notebook's folder is not searched for modules, whatever its files are named."""
    python = [sys.executable, "-P", "-m"]
    secrets = {variable: getattr(options, name) for name, variable in SECRETS.items() if getattr(options, name)}
    environment = {**survivor(), **secrets}
    given = [f"--home={place.folder}", f"--connections={settings.home}", f"--options={_as_json(options)}"]
    server = [*python, "nbdeploy.serving.server", *given]
    launcher = [*python, "nbdeploy.serving.launcher", str(place.log), *server]
    done = subprocess.run(launcher, cwd=place.folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout.strip().isdecimal():
        raise Unreachable(f"the endpoint could not be started: {done.stderr.strip()[-2000:]}")
    return int(done.stdout)


def _as_json(options: Options) -> str:
    nothing: dict[str, Any] = dict.fromkeys(SECRETS, "")
    return msgspec.json.encode(replace(options, **nothing)).decode()


def _wait_for(place: Home, pid: int, begin: int) -> Running:
    for _ in _until(START_SECONDS):
        found = place.running()
        if found is not None and found.pid == pid and _answers(found):
            return found
        if not _is_alive(pid):
            raise _failed(place, begin)
    with contextlib.suppress(psutil.Error):
        psutil.Process(pid).terminate()
    raise Unreachable(f"the endpoint did not answer within {START_SECONDS:g} s; its log: {place.log}")


def _failed(place: Home, begin: int) -> NbdeployError:
    """The server's last line is its message, if it was one of ours."""
    with place.log.open("rb") as log:
        log.seek(begin)
        tail = log.read().decode(errors="replace").strip()
    last = tail.splitlines()[-1] if tail else "it left no message"
    if "Traceback" not in tail:
        return WrongUsage(f"the endpoint did not start: {last}", log=str(place.log))
    return Unreachable(f"the endpoint ended while starting; the end of {place.log}:\n{tail[-2000:]}")


def _answers(found: Running) -> bool:
    try:
        with Client(found.url, seconds=5, fingerprint=found.fingerprint) as client:
            client.request("GET", routes.LIVE)
    except NbdeployError:
        return False
    return True


def _gone(found: Running, seconds: float) -> bool:
    return any(not found.alive for _ in _until(seconds))


def _is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _until(seconds: float) -> Iterator[None]:
    """Look again and again, for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(_POLL_SECONDS)

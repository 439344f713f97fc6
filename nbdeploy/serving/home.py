"""The endpoint's folder: who runs on it, what is deployed, where uploads land.

::

    endpoint.json            who runs now; absent when nobody does
    endpoint.lock            held by the running server
    audit.jsonl              who changed what; see nbdeploy.serving.guard.audit
    server.log               output of a server in the background
    deployments/<m>.json     what each deployment serves, and what it served
    store/                   the endpoint's own snapshot store
    identity                 whose rows are its own in a database that endpoints share
    nbdeploy.db              predictions and acts; see nbdeploy.serving.prediction_log
    tokens/                  see nbdeploy.serving.guard.tokens
    environments/            what versions run in whose packages are others than the endpoint's own
    run/                     what the processes of a running server share; emptied when one starts
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import psutil
from filelock import FileLock, Timeout

from nbdeploy.errors import Conflict, NotWritable
from nbdeploy.files import write_atomically
from nbdeploy.hints import typed
from nbdeploy.wire.messages import Deployment

__all__ = ["Home", "Running", "began"]

_UPLOAD = ".upload-"


class Running(msgspec.Struct, frozen=True):
    """A server at work: ``endpoint.json``.

    Attributes
    ----------
    pid : int
        Its process.
    create_time : float
        When that process began, as process numbers are used again; in seconds since the machine did, as clocks jump.
    url : str
        Where it answers, for clients on the same machine.
    started : str
        UTC, ISO 8601.
    version : str
        Version of nbdeploy.
    target : str
        Its name in ``targets.toml``; empty if it is not there.
    fingerprint : str or None
        SHA-256 of its certificate, if it has one.
    grpc : str
        Host and port where it answers gRPC; empty if it does not.
    """

    pid: int
    create_time: float
    url: str
    started: str
    version: str
    target: str = ""
    fingerprint: str | None = None
    grpc: str = ""

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        try:
            same = abs(began(self.pid) - self.create_time) < 1
            return same and bool(psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False


def began(pid: int) -> float:
    """Return when a process began, in seconds since the machine did.

    Raises
    ------
    psutil.Error
        If there is none of that number.
    """
    boot = psutil.boot_time()  # first: both follow the clock, and their difference does not
    return float(psutil.Process(pid).create_time()) - float(boot)


class Home:
    """The folder that holds an endpoint's state.

    Parameters
    ----------
    folder : Path
        Made if it is absent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._endpoint = self.folder / "endpoint.json"

    @property
    def store(self) -> Path:
        """The endpoint's own snapshot store."""
        return self.folder / "store"

    @property
    def cache(self) -> Path:
        """Bundles unpacked for loading."""
        return self.folder / "cache"

    @property
    def identity(self) -> str:
        """What tells this endpoint from others whose log is in the same database; made once."""
        path = self.folder / "identity"
        try:
            return path.read_text()
        except FileNotFoundError:
            self.make()
            write_atomically(path, secrets.token_hex(8).encode(), mode=0o600)
            return path.read_text()

    @property
    def database(self) -> str:
        """The database of predictions and acts, if it is not elsewhere."""
        return f"sqlite:///{self.folder / 'nbdeploy.db'}"

    @property
    def log(self) -> Path:
        """Output of a server in the background."""
        return self.folder / "server.log"

    @property
    def environments(self) -> Path:
        """Environments of versions, which can be made again."""
        return self.folder / "environments"

    @property
    def run(self) -> Path:
        """What the processes of a running server share."""
        return self.folder / "run"

    def make(self) -> None:
        """Make the folder, readable by its owner only.

        Raises
        ------
        NotWritable
            If it cannot be made or written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise NotWritable(f"{self.folder} cannot be made: {error.strerror or error}") from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise NotWritable(f"{self.folder} cannot be written; give another with --home")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one server.

        Raises
        ------
        Conflict
            If another server holds it; the message says which.
        """
        self.make()
        lock = FileLock(self.folder / "endpoint.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            running = self.running()
            who = f"process {running.pid} at {running.url}" if running else "a process that is starting or stopping"
            raise Conflict(
                f"an endpoint runs on {self.folder} already: {who}; stop it with: {typed('serve --stop')}, "
                "or give another folder with --home",
                home=str(self.folder),
            ) from None
        for left in self.folder.glob(f"{_UPLOAD}*"):
            shutil.rmtree(left, ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def upload(self) -> Iterator[Path]:
        """Give the path of a file to write, which is gone afterwards.

        Raises
        ------
        NotWritable
            If the disk is full, or the folder cannot be written.
        """
        try:
            with TemporaryDirectory(dir=self.folder, prefix=_UPLOAD) as folder:
                yield Path(folder, "part")
        except OSError as error:
            raise NotWritable(f"the endpoint cannot store the file: {error.strerror or error}") from error

    def starting(self) -> FileLock:
        """Lock that lets one process at a time start a server in the background."""
        self.make()
        return FileLock(self.folder / "start.lock")

    def running(self) -> Running | None:
        """Return who runs here now, if anybody does."""
        try:
            running = msgspec.json.decode(self._endpoint.read_bytes(), type=Running)
        except (OSError, msgspec.DecodeError):
            return None
        return running if running.alive else None

    @property
    def cut_off(self) -> bool:
        """Whether the last server here was killed; only for who holds the folder."""
        return self._endpoint.exists()

    def announce(self, running: Running) -> None:
        """Write who runs here."""
        write_atomically(self._endpoint, msgspec.json.encode(running), mode=0o600)

    def depart(self) -> None:
        """Remove what :meth:`announce` wrote."""
        self._endpoint.unlink(missing_ok=True)

    def deployments(self) -> list[Deployment]:
        """Return what is deployed, as it was last kept."""
        return [_read(path) for path in sorted((self.folder / "deployments").glob("*.json"))]

    def keep(self, deployment: Deployment) -> None:
        """Keep the state of a deployment."""
        path = self._path(deployment.name)
        write_atomically(path, msgspec.json.format(msgspec.json.encode(deployment)) + b"\n", mode=0o600)

    def forget(self, name: str) -> None:
        """Remove the state of a deployment."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / "deployments" / f"{name}.json"


def _read(path: Path) -> Deployment:
    """A file that cannot be read is a deployment that failed, and not the end of all others."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Deployment)
    except (OSError, msgspec.DecodeError) as error:
        reason = f"its state in {path} cannot be read: {error}; push it again"
        return Deployment(name=path.stem, state="failed", serving=[], reason=reason)

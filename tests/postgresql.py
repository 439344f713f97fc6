"""A PostgreSQL server of the tests' own: on loopback, in a temporary folder, stopped by its pid."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

__all__ = ["PASSWORD", "Server"]

PASSWORD = "s3cret-pass/word"
_SECONDS = 60


class Server:
    """A server. It refuses to run as root, so that root's is run by the user that the package makes.

    Parameters
    ----------
    folder : Path
        Where its data goes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._as_user: dict[str, Any] = {"cwd": folder}
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._as_user |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        password = folder / "password"
        password.write_text(PASSWORD)
        command = [_program("initdb"), "-D", "data", "-U", "tester", "--auth=scram-sha-256", "--pwfile=password", "-N"]
        subprocess.run([*command, "-E", "UTF8", "--locale=C"], check=True, capture_output=True, **self._as_user)
        self.port = _free_port()
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        place = ["-D", "data", "-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program("postgres"), *place, "-c", "fsync=off"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._as_user,
            )
        until = time.monotonic() + _SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        """Stop it as a machine that loses power does: nothing is said to its clients."""
        self._stop(signal.SIGQUIT)

    def stop(self) -> None:
        """Stop it in order, ending all connections."""
        self._stop(signal.SIGINT)

    def url(self, name: str) -> str:
        """Return the address of a database, with the password."""
        return f"postgresql://tester:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{self.port}/{name}"

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """A database that is empty, and goes when the block ends."""
        name = f"db_{secrets.token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _stop(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self._process.wait(_SECONDS)


def _program(name: str) -> str:
    """A program of the server; Debian keeps most of them out of the path, by version."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    found = str(kept[-1]) if kept else shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed; tests/run installs the package postgresql")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server for the length of a block. Its folder's path is short, as that of a socket must be."""
    folder = Path(tempfile.mkdtemp(prefix="nbdeploy-pg-", dir="/tmp"))
    try:
        server = Server(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

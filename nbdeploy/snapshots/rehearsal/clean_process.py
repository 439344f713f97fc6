"""A clean interpreter: started early, given one bundle to rehearse, and gone whatever happens."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import site
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from nbdeploy.files import TemporaryFolder

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ANSWERED", "PROVEN", "SAMPLE", "CleanProcess"]

ANSWERED = "answered.json"
PROVEN = "proven.json"
SAMPLE = "sample.parquet"
_TIMEOUT = 900
_GLANCE = 0.02


class CleanProcess:
    """A Python process in an empty folder, with the interpreter's own site paths and nothing else.

    It is a session of its own: an interrupt of the notebook reaches the notebook only, which then ends it here.

    Parameters
    ----------
    flavor : str
        Whose libraries it imports while it waits.
    python : Path, optional
        The interpreter; the running one by default.

    Attributes
    ----------
    folder : Path
        Where the answers are written; gone when the process is.
    isolation : str
        ``network-namespace`` or ``audit-hook``: how the network is denied.
    """

    def __init__(self, flavor: str, python: Path | None = None) -> None:
        self.isolation = "network-namespace" if _namespaces_work() else "audit-hook"
        self._command = [str(python or sys.executable), "-P", "-m", "nbdeploy.snapshots.rehearsal.process", flavor]
        if self.isolation == "network-namespace":
            self._command = ["unshare", "--map-root-user", "--net", *self._command]
        self._own = python is None

    def __enter__(self) -> CleanProcess:
        self._exit = contextlib.ExitStack()
        with self._exit:
            self.folder = Path(self._exit.enter_context(TemporaryFolder(prefix="nbdeploy-")))
            empty = self.folder / "cwd"
            empty.mkdir()
            self._said = self._exit.enter_context((self.folder / "stderr").open("w+b"))
            self._process = subprocess.Popen(
                self._command,
                cwd=empty,
                env=_environment(self._own),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                start_new_session=True,
            )
            self._exit.callback(self._end)
            self._exit = self._exit.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def begin(
        self, bundle: Path, sample: pl.DataFrame, packages: Collection[str] = (), twin: bool | str = False
    ) -> None:
        """Have a bundle rehearsed.

        Parameters
        ----------
        bundle : Path
            The bundle's folder.
        sample : polars.DataFrame
            The rows to ask it for.
        packages : collection of str
            Top-level packages that the model is made of.
        twin : bool or str
            Whether to look for a compiled twin and prove it, or by which compiler only.
        """
        sample.write_parquet(self.folder / SAMPLE)
        task = {"bundle": str(bundle), "out": str(self.folder), "packages": sorted(packages), "twin": twin}
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 - it was asked for
        # The pipe stays open: its end tells the process that nobody waits any more.
        with contextlib.suppress(BrokenPipeError):
            pipe.write(f"{json.dumps(task)}\n".encode())
            pipe.flush()

    def report(self, name: str) -> dict[str, Any]:
        """Wait for one of the things that the process reports of what :meth:`begin` began.

        Parameters
        ----------
        name : str
            ``ANSWERED``: :attr:`folder` has the answers; or ``PROVEN``: it has looked for a compiled twin.

        Returns
        -------
        dict
            The facts, or ``error`` and ``traceback``.
        """
        result, deadline = self.folder / name, time.monotonic() + _TIMEOUT
        status = None
        while status is None and not result.exists():
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(_GLANCE)
            if time.monotonic() > deadline:
                return {"error": f"the rehearsal took more than {_TIMEOUT} s", "traceback": ""}
        if not result.exists():
            said = (self.folder / "stderr").read_text(errors="replace").strip()
            tail = " ".join(said.splitlines()[-3:])
            return {"error": f"the process ended with status {status}: {tail}", "traceback": said}
        found: dict[str, Any] = json.loads(result.read_text())
        return found

    def _end(self) -> None:
        """End the process and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()


def _environment(own: bool) -> dict[str, str]:
    """Without ``PYTHONPATH``, unless nbdeploy itself is only found there."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    root = str(Path(__file__).parents[3])
    if own and root not in [*site.getsitepackages(), site.getusersitepackages()]:
        environment["PYTHONPATH"] = root
    return environment


@functools.cache
def _namespaces_work() -> bool:
    try:
        done = subprocess.run(
            ["unshare", "--map-root-user", "--net", "true"], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0

"""Jobs in processes of their own that can be killed, forked from one that has imported everything and run nothing."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.zygote import Serve, WorkerDied, Zygote

__all__ = ["Jobs", "jobs"]

_IMPORTED = (
    "adbc_driver_postgresql.dbapi",
    "duckdb",
    "nbdeploy.api",
    "nbdeploy.flavors.sklearn",
    "nbdeploy.offline.engines.local",
    "nbdeploy.tables.csv_files",
    "nbdeploy.tables.databases.duckdb_files",
    "nbdeploy.tables.databases.postgresql",
    "nbdeploy.tables.databases.sqlite_files",
    "obstore.store",
    "pandas",
    "skops.io",
    "sqlalchemy",
)


class Jobs:
    """Runs jobs in processes of their own.

    Parameters
    ----------
    zygote : Zygote
        What they are forked from.
    """

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote

    def run(self, after: int | None = None, **job: Any) -> int | None:
        """Run ``nd.predict(**job)``, killed by SIGKILL once it has told of so many rows.

        Returns
        -------
        int or None
            Rows that were predicted; None if it was killed.
        """
        return self._asked(self._zygote.fork(), after, job)

    def run_until(self, ready: Callable[[], bool], **job: Any) -> int | None:
        """Run ``nd.predict(**job)``, killed by SIGKILL from outside as soon as something is so. See :meth:`run`."""
        worker = self._zygote.fork()
        with ThreadPoolExecutor(1) as threads:
            asking = threads.submit(self._asked, worker, None, job)
            while not asking.done() and not ready():
                time.sleep(0.001)
            if not asking.done():
                os.kill(worker.pid, signal.SIGKILL)
            return asking.result()

    def _asked(self, worker: Any, after: int | None, job: dict[str, Any]) -> int | None:
        try:
            answer = worker.ask((str(Path.cwd()), os.environ["NBDEPLOY_HOME"], after, job))
        except WorkerDied as died:
            if died.facts["signal"] != signal.SIGKILL:
                raise
            return None
        finally:
            worker.connection.close()
        if isinstance(answer, Exception):
            raise answer
        return int(answer)


@pytest.fixture(scope="session")
def jobs() -> Iterator[Jobs]:
    """Runs jobs in processes of their own."""
    environment = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    with Zygote(f"{__name__}:prepare", {}, environment) as zygote:
        yield Jobs(zygote)


def prepare() -> Serve:
    """Import what jobs need."""
    for name in _IMPORTED:
        import_module(name)
    import nbdeploy as nd

    def serve(connection: Connection) -> None:
        folder, home, after, job = connection.recv()
        os.chdir(folder)
        os.environ["NBDEPLOY_HOME"] = home

        def told(step: Any) -> None:
            if after is not None and step.done >= after:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            connection.send(nd.predict(**job, progress=told).rows)
        except Exception as error:
            connection.send(error)

    return serve

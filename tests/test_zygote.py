"""Workers forked from a clean process: they answer, they share, they end with their caller."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from nbdeploy.errors import NbdeployError
from nbdeploy.zygote import WorkerDied, Zygote

SOURCE = """
import os, signal, time
from nbdeploy.errors import InvalidData

def prepare(greeting):
    if greeting == "refuse":
        raise InvalidData("there is nothing to prepare")
    if greeting == "sleep":
        time.sleep(60)
    ready = os.getpid()
    def serve(connection):
        while True:
            told = connection.recv()
            if told == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            connection.send((greeting, told, os.getpid(), ready))
    return serve
"""


@pytest.fixture(autouse=True)
def module() -> dict[str, str]:
    """A module that only the new process can import."""
    Path("answering.py").write_text(SOURCE)
    return {"PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}


def test_what_does_not_get_ready_in_time_is_ended(module: dict[str, str]) -> None:
    """However long it would have taken."""
    sleeper = Zygote("answering:prepare", {"greeting": "sleep"}, module, wait=False)
    with sleeper as zygote, pytest.raises(NbdeployError, match="not ready within 0"):
        zygote.wait(0.2)
    assert not psutil.pid_exists(zygote.pid)


def test_workers_answer_and_share_what_was_prepared(module: dict[str, str]) -> None:
    """Each is a process of its own; what they have was made once, in the one that they come from."""
    with Zygote("answering:prepare", {"greeting": "hello"}, module) as zygote:
        workers = [zygote.fork() for _ in range(3)]
        answers = [worker.ask(i) for i, worker in enumerate(workers)]
        assert [answer[:2] for answer in answers] == [("hello", 0), ("hello", 1), ("hello", 2)]
        assert len({answer[2] for answer in answers} | {os.getpid()}) == 4
        assert len({answer[3] for answer in answers} - {os.getpid()}) == 1
    for worker in workers:
        worker.connection.close()
        assert not psutil.pid_exists(worker.pid)


def test_a_worker_that_dies_says_of_what(module: dict[str, str]) -> None:
    """The signal, and what it usually means; the others go on."""
    with Zygote("answering:prepare", {"greeting": ""}, module) as zygote:
        one, other = zygote.fork(), zygote.fork()
        with pytest.raises(WorkerDied, match=r"killed by SIGKILL \(the system does that when memory runs out"):
            one.ask("die")
        assert other.ask("x")[1] == "x"
        one.connection.close()
        other.connection.close()


def test_what_cannot_be_prepared_is_refused_here(module: dict[str, str]) -> None:
    """The error of the other process is raised in this one."""
    with (
        pytest.raises(Exception, match="there is nothing to prepare"),
        Zygote("answering:prepare", {"greeting": "refuse"}, module),
    ):
        pass


def test_nothing_survives_a_killed_caller(module: dict[str, str]) -> None:
    """Zygote and workers end when the process that started them is killed."""
    program = (
        "import sys, time\nfrom nbdeploy.zygote import Zygote\n"
        "with Zygote('answering:prepare', {'greeting': ''}) as zygote:\n"
        "    worker = zygote.fork()\n    print(worker.ask(1)[2], worker.ask(1)[3], flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env={**os.environ, **module}
    ) as caller:
        assert caller.stdout is not None
        pids = [int(word) for word in caller.stdout.readline().split()]
        os.kill(caller.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)

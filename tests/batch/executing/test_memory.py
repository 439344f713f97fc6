"""Measuring what a run takes."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from nbdeploy.batch.executing.memory import Meter, Pulse, oom_kills


def test_what_a_process_started_counts_too() -> None:
    """The sum is of the whole tree, and its peak stays when it has ended."""
    meter = Meter()
    meter.sample()
    before = meter.last
    held = "held = bytearray(300_000_000); print(1, flush=True); input()"
    with Popen([sys.executable, "-c", held], stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        meter.sample()
        assert meter.last > before + 300_000_000
        process.communicate(b"\n")
    meter.sample()
    assert meter.last < before + 300_000_000
    assert meter.peak > 300_000_000


def test_a_pulse_beats_until_its_block_ends() -> None:
    """It calls again and again, in a thread of its own."""
    beaten, calls = threading.Event(), []

    def beat() -> None:
        calls.append(threading.current_thread())
        if len(calls) > 2:
            beaten.set()

    with Pulse(beat, seconds=0.01):
        assert beaten.wait(20)
    assert threading.current_thread() not in calls
    assert not calls[0].is_alive()


@pytest.mark.parametrize(
    ("group", "file", "text", "expected"),
    [
        ("0::/job\n", "sys/fs/cgroup/job/memory.events", "low 0\noom 3\noom_kill 2\n", 2),
        ("4:memory:/job\n1:cpu:/x\n0::/\n", "sys/fs/cgroup/memory/job/memory.oom_control", "oom_kill 1\n", 1),
        ("0::/of/the/host\n", "sys/fs/cgroup/memory.events", "oom_kill 4\n", 4),
        ("0::/job\n", "sys/fs/cgroup/other", "", 0),
    ],
)
def test_kills_of_the_system_are_counted(tmp_path: Path, group: str, file: str, text: str, expected: int) -> None:
    """Both versions of control groups tell; inside a container the path may be unknown."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(group)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    assert oom_kills(tmp_path) == expected

"""An interrupt stops a job cleanly, and says how to go on: in a terminal, and in a notebook."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from jupyter_client.manager import KernelManager

import nbdeploy as nd
from nbdeploy.offline.journal import place_of
from tests.models import NUMBERS, penguins

LEFT = [".out.csv.nbdeploy-journal", "in.csv"]


@pytest.fixture
def birds(stock: Path) -> int:
    """``in.csv``, which a forest takes some seconds for in small chunks; how many rows it has."""
    frame = penguins()[0][NUMBERS].fillna(0.0)
    pd.concat([frame] * 60).to_csv("in.csv", index=False)
    return 60 * len(frame)


def _is_begun() -> bool:
    journal = place_of(Path("out.csv"))
    return journal.exists() and journal.stat().st_size > 5_000


class _Terminal:
    """A terminal that a program runs in, and all that it shows."""

    def __init__(self, words: list[str]) -> None:
        self.shown = ""
        ours, theirs = pty.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self.job = subprocess.Popen(
            words,
            env={name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self._terminal = ours
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def press(self, keys: bytes) -> None:
        """Type something."""
        os.write(self._terminal, keys)

    def ended(self) -> int:
        """Wait for the program's exit status."""
        status = self.job.wait(60)
        self._reading.join()
        os.close(self._terminal)
        return status

    def _read(self) -> None:
        try:
            while some := os.read(self._terminal, 4096):
                self.shown += some.decode(errors="replace")
        except OSError:
            pass  # nobody has the other end open


@pytest.mark.parametrize("workers", ["1", "2"])
def test_control_c_keeps_what_is_done(birds: int, workers: str) -> None:
    """A bar with speed and time left, exit status 130, ``--resume`` named, nothing half-written, no process left."""
    words = ["predict", "forest", "in.csv", "--out", "out.csv", "--chunk", "50", "--workers", workers]
    terminal = _Terminal([sys.executable, "-m", "nbdeploy", *words])
    while terminal.job.poll() is None and not (_is_begun() and " left\r" in terminal.shown):
        time.sleep(0.001)
    started = psutil.Process(terminal.job.pid).children(recursive=True)
    terminal.press(b"\x03")
    assert terminal.ended() == 130, terminal.shown
    bar, _, last = terminal.shown.rstrip().rpartition("nbdeploy: ")
    assert {*bar} & {*"▏▎▍▌▋▊▉█"}
    assert f"of {birds:,} rows" in bar
    assert " left" in bar
    assert "out.csv is not written: the same command with --resume goes on" in last
    assert "\n" not in bar.replace("^C", ""), "the bar is drawn on one line, and taken away"
    assert "Traceback" not in terminal.shown
    assert sorted(p.name for p in Path().iterdir()) == LEFT
    assert not any(process.is_running() for process in started)
    assert nd.predict("forest", "in.csv", "out.csv", resume=True).rows == birds


def test_the_interrupt_of_a_cell_keeps_what_is_done(birds: int, tmp_path: Path) -> None:
    """In a real kernel: one line without a traceback, the kernel lives, and the next cell goes on."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")})
    client = manager.blocking_client()
    said: list[tuple[str, dict[str, Any]]] = []

    def run(code: str) -> dict[str, Any]:
        said.clear()
        reply: dict[str, Any] = client.execute_interactive(
            code, timeout=60, allow_stdin=True, output_hook=lambda m: said.append((m["msg_type"], m["content"]))
        )
        return reply["content"]

    def interrupt() -> None:
        while not _is_begun():
            time.sleep(0.001)
        os.killpg(manager.provisioner.pgid, signal.SIGINT)  # as a notebook server does

    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        assert run("%load_ext nbdeploy")["status"] == "ok"
        threading.Thread(target=interrupt, daemon=True).start()
        assert run("done = %deploy predict forest in.csv --out out.csv --chunk 50")["status"] == "error"
        told = "".join(content.get("text", "") for _, content in said)
        assert "rows; out.csv is not written: the same command with --resume goes on" in told
        assert not any(kind == "error" for kind, _ in said), said
        assert sorted(p.name for p in Path().iterdir()) == LEFT
        assert run("done = %deploy predict forest in.csv --out out.csv --resume")["status"] == "ok"
        assert run(f"assert done.rows == {birds} and not done.notices")["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        manager.context.destroy()
    nd.predict("forest", "in.csv", "whole.csv")
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()

"""The log's thread lets those go first that answer requests, as Linux itself tells it."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.serving.prediction_log import Writer
from nbdeploy.serving.prediction_log.priority import SLICE_NANOSECONDS, give_way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems are left as they are")


def test_a_thread_gives_way_and_others_do_not() -> None:
    """Threads are scheduled one by one."""
    assert _in_a_thread(lambda: (give_way(), os.sched_getscheduler(0))[1]) == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_its_slices_are_long_where_the_system_takes_that() -> None:
    """Without these, whoever wakes waits for the end of a slice."""
    slices = _in_a_thread(lambda: (give_way(), _slice())[1])
    assert slices == SLICE_NANOSECONDS or tuple(map(int, platform.release().split(".")[:2])) < (6, 12)


def test_the_writer_of_a_log_gives_way(tmp_path: Path) -> None:
    """Whatever takes long is done in its thread."""
    writer = Writer(f"sqlite:///{tmp_path}/log.db")
    writer.start()
    try:
        assert writer.flush(20)
        threads = [thread.native_id for thread in threading.enumerate() if thread.name == "prediction-log"]
        assert threads
        assert {os.sched_getscheduler(number) for number in threads if number} == {os.SCHED_BATCH}
    finally:
        writer.close()


def _in_a_thread(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _slice() -> int:
    """What ``sched_getattr`` tells of this thread."""
    found = ctypes.create_string_buffer(48)
    number = 315 if platform.machine() == "x86_64" else 275
    assert ctypes.CDLL(None).syscall(number, 0, found, 48, 0) == 0
    return int(struct.unpack("=IIQiIQQQ", found.raw)[5])

"""Waiting for runs that go on by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from nbdeploy import batch
from nbdeploy.settings import Settings

T = TypeVar("T")


def ended(settings: Settings, run: batch.Run, seconds: float = 120) -> batch.Run:
    """A run that goes on by itself, when it has ended."""
    until = time.monotonic() + seconds
    while not (found := batch.find(settings, run.id)).final:
        assert time.monotonic() < until, f"{found.line} after {seconds} s"
        time.sleep(0.05)
    return found


def until(look: Callable[[], T], seconds: float = 60) -> T:
    """What is seen at last that counts."""
    late = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < late, f"nothing in {seconds} s"
        time.sleep(0.02)
    return found

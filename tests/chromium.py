"""Chromium as the system has it, without a window."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """Start it; the test is skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium: install it with the system's package manager")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--disable-gpu", "--disable-quic"])
        yield opened
        opened.close()

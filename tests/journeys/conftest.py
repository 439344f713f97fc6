"""A real JupyterLab, and a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests import chromium
from tests.lab.server import JupyterProcess

VIEWPORT = {"width": 1280, "height": 1000}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a file."""
    with chromium.running() as opened:
        yield opened


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """JupyterLab as `pip install` of this project sets it up."""
    with JupyterProcess("jupyterlab", tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of its own for each test; how it looked at the end is in the test's folder."""
    context = browser.new_context(viewport=VIEWPORT)
    opened = context.new_page()
    yield opened
    opened.screenshot(path=tmp_path / "page.png")
    context.close()

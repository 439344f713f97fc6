"""Stores to test: an empty one in a folder, and a real server of the S3 protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbdeploy.store import Store
from tests.s3_server import mortal_s3, s3, s3_server

__all__ = ["mortal_s3", "s3", "s3_server", "store"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store in a folder."""
    return Store(str(tmp_path / "store"), tmp_path / "cache")

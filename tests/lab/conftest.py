"""One Jupyter server for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.server import JupyterProcess


@pytest.fixture(scope="package")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """A Jupyter server as `pip install` of this project sets it up."""
    with JupyterProcess("jupyter_server", tmp_path_factory.mktemp("jupyter")) as server:
        yield server

"""An endpoint of one worker, without a supervisor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbdeploy.serving.home import Home
from nbdeploy.serving.options import Options
from nbdeploy.serving.service import Service
from tests.serving.fast.told import Alone


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = Home(tmp_path_factory.mktemp("lanes") / "endpoint")
    home.make()
    made = Service(home, Options(anonymous="predict"), Alone())
    made.plane.new_id = lambda: "1" * 32
    yield made
    made.close()

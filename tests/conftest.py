"""Every test has a home of its own, and no settings from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from nbdeploy.hints import SHELL, type_as
from tests import postgresql
from tests.models import NOTEBOOK, PENGUINS, STOCK, populated

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# Processes of other tests take the processor, too: an example that takes long is no defect, here as in CI.
hypothesis.settings.register_profile(
    "beside others", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
if "CI" not in os.environ:
    hypothesis.settings.load_profile("beside others")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ``NBDEPLOY_HOME`` and an empty working directory."""
    for name in [name for name in os.environ if name.startswith("NBDEPLOY_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("NBDEPLOY_HOME", str(folder))
    monkeypatch.setenv("NBDEPLOY_REPORTS", "asked")  # few tests look at one
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return folder


@pytest.fixture
def script(home: Path) -> Callable[[str], dict[str, Any]]:
    """Run Python source as a program of its own; what it assigns to ``answer`` comes back as JSON."""

    def run(source: str) -> dict[str, Any]:
        path = home.parent / "script.py"
        head = f"PENGUINS = {str(PENGUINS)!r}\n"
        tail = "\nimport json, sys\njson.dump(answer, open('answer.json', 'w'), default=str)\n"
        path.write_text(head + source + tail)
        done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(Path("answer.json").read_text())
        return answer

    return run


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with ``lr``, ``forest`` (pure scikit-learn, numbers only) and ``species`` (notebook code) in it."""
    return populated(tmp_path_factory.mktemp("stocked"), f"{NOTEBOOK}\n{STOCK}")


@pytest.fixture
def stock(stocked: Path, home: Path) -> Path:
    """A home whose store has the snapshots of ``stocked``, free to change."""
    shutil.copytree(stocked, home / "store")
    return home


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A real IPython shell of its own, that leaves this process as it was."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    module = types.ModuleType("nbdeploy_test_notebook")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    made = InteractiveShell(config=config, ipython_dir=str(tmp_path / "ipython"), user_module=module, colors="nocolor")
    yield made
    made.restore_sys_module_state()
    type_as(SHELL)  # the extension says otherwise, to the whole process


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A PostgreSQL server of this session's own."""
    with postgresql.running() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: postgresql.Server) -> Iterator[str]:
    """The address of an empty PostgreSQL database, with its password."""
    with postgresql_server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind."""
    kind: str = request.param
    url: str = request.getfixturevalue("postgresql_url") if kind == "postgresql" else f"{kind}:///{tmp_path}/sales.db"
    return url

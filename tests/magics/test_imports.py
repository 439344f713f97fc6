from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = """
pandas sklearn numpy scipy polars pyarrow starlette uvicorn papermill nbformat nbclient sqlalchemy alembic obstore
requests skops ipywidgets tqdm treelite
"""

SHELL = """
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell(config=config)
before = set(sys.modules)
shell.run_cell("%load_ext nbdeploy").raise_error()
shell.run_cell("%deploy --version").raise_error()
"""


@pytest.mark.parametrize("code", ["import nbdeploy", "import nbdeploy.api, nbdeploy.commands", SHELL])
def test_starting_loads_nothing_heavy(code: str) -> None:
    """Neither the package, nor the command tree, nor the extension waits for what it may not need."""
    script = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "nbdeploy" in loaded
    assert loaded.isdisjoint(HEAVY.split())

"""What a rehearsed model may not read: files that are here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Script = Callable[[str], dict[str, Any]]

READING = """
import json, os, sqlite3, sys, tempfile
from pathlib import Path
from nbdeploy.snapshots.rehearsal.denials import deny

os.environ["HOME"] = os.getcwd()
for name in ("rates.csv", ".cache/fonts.json", "bundle/model.pkl", "mine/__init__.py", "mine/data.csv"):
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("1")
for name in ("rates.csv", "mine/data.csv"):
    os.utime(name, (1e9, 1e9))
sqlite3.connect("rates.db").execute("create table t (x int)")
os.utime("rates.db", (1e9, 1e9))
sys.path.pop(0)
deny([Path("bundle")])
sys.path.append(os.getcwd())
import mine
Path("written.txt").write_text("1")
own = tempfile.NamedTemporaryFile(mode="w+")

def said(read, *given):
    try:
        read(*given)
        return ""
    except (FileNotFoundError, PermissionError) as error:
        return str(error)

answer = {
    "own": said(open, os.path.abspath("rates.csv")),
    "own, by descriptor": said(os.open, "rates.csv", os.O_RDONLY),
    "own database": said(sqlite3.connect, "rates.db"),
    **{name: said(open, name) for name in (
        "written.txt", own.name, "bundle/model.pkl", ".cache/fonts.json", "mine/data.csv", json.__file__, os.devnull
    )},
    "to write": said(open, "rates.csv", "a"),
    "missing": said(open, "nowhere.csv"),
}
"""


@pytest.fixture
def said(script: Script) -> dict[str, str]:
    return script(READING)


def test_only_files_of_the_users_own_are_denied(said: dict[str, str], home: Path) -> None:
    """Whatever asks Python for them; packages, settings, what was just written and the bundle may be read."""
    denied = {name for name, error in said.items() if "does not travel with the snapshot" in error}
    assert denied == {"own", "own, by descriptor", "own database"}
    assert "rates.csv is a file of this machine" in said["own"]
    assert "No such file" in said["missing"]
    assert not any(said[name] for name in said.keys() - denied - {"missing"})

"""Environments in a folder: built once, whole or not at all, and not too many."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbdeploy.environments import Environments, Wanted
from nbdeploy.environments.wanted import HERE
from nbdeploy.errors import RehearsalFailed
from nbdeploy.types import Progress


def test_two_who_want_the_same_build_it_once(tmp_path: Path) -> None:
    """It has nbdeploy as it is here, and nothing that nobody asked for; what a killed one left is forgotten."""
    folder, wanted = tmp_path / "environments", Wanted(HERE, ("six==1.16.0",))
    (folder / ".part-left").mkdir(parents=True)
    said: list[Progress] = []
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: Environments(folder).build(wanted, said.append), range(2))
    assert (first, len(said), Environments(folder).ready(wanted)) == (second, 1, first)
    program = "import nbdeploy, six; print(six.__version__, nbdeploy.__version__); import click"
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run([first, "-P", "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("1.16.0 ")
    assert "No module named 'click'" in done.stderr
    assert [path.name for path in folder.iterdir() if path.name != ".lock"] == [wanted.digest]


def test_what_cannot_be_built_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(RehearsalFailed, match=r"six==99 cannot be installed"):
        Environments(tmp_path / "environments").build(Wanted(HERE, ("six==99",)))
    assert [path.name for path in (tmp_path / "environments").iterdir()] == [".lock"]


def test_a_few_stay_that_nobody_needs(tmp_path: Path) -> None:
    """Those that were needed last."""
    folder = tmp_path / "environments"
    for age, name in enumerate("abcdef"):
        (folder / name).mkdir(parents=True)
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    Environments(folder, spare=2).keep({"e"})
    assert {path.name for path in folder.glob("[!.]*")} == {"a", "b", "e"}

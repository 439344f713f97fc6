"""The house as README draws it: rows import downward only, lazily named adapters too."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nbdeploy
from nbdeploy.commands.tree import TABLE
from nbdeploy.plugins import Registry

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROWS = [{room.strip() for room in row.split("|")} for row in CONFIG["tool"]["importlinter"]["contracts"][0]["layers"]]
SKIPPED = ("nbdeploy.database.migrations", "nbdeploy.serving.launcher", "nbdeploy.__main__")


def modules() -> list[str]:
    found = pkgutil.walk_packages(nbdeploy.__path__, "nbdeploy.")
    return [module.name for module in found if not module.name.startswith(SKIPPED)]


def row(module: str) -> int:
    """Number of a module's row, from the top."""
    room = ".".join(module.split(".")[:2])
    return next(number for number, rooms in enumerate(ROWS) if room in rooms)


def tables() -> list[tuple[str, dict[str, str]]]:
    """Every table of lazy strings, with a module that holds it."""
    found = [("nbdeploy.commands.tree", dict(TABLE))]
    for name in modules():
        for attribute, value in vars(importlib.import_module(name)).items():
            if isinstance(value, Registry) and not attribute.startswith("_"):
                found.append((name, value.table))
    return found


def test_every_module_has_a_row() -> None:
    """No room stands outside of the plan."""
    assert [name for name in modules() if not any(".".join(name.split(".")[:2]) in rooms for rooms in ROWS)] == []


def test_rows_import_downward_only() -> None:
    """import-linter finds no arrow up, and none between siblings."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_lazy_strings_resolve_and_point_downward() -> None:
    """An adapter named in a table exists, in the table's own room or below it."""
    checked = 0
    for home, table in tables():
        for target in table.values():
            module, _, attribute = target.partition(":")
            assert hasattr(importlib.import_module(module), attribute), target
            assert module.split(".")[1] == home.split(".")[1] or row(module) > row(home), f"{home} names {target}"
            checked += 1
    assert checked > 30


def test_tables_of_adapters_are_sorted() -> None:
    """Two people adding an adapter do not add it in the same place."""
    for home, table in tables():
        if home != "nbdeploy.commands.tree":
            assert list(table) == sorted(table), home


@pytest.mark.parametrize("module", ["nbdeploy", "nbdeploy.api", "nbdeploy.errors", "nbdeploy.types"])
def test_public_names_are_listed_sorted_and_there(module: str) -> None:
    """``__all__`` is what a module offers, in order."""
    loaded = importlib.import_module(module)
    names = [name for name in loaded.__all__ if not name.startswith("__")]
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert [name for name in names if not hasattr(loaded, name)] == []


def test_outside_packages_can_add_adapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point in the kind's group is found beside the built-in ones."""
    meta = tmp_path / "outside-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (meta / "entry_points.txt").write_text("[nbdeploy.flavors]\nstones = outside_flavor:FLAVOR\n")
    (tmp_path / "outside_flavor.py").write_text("FLAVOR = 'a flavor of stones'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry: Registry[str] = Registry("flavor", {"sklearn": "nbdeploy.flavors.sklearn:FLAVOR"})
    assert list(registry) == ["sklearn", "stones"]
    assert registry["stones"] == "a flavor of stones"

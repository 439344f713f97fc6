"""A distribution from outside: its flavor, registered by an entry point, and a model of it."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from nbdeploy.flavors import FLAVORS
from tests.flavors.cases import Case

SOURCE = """
import json
from nbdeploy.errors import Corrupted
from nbdeploy.flavors import Flavor, Saved

class Stone:
    def __init__(self, weight): self.weight = weight
    def weigh(self, rows): return rows["x"].to_numpy() * self.weight

class Stones(Flavor):
    priority = 20
    def accepts(self, model): return isinstance(model, Stone)
    def methods(self, model): return ["weigh"]
    def classes(self, model): return None
    def call(self, model, method, data): return model.weigh(data)
    def save(self, model, folder, module, example=None):
        (folder / "model").mkdir()
        (folder / "model/stone.json").write_text(json.dumps({"weight": model.weight}))
        return Saved(runs_code=False)
    def runs_code(self, loader): return False
    def load(self, folder, loader):
        try:
            return Stone(float(json.loads((folder / "model/stone.json").read_text())["weight"]))
        except ValueError as error:
            raise Corrupted(f"not a stone: {error}") from error

FLAVOR = Stones()
"""


@contextlib.contextmanager
def install(site: Path) -> Iterator[Case]:
    """Put the distribution on the path."""
    meta = site / "stones-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: stones\nVersion: 1.0\n")
    (meta / "entry_points.txt").write_text("[nbdeploy.flavors]\nstones = outside_stones:FLAVOR\n")
    (site / "outside_stones.py").write_text(SOURCE)
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    vars(FLAVORS).pop("_known", None)
    try:
        stone = importlib.import_module("outside_stones").Stone
        yield Case("outside", "stones", lambda: (stone(2.5), pd.DataFrame({"x": np.arange(30.0)})), ["weigh"])
    finally:
        sys.path.remove(str(site))
        sys.modules.pop("outside_stones", None)
        vars(FLAVORS).pop("_known", None)

"""A notebook without a kernel: cells that run in a ``__main__`` of their own, and models taken out of it."""

from __future__ import annotations

import builtins
import contextlib
import linecache
import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from nbdeploy.flavors.modules import load_modules
from nbdeploy.flavors.pickling import dumps, naming
from nbdeploy.snapshots.capture import Captured, capture
from tests.models import NUMBERS, penguins


@dataclass
class Cells:
    """Runs cells as IPython does, every one with its own entry in ``linecache``."""

    folder: Path
    main: ModuleType
    real_main: ModuleType
    flags: int = 0
    run_cells: int = 0
    names: list[str] = field(default_factory=list)

    def run(self, *cells: str) -> None:
        for cell in cells:
            self.run_cells += 1
            name = f"<ipython-input-{self.run_cells}-{id(self):x}>"
            lines = [f"{line}\n" for line in cell.splitlines()]
            linecache.cache[name] = (len(cell), None, lines, name)
            self.names.append(name)
            with self.inside():
                exec(compile(cell, name, "exec", self.flags, dont_inherit=True), vars(self.main))

    def __getitem__(self, name: str) -> Any:
        return vars(self.main)[name]

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """As the kernel of the notebook sees it."""
        sys.modules["__main__"] = self.main
        try:
            yield
        finally:
            sys.modules["__main__"] = self.real_main

    def capture(self, model: Any) -> Captured:
        with self.inside():
            return capture(model)

    def source(self, model: Any) -> str:
        """The captured module's own source."""
        captured = self.capture(model)
        return captured.files[f"code/{captured.module}.py"].decode()

    def carried(self, model: Any) -> Any:
        """The model, loaded from what was captured, where there is no notebook."""
        captured = self.capture(model)
        with naming(captured.names), self.inside():
            content = dumps(model, captured.module)
        assert b"__main__" not in content
        self.load(captured)
        return pickle.loads(content)

    def load(self, captured: Captured) -> None:
        """Load what was captured, as another process does."""
        bundle = self.folder / f"bundle{len(list(self.folder.iterdir()))}"
        for path, data in captured.files.items():
            (bundle / path).parent.mkdir(parents=True, exist_ok=True)
            (bundle / path).write_bytes(data)
        load_modules(bundle, list(captured.files))


@pytest.fixture
def numbers() -> tuple[pd.DataFrame, pd.Series]:
    """Four columns of numbers, and the species."""
    X, y = penguins()
    return X[NUMBERS].fillna(0.0), y


@pytest.fixture
def cells(tmp_path: Path) -> Iterator[Cells]:
    """An empty notebook."""
    folder = tmp_path / "bundles"
    folder.mkdir()
    with notebook_in(folder) as made:
        yield made


@contextlib.contextmanager
def notebook_in(folder: Path) -> Iterator[Cells]:
    """An empty notebook, whose bundles go into a folder; afterwards nothing of it is left in the process."""
    main = ModuleType("__main__")
    vars(main)["__builtins__"] = builtins
    before = dict(sys.modules)
    made = Cells(folder, main, sys.modules["__main__"])
    yield made
    for name in made.names:
        del linecache.cache[name]
    for name in sys.modules.keys() - before.keys():
        if name.startswith(("nbdeploy_", "helpers", "features")):
            del sys.modules[name]

"""The snapshots and endpoints of tests/serving, made once for both."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def _serving() -> ModuleType:
    """Modules of tests are not importable by name, so that no two can clash."""
    name = "tests.serving.conftest"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "serving" / "conftest.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


snapshots = _serving().snapshots
place = _serving().place
run = _serving().run
churn = _serving().churn
plans = _serving().plans

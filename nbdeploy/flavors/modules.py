"""Captured source: a module of its own name, loaded from a bundle's ``code`` folder."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from pathlib import Path
from typing import Any

from nbdeploy.errors import Corrupted

__all__ = ["attribute", "load_modules"]


def load_modules(bundle: Path) -> None:
    """Load every captured module of a bundle, unless it is loaded already.

    Names contain a digest of the source, so modules of two snapshots never meet.
    """
    for path in sorted((bundle / "code").glob("*.py")):
        if path.stem not in sys.modules:
            _load(path)


def _load(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise Corrupted(f"{path} cannot be loaded as a module", path=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
        values = path.with_suffix(".pkl")
        if values.exists():
            # Executing code is what loading a captured module means; the bundle says so (runs_code).
            vars(module).update(pickle.loads(values.read_bytes()))  # noqa: S301
    except BaseException:
        del sys.modules[path.stem]
        raise


def attribute(module: str, qualname: str) -> Any:
    """Return what `qualname` names in a captured module: the target of rewritten pickle references."""
    found: Any = sys.modules[module]
    for part in qualname.split("."):
        found = getattr(found, part)
    return found

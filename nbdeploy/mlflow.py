"""MLflow's loader for snapshots that it cannot load by itself.

``MLmodel`` of stored bundles names this module, and MLflow calls ``_load_pyfunc`` in it: neither is ever renamed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbdeploy.bundles import Trust
from nbdeploy.predictor import Predictor, load
from nbdeploy.settings import Settings

__all__ = ["PyFunc"]


class PyFunc:
    """A snapshot as ``mlflow.pyfunc`` calls it: checked, bound by its signature, answered canonically."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Answer with a table, by the default method or by ``params={"method": …}``."""
        method = (params or {}).get("method")
        return self._predictor.table(data, [method] if method else None)


def _load_pyfunc(path: str) -> PyFunc:
    return PyFunc(load(Path(path), Trust.of(Settings.load())))

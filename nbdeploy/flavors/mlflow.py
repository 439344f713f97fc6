"""MLflow's loader for snapshots that bring code: ``mlflow.pyfunc.load_model`` finds it in ``MLmodel``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbdeploy.flavors import FLAVORS
from nbdeploy.manifest import Manifest

__all__ = ["PyFunc"]


class PyFunc:
    """A model with the one method that MLflow calls."""

    def __init__(self, model: Any, flavor: str, method: str) -> None:
        self._model, self._flavor, self._method = model, flavor, method

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Answer with the method that MLflow's caller chose by ``params={"method": …}``, or the default."""
        return FLAVORS[self._flavor].call(self._model, (params or {}).get("method", self._method), data)


def _load_pyfunc(path: str) -> PyFunc:
    content = Manifest.read(Path(path)).parsed
    model = FLAVORS[content.flavor].load(Path(path), content.loader)
    return PyFunc(model, content.flavor, content.signature.default_method)

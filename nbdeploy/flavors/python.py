"""Any Python object with ``predict`` or ``transform``, and any function from rows to answers."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from nbdeploy.errors import Corrupted
from nbdeploy.files import write_file
from nbdeploy.flavors import Flavor, Saved
from nbdeploy.flavors.asking import class_labels, in_one_thread, offered
from nbdeploy.flavors.pickling import dumps

__all__ = ["FLAVOR"]

FILE = "model/model.pkl"


class Python(Flavor):
    """See :class:`nbdeploy.flavors.Flavor`. Loading executes code, and the snapshot says so."""

    priority = 100
    one_thread = staticmethod(in_one_thread)

    def accepts(self, model: Any) -> bool:
        return not isinstance(model, type) and (isinstance(model, FunctionType) or bool(self.methods(model)))

    def methods(self, model: Any) -> list[str]:
        return offered(model) or (["predict"] if callable(model) else [])

    def classes(self, model: Any) -> list[Any] | None:
        return class_labels(model)

    def call(self, model: Any, method: str, data: Any) -> Any:
        return (getattr(model, method, None) or model)(data)

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        write_file(folder / FILE, dumps(model, module))
        return Saved(runs_code=True)

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return True

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        raw = (folder / FILE).read_bytes()
        try:
            return pickle.loads(raw)  # noqa: S301 - marked as running code
        except ImportError:
            raise
        except Exception as error:
            raise Corrupted(f"{folder / FILE} cannot be read: {type(error).__name__}: {error}") from error


FLAVOR = Python()

"""Frameworks with a format of their own, from which nothing is executed: what their flavors have in common."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nbdeploy.errors import Corrupted, NbdeployError, NotCapturable
from nbdeploy.files import write_file
from nbdeploy.flavors import Flavor, Saved
from nbdeploy.flavors.asking import class_labels, offered

__all__ = ["Native", "plain"]

ESTIMATOR = "model/estimator.json"


class Native(Flavor):
    """A framework's own objects, stored as one native file and one of JSON. See :class:`nbdeploy.flavors.Flavor`.

    Attributes
    ----------
    package : str
        The top-level module of the framework.
    kinds : frozenset of str
        Names of its classes that are models.
    file : str
        Where the native file is in a bundle.
    """

    priority = 20
    package: str
    kinds: frozenset[str]
    file: str

    @abstractmethod
    def pack(self, model: Any) -> tuple[bytes, dict[str, Any]]:
        """Return the native bytes, and what they leave out, as JSON."""

    @abstractmethod
    def unpack(self, raw: bytes, kind: type, document: dict[str, Any]) -> Any:
        """Make a model of class `kind` again. Whatever it raises means that the files are damaged."""

    def accepts(self, model: Any) -> bool:
        # By name: a model of a framework exists only where the framework is loaded.
        cls = type(model)
        return cls.__module__.partition(".")[0] == self.package and cls.__name__ in self.kinds

    def methods(self, model: Any) -> list[str]:
        return offered(model)

    def classes(self, model: Any) -> list[Any] | None:
        return class_labels(model)

    def reached(self, model: Any) -> Any:
        return None

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        try:
            raw, document = self.pack(model) if _is_fitted(model) else (b"", _unfitted(model))
        except NbdeployError:
            raise
        except Exception as error:
            raise NotCapturable(f"{self.package} model {type(model).__name__} cannot be stored: {error}") from error
        if raw:
            write_file(folder / self.file, raw)
        text = json.dumps({"class": type(model).__name__, "bytes": len(raw), **document}, sort_keys=True, indent=1)
        write_file(folder / ESTIMATOR, text.encode())
        return Saved(runs_code=self.runs_code({}), packages=frozenset({self.package}))

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return False

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        try:
            document = json.loads((folder / ESTIMATOR).read_bytes())
            name = document["class"]
            if name not in self.kinds:
                raise ValueError(f"{name!r} is not a model of {self.package}")
            if document.get("fitted") is False:
                # Nothing native: a search or an ensemble makes its members from it.
                return self.kind(name)(**document["parameters"])
            raw = (folder / self.file).read_bytes()
            if len(raw) != document["bytes"]:
                raise ValueError(f"it has {len(raw)} bytes instead of {document['bytes']}")
            return self.unpack(raw, self.kind(name), document)
        except (ImportError, NbdeployError):
            raise
        except Exception as error:
            raise Corrupted(f"{folder / self.file} is not a {self.package} model, or is damaged: {error}") from error

    def kind(self, name: str) -> type:
        """Return a class of the framework that is in :attr:`kinds`."""
        from importlib import import_module

        found: type = getattr(import_module(self.package), name)
        return found


def _is_fitted(model: Any) -> bool:
    told = getattr(model, "__sklearn_is_fitted__", None) or getattr(model, "is_fitted", None)
    return bool(told()) if callable(told) else True


def _unfitted(model: Any) -> dict[str, Any]:
    """What a search or an ensemble keeps to make its members from."""
    return {"fitted": False, "parameters": plain(model.get_params())}


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that are plain values; the others (callbacks, metrics, generators) serve training only.

    Examples
    --------
    >>> plain({"depth": np.int64(3), "callbacks": [print], "ratio": {"a": (1.0,)}})
    {'depth': 3, 'ratio': {'a': [1.0]}}
    """
    found = {}
    for name, value in parameters.items():
        try:
            found[name] = _plain(value)
        except TypeError:
            continue
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    raise TypeError(f"a {type(value).__name__} is not a plain value")

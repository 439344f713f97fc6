"""Flavors: how models of one framework are saved, loaded and asked. The first that accepts an object takes it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nbdeploy.errors import InvalidData
from nbdeploy.plugins import Registry

__all__ = ["FLAVORS", "PICKLES", "Flavor", "Saved", "flavors_for"]

PICKLES = frozenset({".cloudpickle", ".dill", ".joblib", ".pickle", ".pkl", ".pt", ".pth"})
"""How the names of files end that are pickles, or hold some: loading them executes what they say."""


@dataclass(frozen=True)
class Saved:
    """What a flavor wrote.

    Attributes
    ----------
    runs_code : bool
        Whether loading executes code that comes with the files.
    loader : mapping
        What the flavor needs to load it again; kept in ``content.json``.
    packages : frozenset of str
        Top-level modules that loading needs besides the model's own.
    mlflow : mapping
        The ``flavors`` table of the bundle's ``MLmodel``, where MLflow itself can load the files.
    """

    runs_code: bool
    loader: Mapping[str, Any] = field(default_factory=dict)
    packages: frozenset[str] = frozenset()
    mlflow: Mapping[str, Any] = field(default_factory=dict)


class Flavor(Protocol):
    """One framework. Adapters derive from this class, and so inherit what most frameworks do not need."""

    priority: int
    """Flavors are asked in this order, lowest first."""

    def accepts(self, model: Any) -> bool:
        """Whether this flavor saves such a model."""

    def methods(self, model: Any) -> list[str]:
        """Names of the methods that answer for rows, the usual default first."""

    def classes(self, model: Any) -> list[Any] | None:
        """The classes that probability columns belong to, if there are any."""
        return None

    def call(self, model: Any, method: str, data: Any) -> Any:
        """Ask one method."""
        return getattr(model, method)(data)

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        """Write the model below `folder`, with references to ``__main__`` rewritten to `module`.

        The same model is always the same bytes, in every process; the model itself is not changed.

        Parameters
        ----------
        model : object
            The live model.
        folder : Path
            An empty folder.
        module : str or None
            Name of the captured module, if the model uses anything of the notebook.
        example : table, optional
            Rows as the model takes them, for formats that are made by watching it answer.

        Raises
        ------
        NotCapturable
            If this flavor cannot; the next one is asked then.
        """

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        """Whether loading could execute code that came with the files, whatever the bundle says of itself."""

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        """Read a model from a bundle's folder; captured modules are loaded.

        Every file is the one that the bundle lists, but who made the bundle is unknown.

        Raises
        ------
        Corrupted
            If the files are not what this flavor writes, or could make native code read outside of its memory.
        """

    def get_ready(self) -> None:
        """Import what takes long to import: a clean process does so before there is anything to load."""
        return

    def reached(self, model: Any) -> Any:
        """Return what of a model may refer to the notebook's code: all of it, unless its format holds no code."""
        return model

    def one_thread(self) -> contextlib.AbstractContextManager[None]:
        """Let the framework work in one thread, where neither ``n_jobs`` nor threadpoolctl reaches it."""
        return contextlib.nullcontext()


FLAVORS: Registry[Flavor] = Registry(
    "flavor",
    {
        "catboost": "nbdeploy.flavors.catboost:FLAVOR",
        "chain": "nbdeploy.flavors.chain:FLAVOR",
        "chain_modules": "nbdeploy.flavors.chain:WITH_CODE",
        "lightgbm": "nbdeploy.flavors.lightgbm:FLAVOR",
        "mlflow": "nbdeploy.flavors.mlflow:FLAVOR",
        "onnx": "nbdeploy.flavors.onnx:FLAVOR",
        "python": "nbdeploy.flavors.python:FLAVOR",
        "sklearn": "nbdeploy.flavors.sklearn:FLAVOR",
        "statsmodels": "nbdeploy.flavors.statsmodels:FLAVOR",
        "torch": "nbdeploy.flavors.torch:FLAVOR",
        "torch_modules": "nbdeploy.flavors.torch_modules:FLAVOR",
        "torch_scripts": "nbdeploy.flavors.torch_scripts:FLAVOR",
        "xgboost": "nbdeploy.flavors.xgboost:FLAVOR",
    },
)


def flavors_for(model: Any) -> list[str]:
    """Names of the flavors that can save a model, the best first.

    Raises
    ------
    InvalidData
        If none can.
    """
    names = sorted(FLAVORS, key=lambda name: FLAVORS[name].priority)
    found = [name for name in names if FLAVORS[name].accepts(model)]
    if not found and hasattr(model, "fit_predict"):
        raise InvalidData(
            f"a {type(model).__name__} labels only the rows that it is fitted with (fit_predict), and answers for no "
            "others; fit a classifier on its labels, KNeighborsClassifier for example, and take a snapshot of that"
        )
    if not found:
        what = f"the class {model.__name__}" if isinstance(model, type) else f"{type(model).__name__} {model!r:.60}"
        raise InvalidData(
            f"{what} is not a model: it has no predict or transform method and cannot be called; "
            "give a fitted estimator, an object with predict(), or a function from rows to answers"
        )
    return found

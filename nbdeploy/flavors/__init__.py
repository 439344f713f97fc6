"""Flavors: how models of one framework are saved, loaded and asked. The first that accepts an object takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nbdeploy.errors import InvalidData
from nbdeploy.plugins import Registry

__all__ = ["FLAVORS", "Flavor", "Saved", "flavors_for"]


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
    """One framework."""

    priority: int
    """Flavors are asked in this order, lowest first."""

    def accepts(self, model: Any) -> bool:
        """Whether this flavor saves such a model."""

    def methods(self, model: Any) -> list[str]:
        """Names of the methods that answer for rows, the usual default first."""

    def classes(self, model: Any) -> list[Any] | None:
        """The classes that probability columns belong to, if there are any."""

    def call(self, model: Any, method: str, data: Any) -> Any:
        """Ask one method."""

    def save(self, model: Any, folder: Path, module: str | None) -> Saved:
        """Write the model below `folder`, with references to ``__main__`` rewritten to `module`.

        Raises
        ------
        NotCapturable
            If this flavor cannot; the next one is asked then.
        """

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        """Whether loading could execute code that came with the files, whatever the bundle says of itself."""

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        """Read a model from a bundle's folder; every file has been checked, captured modules are loaded."""


FLAVORS: Registry[Flavor] = Registry(
    "flavor",
    {
        "python": "nbdeploy.flavors.python:FLAVOR",
        "sklearn": "nbdeploy.flavors.sklearn:FLAVOR",
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
    if not found:
        raise InvalidData(
            f"a {type(model).__name__} is not a model: it has no predict or transform method and cannot be called; "
            "give a fitted estimator, an object with predict(), or a function from rows to answers"
        )
    return found

"""What stored files call by name when they are loaded: their names and arguments never change.

Pickles and skops files hold ``nbdeploy.flavors.restoring.attribute``, ``…from_files`` and ``…Part``. A bundle is read
for years, so what is here keeps its place, its name and the meaning of its arguments; what is new is added beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from nbdeploy.errors import Corrupted
from nbdeploy.files import TemporaryFolder, write_file
from nbdeploy.flavors import FLAVORS

__all__ = ["NATIVE", "Part", "attribute", "from_files"]

NATIVE = ("catboost", "lightgbm", "xgboost")
"""Flavors whose models are stored natively wherever they are."""


@dataclass(eq=False)
class Part:
    """The place, in a stored model, of another one that is stored beside it."""

    number: int = 0


def attribute(module: str, qualname: str) -> Any:
    """Return what `qualname` names in a captured module: the target of rewritten pickle references."""
    found: Any = import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def from_files(flavor: str, content: Mapping[str, bytes], loader: Mapping[str, Any]) -> Any:
    """Load a model from the native files that a pickle holds instead of it.

    Parameters
    ----------
    flavor : str
        One of :data:`NATIVE`.
    content : mapping of str to bytes
        The files that the flavor wrote, by their paths.
    loader : mapping
        What the flavor said that it needs.

    Raises
    ------
    Corrupted
        If it is another flavor, a path leads elsewhere, or the files are damaged.
    """
    if flavor not in NATIVE:
        raise Corrupted(f"a pickle holds a model of flavor {flavor!r}; there are: {', '.join(NATIVE)}")
    with TemporaryFolder() as temporary:
        for name, raw in content.items():
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name:
                raise Corrupted(f"a pickle holds a file outside of its model: {name!r}", path=name)
            write_file(Path(temporary) / path, raw)
        return FLAVORS[flavor].load(Path(temporary), loader)

"""MLflow models of any kind, kept as the folder that they are and asked through MLflow's own loader."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import yaml

from nbdeploy.errors import Corrupted, MissingExtra, NotCapturable
from nbdeploy.flavors import Flavor, Saved

__all__ = ["DESCRIPTION", "FLAVOR", "Directory", "describe", "files_of"]

DESCRIPTION = "MLmodel"
FOLDER = "model/mlflow"
_EXAMPLES = ("input_example.json", "serving_input_example.json")
_LARGEST = 2**20
_PATHS = frozenset(
    {"artifact_path", "code", "conda", "config", "data", "env", "model_binary", "model_data"}
    | {"model_path", "path", "pickled_model", "python_model", "virtualenv"}
)
"""Keys of ``MLmodel`` under which MLflow's flavors name files of the model."""


class Directory:
    """An MLflow model's folder, loaded when it is first asked.

    Parameters
    ----------
    folder : Path
        Where ``MLmodel`` is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def loaded(self) -> Any:
        """What MLflow loads."""
        try:
            from mlflow.pyfunc import load_model
        except ImportError as error:
            raise MissingExtra("a model that MLflow loads", "mlflow") from error
        return load_model(str(self.folder))

    def predict(self, data: Any) -> Any:
        """Answer as ``mlflow.pyfunc`` does."""
        return self.loaded.predict(data)

    def __reduce__(self) -> Any:
        raise NotCapturable(f"the MLflow model in {self.folder} can only be stored as the folder that it is")


class _MLflow(Flavor):
    """See :class:`nbdeploy.flavors.Flavor`. Loading executes what the folder's loader does; the snapshot says so."""

    priority = 5

    def accepts(self, model: Any) -> bool:
        return isinstance(model, Directory)

    def methods(self, model: Any) -> list[str]:
        return ["predict"]

    def reached(self, model: Any) -> Any:
        return None

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        table = describe(model.folder).get("flavors", {})
        target = folder / FOLDER
        for path in files_of(model.folder):
            # Example rows are somebody's: what is kept of rows is decided elsewhere.
            if str(path) not in _EXAMPLES:
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(model.folder / path, target / path)
        packages = {"mlflow", *(name for name in table if name != "python_function")}
        return Saved(runs_code=True, packages=frozenset(packages))

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return True

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        describe(folder / FOLDER)
        files_of(folder / FOLDER)
        return Directory(folder / FOLDER)


FLAVOR = _MLflow()


def describe(folder: Path) -> dict[str, Any]:
    """Read ``MLmodel``.

    Raises
    ------
    Corrupted
        If it is none, or names files outside of its folder.
    """
    path = folder / DESCRIPTION
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        document = yaml.safe_load(content) if len(content) <= _LARGEST else None
    except (OSError, yaml.YAMLError) as error:
        raise Corrupted(f"{path} cannot be read: {str(error).splitlines()[0]}", path=str(path)) from error
    document = document if isinstance(document, dict) else {}
    flavors = document.get("flavors")
    if not isinstance(flavors, dict) or not all(isinstance(table, dict) for table in flavors.values()):
        raise Corrupted(f"{path} does not describe an MLflow model: it has no table of flavors", path=str(path))
    for key, value in _paths([flavors, document.get("saved_input_example_info")]):
        if PurePosixPath(value).is_absolute() or PureWindowsPath(value).drive or ".." in re.split(r"[/\\]", value):
            raise Corrupted(f"{path} names a file outside of its folder, so it is refused: {key}: {value}", path=value)
    return document


def _paths(document: Any) -> Iterator[tuple[str, str]]:
    """What MLflow joins to the model's folder, wherever it is said."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key in _PATHS and isinstance(value, str):
                yield key, value
            yield from _paths(value)
    elif isinstance(document, list):
        for value in document:
            yield from _paths(value)


def files_of(folder: Path) -> list[Path]:
    """Files of an MLflow model, relative to its folder.

    Raises
    ------
    Corrupted
        If one leads out of the folder.
    """
    found = sorted(folder.rglob("*"))
    astray = next((path for path in found if path.is_symlink()), None)
    if astray is not None:
        raise Corrupted(f"{astray} is a link, and a model's files are its own", path=str(astray))
    return [path.relative_to(folder) for path in found if path.is_file()]

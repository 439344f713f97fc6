"""MLflow models as live ones, ready to be taken a snapshot of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbdeploy.errors import Corrupted, Forbidden, InvalidData, MissingExtra, NotCapturable
from nbdeploy.flavors.mlflow import DESCRIPTION, Directory, describe
from nbdeploy.manifest import CONTENT
from nbdeploy.snapshots.mlflow_natives import FRAMEWORKS, code_in, load_native, mlflow_module
from nbdeploy.snapshots.options import Options
from nbdeploy.snapshots.snapshot import Taken, take_snapshot
from nbdeploy.store import Store
from nbdeploy.types import Report, check_name, ignore_progress

__all__ = ["Opened", "import_mlflow_model", "is_mlflow_model", "open_mlflow_model"]

_READERS = {".csv": "read_csv", ".parquet": "read_parquet", ".tsv": "read_table"}


@dataclass(frozen=True)
class Opened:
    """An MLflow model that was opened.

    Attributes
    ----------
    folder : Path
        Where it is.
    data : table
        Rows to prove it with.
    origin : str
        Where it comes from, in a sentence.
    code : sequence of str
        What in it executes code when it is loaded; none if nothing does.
    flavors : mapping
        MLflow's table of flavors.
    """

    folder: Path
    data: Any
    origin: str
    code: tuple[str, ...]
    flavors: Mapping[str, Any]

    def natives(self) -> Iterator[Any]:
        """Load it as the framework's own object, for each framework whose objects are stored better here."""
        for name in sorted(FRAMEWORKS & self.flavors.keys()):
            yield load_native(name, self.folder, self.flavors[name])


def is_mlflow_model(path: Path) -> bool:
    """Whether a folder is an MLflow model, and no bundle of ours, which is one too."""
    return (path / DESCRIPTION).is_file() and not (path / CONTENT).exists()


def open_mlflow_model(folder: Path, data: Any = None) -> Opened:
    """Look at an MLflow model, and find rows to prove it with. Nothing is loaded yet.

    Parameters
    ----------
    folder : Path
        What ``save_model`` or ``log_model`` wrote.
    data : table, str or Path, optional
        Rows as the model takes them, or a CSV, TSV or Parquet file of them; the model's own input example by default.

    Raises
    ------
    InvalidData
        If there are no rows.
    Corrupted
        If it is damaged, or a file of it leads elsewhere.
    """
    document = describe(folder)
    flavors = document["flavors"]
    if "python_function" not in flavors:
        raise InvalidData(
            f"the MLflow model in {folder} has no python_function flavor, so it answers no rows; it has: "
            f"{', '.join(map(str, flavors))}"
        )
    rows = _example(folder, document) if data is None else _rows(data)
    return Opened(folder, rows, _origin(document), code_in(folder, flavors), flavors)


def import_mlflow_model(
    store: Store,
    folder: Path,
    name: str | None = None,
    data: Any = None,
    progress: Report = ignore_progress,
    *,
    allow_code: str = "always",
) -> Taken:
    """Load an MLflow model, and take a snapshot of it.

    As the framework's own object, if that is stored better here than in a folder that only MLflow loads.

    Parameters
    ----------
    name : str, optional
        The model's name; the folder's by default.
    allow_code : str
        When code of others may run: ``never``, ``signed``, which MLflow's models are not, or ``always``.

    Returns
    -------
    Taken
        Its notices name what executed code.

    Raises
    ------
    Forbidden
        If loading it would run code that may not run here.
    """
    named = check_name(name or folder.resolve().name, "model name")
    found = open_mlflow_model(folder, data)
    if found.code and allow_code != "always":
        raise Forbidden(
            f"loading the MLflow model in {folder} would run code of its author ({', '.join(found.code[:5])}), and "
            f"nobody's signature is on it, so it is not loaded here (allow_code is {allow_code}): save it with "
            'serialization_format="skops", or allow it with NBDEPLOY_ALLOW_CODE=always',
            path=str(folder),
        )
    taken = _taken(store, found, named, progress)
    ran = [f"importing it ran code of its author: {', '.join(found.code[:5])}"] if found.code else []
    return replace(taken, notices=[*taken.notices, *ran])


def _taken(store: Store, found: Opened, name: str, progress: Report) -> Taken:
    options = Options(note=found.origin)
    for model in found.natives():
        with contextlib.suppress(NotCapturable):
            return take_snapshot(store, model, name, found.data, options, progress)
    return take_snapshot(store, Directory(found.folder), name, found.data, options, progress)


def _example(folder: Path, document: Mapping[str, Any]) -> Any:
    if not document.get("saved_input_example_info"):
        raise InvalidData(
            f"the MLflow model in {folder} has no input example, so there are no rows to prove it with; give some: "
            f"nbdeploy import {folder} NAME -X rows.csv",
            path=str(folder),
        )
    try:
        return mlflow_module("models").Model.load(str(folder)).load_input_example(str(folder))
    except MissingExtra:
        raise
    except Exception as error:
        raise Corrupted(f"the input example in {folder} cannot be read: {error}", path=str(folder)) from error


def _rows(data: Any) -> Any:
    if not isinstance(data, (str, Path)):
        return data
    import pandas as pd

    path = Path(data)
    if path.suffix not in _READERS:
        raise InvalidData(f"{path} is no file of rows that is understood here: give one of {', '.join(_READERS)}")
    try:
        return getattr(pd, _READERS[path.suffix])(path)
    except (OSError, ValueError) as error:
        raise InvalidData(f"{path} cannot be read: {error}", path=str(path)) from error


def _origin(document: Mapping[str, Any]) -> str:
    told = {"made": "utc_time_created", "by MLflow": "mlflow_version", "run": "run_id", "uuid": "model_uuid"}
    facts = [f"{word} {document[key]}" for word, key in told.items() if document.get(key)]
    return ", ".join(["imported from an MLflow model", *facts])

"""MLflow models as live ones, ready to be taken a snapshot of."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from nbdeploy.errors import Corrupted, Forbidden, InvalidData, MissingExtra, NotCapturable, NotFound
from nbdeploy.flavors import FLAVORS
from nbdeploy.flavors.mlflow import DESCRIPTION, Directory, describe, files_of
from nbdeploy.flavors.native_state import check_native_state, is_plain
from nbdeploy.flavors.skops_files import nodes
from nbdeploy.flavors.ubjson import parse
from nbdeploy.manifest import CONTENT
from nbdeploy.snapshots.options import Options
from nbdeploy.snapshots.snapshot import Taken, take_snapshot
from nbdeploy.store import Store
from nbdeploy.types import Report, check_name, ignore_progress

__all__ = ["Opened", "import_mlflow_model", "is_mlflow_model", "open_mlflow_model"]

_NATIVE = {
    "catboost": "catboost.",
    "lightgbm": "lightgbm.",
    "sklearn": "sklearn.",
    "xgboost": "xgboost.",
}
"""MLflow's flavors whose own objects are stored better here, with where their classes are defined."""

_CODE = frozenset(
    {".cloudpickle", ".dill", ".egg", ".joblib", ".pickle", ".pkl", ".pt", ".pth", ".py", ".pyc", ".so", ".whl", ".zip"}
)
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
        for name in sorted(_NATIVE.keys() & self.flavors.keys()):
            yield _native(name, self.folder, self.flavors[name])


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
    return Opened(folder, rows, _origin(document), _code(folder, flavors), flavors)


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


def _code(folder: Path, flavors: Mapping[str, Any]) -> tuple[str, ...]:
    """Everything that could execute code when MLflow, or the framework, loads the model."""
    found = [str(path) for path in files_of(folder) if path.suffix in _CODE]
    known = {name: table for name, table in flavors.items() if name in _NATIVE}
    for name, table in known.items():
        cls = table.get("model_class")
        if cls is not None and not _is_model(str(cls), name):
            found.append(f"class {cls}")
        if name == "catboost":
            found.append("CatBoost's own file, which it follows without looking")
        if packed := _packed(name, table, folder):
            found.append(packed)
        found += [f"type {kind}" for kind in table.get("skops_trusted_types") or () if not _is_known(str(kind), name)]
    loader = flavors["python_function"].get("loader_module")
    if loader not in {f"mlflow.{name}" for name in known}:
        found.append(f"loader {loader}")
    return tuple(found)


def _packed(name: str, table: Mapping[str, Any], folder: Path) -> str | None:
    """The pickle that MLflow loads by what it is told, whatever the file is called; None if its name says it too."""
    native = name in {"catboost", "xgboost"} or table.get("model_class") == "lightgbm.basic.Booster"
    if native or table.get("serialization_format") == "skops" or (name == "lightgbm" and "model_class" not in table):
        return None
    file = str(table.get("pickled_model" if name == "sklearn" else "data"))
    listed = Path(file).suffix in _CODE and (folder / file).is_file()
    return None if listed else f"pickle {file}"


def _is_model(cls: str, name: str) -> bool:
    """Whether a class is one of a framework's models; whatever else it imports can be called by that name too."""
    kinds = getattr(FLAVORS[name], "kinds", ())
    return (
        cls.startswith("sklearn.")
        if name == "sklearn"
        else cls in {f"{name}.{module}.{kind}" for module in ("basic", "core", "sklearn") for kind in kinds}
    )


def _is_known(kind: str, flavor: str) -> bool:
    """Whether building a type runs nobody's code: scikit-learn's are checked one by one, others' are their own."""
    return is_plain(kind) or (flavor != "sklearn" and kind.startswith((_NATIVE[flavor], "collections.")))


def _native(name: str, folder: Path, table: Mapping[str, Any]) -> Any:
    if name == "sklearn" and table.get("serialization_format") == "skops":
        return _from_skops(_inside(folder, table.get("pickled_model")), _type_names(folder, table))
    if name in {"lightgbm", "xgboost"}:
        _check_native(name, _inside(folder, table.get("data")))
    try:
        return _mlflow(name).load_model(str(folder))
    except ModuleNotFoundError as error:
        hint = f"the model needs it, and it is not installed here: pip install -r {folder / 'requirements.txt'}"
        raise NotFound("module", str(error.name), hint=hint) from error


def _check_native(name: str, path: Path) -> None:
    """Check a native file as a bundle's own is, before the framework follows what is in it.

    Raises
    ------
    Corrupted
        If it points outside of itself, or cannot be read.
    """
    flavor = import_module(f"nbdeploy.flavors.{name}")
    try:
        raw = path.read_bytes()
        if name == "lightgbm":
            for text in _lightgbm_texts(path, raw):
                flavor.check(text)
        else:
            flavor.check(json.loads(raw) if path.suffix == ".json" else parse(raw))
    except (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise Corrupted(f"{path} is not a {name} model, or is damaged: {error}", path=str(path)) from error


def _lightgbm_texts(path: Path, raw: bytes) -> list[str]:
    """The texts that LightGBM reads trees from: the file, or what the boosters in a skops file keep as their state.

    A pickle has none to look at; it runs code anyway.
    """
    if path.suffix in _CODE:
        return []
    if not zipfile.is_zipfile(path):
        return [raw.decode()]
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    states = [node[key] for node in nodes(schema) for key in ("_handle", "handle") if key in node]
    if any(state["__loader__"] != "JsonNode" for state in states):
        raise ValueError("the state of a booster is no text")
    return [text for state in states if (text := json.loads(state["content"])) is not None]


def _inside(folder: Path, name: Any) -> Path:
    """A file that ``MLmodel`` names.

    Raises
    ------
    Corrupted
        If it names none of the model's own.
    """
    own = {path.as_posix(): folder / path for path in files_of(folder)}
    if not isinstance(name, str) or name not in own:
        raise Corrupted(
            f"{folder / DESCRIPTION} names the file {name!r}, which is none of the model's own: "
            f"{', '.join(sorted(own)[:8])}",
            path=str(folder),
        )
    return own[name]


def _type_names(folder: Path, table: Mapping[str, Any]) -> list[str]:
    names = table.get("skops_trusted_types") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Corrupted(f"{folder / DESCRIPTION}: skops_trusted_types is no list of names: {names!r:.80}")
    return names


def _from_skops(path: Path, trusted: list[str]) -> Any:
    """Load a skops file as a bundle's own is: no other types than were listed, and nothing that points outside."""
    from skops.io import get_untrusted_types, load

    try:
        refused = sorted(set(get_untrusted_types(file=path)) - set(trusted))
        if refused:
            raise Corrupted(f"{path} would build types that MLmodel does not list: {', '.join(refused)}")
        model = load(path, trusted=sorted(trusted))
    except (OSError, ValueError, KeyError) as error:
        raise Corrupted(f"{path} cannot be loaded: {error}", path=str(path)) from error
    check_native_state(model)
    return model


def _example(folder: Path, document: Mapping[str, Any]) -> Any:
    if not document.get("saved_input_example_info"):
        raise InvalidData(
            f"the MLflow model in {folder} has no input example, so there are no rows to prove it with; give some: "
            f"nbdeploy import {folder} NAME -X rows.csv",
            path=str(folder),
        )
    try:
        return _mlflow("models").Model.load(str(folder)).load_input_example(str(folder))
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


def _mlflow(module: str) -> Any:
    try:
        return import_module(f"mlflow.{module}")
    except ImportError as error:
        raise MissingExtra("importing an MLflow model", "mlflow") from error

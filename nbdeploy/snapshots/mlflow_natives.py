"""What an MLflow model executes when it is loaded, and its frameworks' own objects loaded with nothing unchecked."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from nbdeploy.errors import Corrupted, MissingExtra, NotFound
from nbdeploy.flavors import FLAVORS, PICKLES
from nbdeploy.flavors.mlflow import DESCRIPTION, files_of
from nbdeploy.flavors.native_state import check_native_state, is_plain
from nbdeploy.flavors.skops_files import nodes
from nbdeploy.flavors.ubjson import parse

__all__ = ["FRAMEWORKS", "code_in", "load_native", "mlflow_module"]

FRAMEWORKS = frozenset({"catboost", "lightgbm", "sklearn", "xgboost"})
"""MLflow's flavors whose own objects are stored better here; each is called as the package that defines them."""

_CODE = PICKLES | {".egg", ".py", ".pyc", ".so", ".whl", ".zip"}


def code_in(folder: Path, flavors: Mapping[str, Any]) -> tuple[str, ...]:
    """Everything that could execute code when MLflow, or the framework, loads the model.

    Parameters
    ----------
    folder : Path
        The MLflow model.
    flavors : mapping
        MLflow's table of flavors, with ``python_function``.
    """
    found = [str(path) for path in files_of(folder) if path.suffix in _CODE]
    known = {name: table for name, table in flavors.items() if name in FRAMEWORKS}
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
    return is_plain(kind) or (flavor != "sklearn" and kind.startswith((f"{flavor}.", "collections.")))


def load_native(name: str, folder: Path, table: Mapping[str, Any]) -> Any:
    """Load a model as the object of a framework, its files checked as a bundle's own are.

    Parameters
    ----------
    name : str
        One of :data:`FRAMEWORKS`.
    folder : Path
        The MLflow model.
    table : mapping
        What MLflow says of it for that framework.

    Raises
    ------
    Corrupted
        If a file is none of the model's own, is damaged, or points outside of itself.
    NotFound
        If a module that it needs is not installed.
    """
    if name == "sklearn" and table.get("serialization_format") == "skops":
        return _from_skops(_inside(folder, table.get("pickled_model")), _type_names(folder, table))
    if name in {"lightgbm", "xgboost"}:
        _check_native(name, _inside(folder, table.get("data")))
    try:
        return mlflow_module(name).load_model(str(folder))
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


def mlflow_module(module: str) -> Any:
    """Import a module of MLflow's.

    Raises
    ------
    MissingExtra
        If MLflow is not installed.
    """
    try:
        return import_module(f"mlflow.{module}")
    except ImportError as error:
        raise MissingExtra("importing an MLflow model", "mlflow") from error

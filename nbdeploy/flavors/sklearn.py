"""scikit-learn estimators through skops, which lists the types it would build before it builds them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.canonical import estimators_of
from nbdeploy.errors import Corrupted, NbdeployError, NotCapturable
from nbdeploy.flavors import Flavor, Saved
from nbdeploy.flavors.asking import class_labels, in_one_thread, offered
from nbdeploy.flavors.loaders import PartEntry, read
from nbdeploy.flavors.native_state import check_native_state, is_plain
from nbdeploy.flavors.parts import load_parts, parts_run_code, save_parts
from nbdeploy.flavors.pickling import exported_name, from_main
from nbdeploy.flavors.restoring import Part
from nbdeploy.flavors.skops_files import read_audited, skops_io, write_canonical

__all__ = ["FLAVOR"]

FILE = "model/model.skops"
PART = f"{Part.__module__}.{Part.__qualname__}"


class Sklearn(Flavor):
    """See :class:`nbdeploy.flavors.Flavor`."""

    priority = 50
    one_thread = staticmethod(in_one_thread)

    def get_ready(self) -> None:
        """Import what takes long to import, before there is anything to load."""
        skops_io()

    def accepts(self, model: Any) -> bool:
        return hasattr(model, "get_params") and bool(self.methods(model)) and not isinstance(model, type)

    def methods(self, model: Any) -> list[str]:
        return offered(model)

    def classes(self, model: Any) -> list[Any] | None:
        return class_labels(model)

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        model, parts = save_parts(model, folder, module)
        target = folder / FILE
        target.parent.mkdir(parents=True, exist_ok=True)
        trusted = _write(model, module, target)
        loader = {"trusted": trusted, **({"parts": parts} if parts else {})}
        runs_code = self.runs_code(loader)
        packages = frozenset({"skops", *(part["flavor"] for part in parts)})
        return Saved(runs_code, loader, packages, {} if runs_code or parts else _mlflow(trusted))

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        table = read(loader, _Loader)
        plain = all(name == PART or is_plain(name) for name in table.trusted)
        return parts_run_code(table.parts) or not plain

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        path, table = folder / FILE, read(loader, _Loader)
        try:
            model = _built(path, set(table.trusted))
            check_native_state(model)
            model = load_parts(model, folder, table.parts)
            for part in estimators_of(model):
                if getattr(part, "n_jobs", None) not in (None, 1):
                    part.n_jobs = 1
        except (ImportError, NbdeployError):
            raise
        except Exception as error:
            raise Corrupted(f"{path} is not a scikit-learn model, or is damaged: {error}") from error
        return model


FLAVOR = Sklearn()


class _Loader(msgspec.Struct, frozen=True):
    """The types that the model is made of, beyond those that skops knows, and the models inside of it."""

    trusted: list[str] = []
    parts: list[PartEntry] = []


def _write(model: Any, module: str | None, path: Path) -> list[str]:
    """Write a model; return the types that it needs to be trusted."""
    for part in estimators_of(model, lambda part: from_main(type(part))):
        if exported_name(type(part)) != type(part).__name__:
            raise NotCapturable(f"skops stores classes by one name, and {type(part).__qualname__} needs another")
    functions = {id(part): exported_name(part) for part in estimators_of(model, from_main)}
    try:
        with _timeless(model):
            return write_canonical(model, path, module, functions)
    except NotCapturable:
        raise
    except Exception as error:
        raise NotCapturable(f"scikit-learn model {type(model).__name__} cannot be stored: {error}") from error


def _built(path: Path, allowed: set[str]) -> Any:
    """Build a model of the types allowed. skops looks at all of them before it builds one."""
    try:
        return read_audited(path, allowed)
    except skops_io().exceptions.UntrustedTypesFoundException as error:
        reason = str(error).splitlines()[0]
        raise Corrupted(f"{path} would build types that the snapshot does not list: {reason}") from error


@contextlib.contextmanager
def _timeless(model: Any) -> Iterator[None]:
    """Hide how long searches took, which is no part of what they found; put it back afterwards."""
    searches = estimators_of(model, lambda part: hasattr(part, "cv_results_") or hasattr(part, "refit_time_"))
    before = [(part, dict(vars(part))) for part in searches]
    for part in searches:
        if hasattr(part, "cv_results_"):
            part.cv_results_ = {k: v * 0.0 if k.endswith("_time") else v for k, v in part.cv_results_.items()}
        if hasattr(part, "refit_time_"):
            part.refit_time_ = 0.0
    try:
        yield
    finally:
        for part, attributes in before:
            vars(part).update(attributes)


def _mlflow(trusted: list[str]) -> dict[str, Any]:
    """What MLflow needs to load the model by itself."""
    return {
        "python_function": {"loader_module": "mlflow.sklearn", "model_path": FILE, "predict_fn": "predict"},
        "sklearn": {
            "code": None,
            "pickled_model": FILE,
            "serialization_format": "skops",
            "skops_trusted_types": trusted or None,
            "sklearn_version": version("scikit-learn"),
        },
    }

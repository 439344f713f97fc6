"""scikit-learn estimators through skops, which lists the types it would build before it builds them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nbdeploy.canonical import estimators_of
from nbdeploy.errors import Corrupted, NotCapturable
from nbdeploy.flavors import Saved
from nbdeploy.flavors.native_state import check_native_state, is_plain
from nbdeploy.flavors.python import METHODS
from nbdeploy.flavors.skops_files import canonical

__all__ = ["FLAVOR"]

FILE = "model/model.skops"


class Sklearn:
    """See :class:`nbdeploy.flavors.Flavor`."""

    priority = 50

    def accepts(self, model: Any) -> bool:
        return hasattr(model, "get_params") and bool(self.methods(model)) and not isinstance(model, type)

    def methods(self, model: Any) -> list[str]:
        return [name for name in METHODS if callable(getattr(model, name, None))]

    def classes(self, model: Any) -> list[Any] | None:
        classes = getattr(model, "classes_", None)
        if classes is None or isinstance(classes, list):
            return None
        return [value.item() if hasattr(value, "item") else value for value in classes]

    def call(self, model: Any, method: str, data: Any) -> Any:
        return getattr(model, method)(data)

    def save(self, model: Any, folder: Path, module: str | None) -> Saved:
        from skops.io import dumps, get_untrusted_types

        try:
            with _timeless(model):
                raw = dumps(model)
        except Exception as error:
            raise NotCapturable(f"scikit-learn model {type(model).__name__} cannot be stored: {error}") from error
        content = canonical(raw, module)
        trusted = sorted(get_untrusted_types(data=content))
        target = folder / FILE
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        runs_code = self.runs_code({"trusted": trusted})
        tables = {} if runs_code else _mlflow(trusted)
        return Saved(runs_code, {"trusted": trusted}, frozenset({"skops"}), tables)

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return not all(map(is_plain, loader.get("trusted", ())))

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        from skops.io import get_untrusted_types, load

        path = folder / FILE
        allowed = set(loader.get("trusted", ()))
        refused = sorted(set(get_untrusted_types(file=path)) - allowed)
        if refused:
            raise Corrupted(f"{path} would build types that the snapshot does not list: {', '.join(refused)}")
        model = load(path, trusted=sorted(allowed))
        check_native_state(model)
        for part in estimators_of(model):
            if getattr(part, "n_jobs", None) not in (None, 1):
                part.n_jobs = 1
        return model


FLAVOR = Sklearn()


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

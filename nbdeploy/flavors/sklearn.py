"""scikit-learn estimators through skops, which lists the types it would build before it builds them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nbdeploy.canonical import estimators_of
from nbdeploy.errors import Corrupted, NotCapturable
from nbdeploy.flavors import Saved
from nbdeploy.flavors.modules import load_modules
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
            raw = dumps(model)
        except Exception as error:
            raise NotCapturable(f"scikit-learn model {type(model).__name__} cannot be stored: {error}") from error
        content = canonical(raw, module)
        trusted = sorted(get_untrusted_types(data=content))
        target = folder / FILE
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        runs_code = self.runs_code({"trusted": trusted})
        return Saved(runs_code, {"trusted": trusted}, _mlflow(trusted, runs_code))

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return not all(map(_is_plain, loader.get("trusted", ())))

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        from skops.io import get_untrusted_types, load

        load_modules(folder)
        path = folder / FILE
        allowed = set(loader.get("trusted", ()))
        refused = sorted(set(get_untrusted_types(file=path)) - allowed)
        if refused:
            raise Corrupted(f"{path} would build types that the snapshot does not list: {', '.join(refused)}")
        model = load(path, trusted=sorted(allowed))
        for tree in estimators_of(model, _is_tree):
            _check_tree(tree)
        for part in estimators_of(model):
            if getattr(part, "n_jobs", None) not in (None, 1):
                part.n_jobs = 1
        return model


FLAVOR = Sklearn()


def _is_plain(name: str) -> bool:
    """Whether a type is a class of scikit-learn's own: data and known code, no function to call."""
    if not name.startswith("sklearn."):
        return False
    module, _, attribute = name.rpartition(".")
    try:
        return isinstance(getattr(import_module(module), attribute, None), type)
    except ImportError:
        return False


def _is_tree(part: object) -> bool:
    return type(part).__module__ == "sklearn.tree._tree" and type(part).__name__ == "Tree"


def _check_tree(tree: Any) -> None:
    """Refuse node and feature indices that are out of bounds: scikit-learn follows them unchecked."""
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = left != -1
    nodes = tree.node_count
    sound = (
        bool(((left >= -1) & (left < nodes) & (right >= -1) & (right < nodes)).all())
        and bool((inner == (right != -1)).all())
        and bool(((feature[inner] >= 0) & (feature[inner] < tree.n_features)).all())
    )
    if not sound:
        raise Corrupted("a decision tree of this model points outside of itself; the file was tampered with")


def _mlflow(trusted: list[str], runs_code: bool) -> dict[str, Any]:
    if runs_code:
        return {"python_function": {"loader_module": "nbdeploy.flavors.mlflow"}}
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

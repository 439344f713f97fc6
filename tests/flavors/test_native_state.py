"""What compiled code follows without looking is checked, in every part of scikit-learn that has such state."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.cluster import KMeans
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC, SVR

from nbdeploy.errors import Corrupted
from nbdeploy.flavors.native_state import check_native_state
from nbdeploy.flavors.sklearn import FLAVOR

RANDOM = np.random.default_rng(0)
X = np.abs(RANDOM.normal(size=(90, 4)))
y = np.arange(90) % 3
WORDS = [["a"], ["b"], ["c"]] * 30


def _set(name: str, change: Callable[[Any], Any]) -> Callable[[Any], None]:
    def forge(model: Any) -> None:
        setattr(model, name, change(getattr(model, name)))

    return forge


def _first(value: float) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        copy = array.copy()
        copy.flat[0] = value
        return copy

    return change


def _category(model: Any) -> None:
    model._bin_mapper.is_categorical_ = model._bin_mapper.is_categorical_[:1]


def _sparse_index(model: Any) -> None:
    model.support_vectors_.indices[0] = 10**6


FORGED = {
    "support vectors missing": (SVC(), X, _set("support_vectors_", lambda a: a[:3])),
    "counts of another model": (SVC(), X, _set("_n_support", _first(500))),
    "negative counts": (SVC(), X, _set("_n_support", _first(-1))),
    "coefficients missing": (SVC(), X, _set("_dual_coef_", lambda a: a[:, :2])),
    "intercepts missing": (SVC(), X, _set("_intercept_", lambda a: a[:1])),
    "a kernel's rows": (SVC(kernel="precomputed"), X @ X.T, _set("support_", _first(10**6))),
    "regression": (SVR(), X, _set("_dual_coef_", lambda a: a[:, :2])),
    "sparse indices": (SVC(), sp.csr_matrix(X), _sparse_index),
    "neighbours' labels": (KNeighborsClassifier(algorithm="brute"), X, _set("_y", lambda a: a[:5])),
    "labels of no class": (KNeighborsClassifier(), X, _set("_y", _first(99))),
    "number of neighbours": (KNeighborsClassifier(), X, _set("n_samples_fit_", lambda _: 10**6)),
    "centres": (KMeans(3, n_init=1), X, _set("cluster_centers_", lambda a: a[:, :1])),
    "rounds": (GradientBoostingClassifier(n_estimators=2), X, _set("n_trees_per_iteration_", lambda _: 1)),
    "first guess": (
        GradientBoostingClassifier(n_estimators=2),
        X,
        lambda model: setattr(model.init_, "class_prior_", np.array([1.0])),
    ),
    "map of categories": (HistGradientBoostingClassifier(max_iter=2), X, _category),
    "vocabulary": (CountVectorizer(), ["aa bb", "bb cc"] * 45, _set("vocabulary_", lambda w: {**w, "aa": 10**9})),
    "infrequent": (
        OneHotEncoder(max_categories=2),
        WORDS,
        lambda model: model._default_to_infrequent_mappings[0].__setitem__(0, 10**6),
    ),
    "width": (OneHotEncoder(), WORDS, _set("_n_features_outs", lambda _: [1])),
}


@pytest.mark.parametrize(("model", "rows", "forge"), FORGED.values(), ids=FORGED)
def test_forged_indices_and_sizes_are_refused(model: Any, rows: Any, forge: Callable[[Any], None]) -> None:
    """A model as scikit-learn makes it passes; one number changed, and it is refused."""
    model.fit(rows, y)
    check_native_state(model)
    forge(model)
    with pytest.raises(Corrupted, match="outside of itself"):
        check_native_state(model)


def test_sound_models_with_trees_of_rows_pass() -> None:
    """Weights beside the rows of a density are part of what is checked."""
    check_native_state(KernelDensity().fit(X, sample_weight=np.ones(len(X))))


def _schema(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite the schema of a skops file."""
    path = folder / "model/model.skops"
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    change(schema)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {**files, "schema.json": json.dumps(schema).encode()}.items():
            archive.writestr(name, content)
    path.write_bytes(buffer.getvalue())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda schema: schema.update(__module__="os", __class__="system"), "types that the snapshot does not list"),
        (lambda schema: schema.pop("__class__"), "is not a scikit-learn model, or is damaged"),
        (
            lambda schema: schema["content"].update(file="nowhere.npy", __loader__="NdArrayNode", type="numpy"),
            "is not a scikit-learn model, or is damaged",
        ),
    ],
)
def test_a_forged_file_is_refused_before_anything_is_built(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    """Types that are not listed, and structures that are none."""
    saved = FLAVOR.save(KMeans(2, n_init=1).fit(X), tmp_path, None)
    _schema(tmp_path, change)
    with pytest.raises(Corrupted, match=message):
        FLAVOR.load(tmp_path, saved.loader)

"""skops files that are written straight to the disk are what skops itself would read and say of them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from nbdeploy.flavors.skops_files import read_audited, write_canonical

X = np.random.default_rng(0).normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)
WORDS = ["red wine", "white wine", "red rose"] * 20
MODELS = [
    (RandomForestClassifier(3, random_state=0), X),
    (KNeighborsClassifier(algorithm="kd_tree"), X),
    (make_pipeline(TfidfVectorizer(), LogisticRegression()), WORDS),
]


@pytest.mark.parametrize(("model", "rows"), MODELS, ids=["forest", "neighbours", "text"])
def test_skops_reads_what_is_written_and_finds_the_same_types(model: Any, rows: Any, tmp_path: Path) -> None:
    """Whoever has skops only can load it, and is told to trust the same types."""
    path = tmp_path / "model.skops"
    trusted = write_canonical(model.fit(rows, y), path, None, {})
    assert trusted == skops.io.get_untrusted_types(file=path)
    for loaded in (skops.io.load(path, trusted=trusted), read_audited(path, trusted)):
        assert loaded.predict_proba(rows).tolist() == model.predict_proba(rows).tolist()


def test_the_same_model_fitted_twice_is_the_same_bytes(tmp_path: Path) -> None:
    """Nothing tells where in memory it was, or when it was written."""
    for name in ("one", "two"):
        write_canonical(RandomForestClassifier(3, random_state=0).fit(X, y), tmp_path / name, None, {})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_compressed_file_is_read_too(tmp_path: Path) -> None:
    """As people write them who are short of space."""
    path, model = tmp_path / "model.skops", LogisticRegression().fit(X, y)
    skops.io.dump(model, path, compression=8)
    assert read_audited(path, []).predict(X).tolist() == model.predict(X).tolist()


def test_nothing_is_built_of_types_that_are_not_listed(tmp_path: Path) -> None:
    """The whole tree of types is looked at first."""
    path = tmp_path / "model.skops"
    write_canonical(RandomForestClassifier(3, random_state=0).fit(X, y), path, None, {})
    with pytest.raises(UntrustedTypesFoundException, match="Tree"):
        read_audited(path, [])
    assert gc.isenabled()


def test_a_clean_process_knows_scipys_functions_before_most_modules(script: Callable[[str], dict[str, Any]]) -> None:
    """skops looks each of them up in every module that was imported before: that takes longer than importing it."""
    answer = script(
        "import sys\n"
        "from nbdeploy.snapshots.rehearsal.process import _get_ready\n"
        "_get_ready('sklearn')\n"
        "modules = list(sys.modules)\n"
        "answer = [modules.index(name) for name in ('scipy.special._ufuncs', 'pandas', 'skops.io')]\n"
    )
    assert answer == sorted(answer)
    assert answer[0] < answer[-1] / 2

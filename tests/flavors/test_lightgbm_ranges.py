"""LightGBM's text keeps the lowest and the highest value of every column; ours does not, and answers the same."""

from __future__ import annotations

import numpy as np
from lightgbm import LGBMClassifier

from nbdeploy.flavors.lightgbm import FLAVOR


def test_a_model_says_nothing_of_the_range_of_its_columns() -> None:
    """Those are somebody's own values."""
    X = np.random.default_rng(0).normal(size=(200, 3))
    model = LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1).fit(X, X[:, 0] > 0)
    assert f"{X.max():.17g}" in model.booster_.model_to_string()
    raw, document = FLAVOR.pack(model)
    assert b"feature_infos=none none none\n" in raw
    assert f"{X.max():.17g}".encode() not in raw
    loaded = FLAVOR.unpack(raw, LGBMClassifier, document)
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert FLAVOR.pack(loaded)[0] == raw

"""What a model takes is what it was given, in every form, and callers are held to what its author declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

import nbdeploy as nd
from nbdeploy.errors import InvalidData

Script = Callable[[str], dict[str, Any]]

SOURCE = """
import numpy as np, pandas as pd, nbdeploy as nd

def season(rows):
    return rows["x"].to_numpy() + rows.index.month.to_numpy()

def crop(images):
    return images[:, ::2, :3]

days = pd.DataFrame({"x": np.arange(30.0)}, index=pd.date_range("2020", periods=30, freq="7D", name="at"))
images = np.arange(240, dtype="float32").reshape(10, 4, 6)
nd.snapshot(season, "season", data=days, defaults={"x": 1.5}, unknown_columns="reject")
nd.snapshot(crop, "crop", data=images)
answer = season(days).tolist()
"""


def test_sparse_rows_stay_sparse_and_dense_ones_are_taken_too() -> None:
    """A model of three thousand features is proven without a table of three thousand columns."""
    X = sparse.random_array((60, 3000), density=0.01, random_state=0, format="csr")
    model = LogisticRegression().fit(X, np.arange(60) % 2)
    nd.snapshot(model, "text", data=X, labels=np.arange(60) % 2)
    predictor = nd.load("text")
    assert predictor.sample.width == 1
    assert predictor.predict(X).tolist() == model.predict(X).tolist()
    assert predictor.predict(X.toarray()[:2]).tolist() == model.predict(X[:2]).tolist()


def test_an_index_that_is_read_is_an_input_and_arrays_keep_their_dimensions(script: Script) -> None:
    """Callers send the index like a column, or as the index it is; a column with a default may be absent."""
    expected = script(SOURCE)
    season, crop = nd.load("season"), nd.load("crop")
    days = pd.DataFrame({"x": np.arange(30.0)}, index=pd.date_range("2020", periods=30, freq="7D", name="at"))
    assert season.signature.names == ["at", "x"]
    table = season.table(days)
    assert table["prediction"].tolist() == expected
    assert table.index.equals(days.index)
    assert season.table([{"at": "2020-05-01"}])["prediction"].tolist() == [6.5]
    with pytest.raises(InvalidData, match="1 columns that the model does not take: 'id'"):
        season.table([{"at": "2020-05-01", "id": 7}])
    images = np.arange(240, dtype="float32").reshape(10, 4, 6)
    np.testing.assert_array_equal(crop.predict(images), images[:, ::2, :3])
    assert crop.table(images).shape == (10, 1)


def test_data_that_cannot_come_back_is_refused() -> None:
    """Before anything is stored, with what to do."""
    frame = pd.DataFrame({"x": pd.Series([None, np.nan, "a"] * 9, dtype=object)})
    with pytest.raises(InvalidData, match="column 'x' has nan and none for a missing value"):
        nd.snapshot(lambda rows: np.zeros(len(rows)), "mixed", data=frame)
    assert nd.list_snapshots().document() == []

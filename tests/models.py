"""Data and models that many tests use."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd

PENGUINS = Path(__file__).parents[1] / "nbdeploy" / "demo" / "penguins.csv"

NOTEBOOK = textwrap.dedent(
    """
    import pandas as pd
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    SCALE = 10.0


    def slenderness(length, depth):
        return SCALE * length / depth


    class BillShape(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            self.fitted_ = True
            return self

        def transform(self, X):
            return X.assign(shape=slenderness(X["bill_length_mm"], X["bill_depth_mm"]))


    penguins = pd.read_csv(PENGUINS)
    y = penguins.pop("species")
    X = penguins.drop(columns="year")
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["bill_length_mm", "body_mass_g", "shape"]),
            ("words", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["island", "sex"]),
        ]
    )
    species = make_pipeline(BillShape(), columns, LogisticRegression(max_iter=2000)).fit(X, y)
    """
)
"""Cells that train a pipeline with a class, a function and a constant of the notebook's own."""


STOCK = textwrap.dedent(
    """
    import nbdeploy as nd
    from sklearn.ensemble import RandomForestClassifier

    numbers = X[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]].fillna(0.0)
    nd.snapshot(species, "species", data=X, test=(X, y))
    nd.snapshot(make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers, y), "lr", data=numbers)
    nd.snapshot(RandomForestClassifier(8, random_state=0).fit(numbers, y), "forest", data=numbers)
    """
)
"""Snapshots of the notebook's pipeline, of a linear model and of a forest."""

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def penguins() -> tuple[pd.DataFrame, pd.Series]:
    """Rows with missing values and categories, and the species."""
    frame = pd.read_csv(PENGUINS)
    return frame.drop(columns=["species", "year"]), frame["species"]


def populated(folder: Path, source: str) -> Path:
    """The store that a program of its own fills, with `folder` as its home; it knows ``PENGUINS``."""
    (folder / "script.py").write_text(f"PENGUINS = {str(PENGUINS)!r}\n{source}")
    environment = {**os.environ, "NBDEPLOY_HOME": str(folder)}
    subprocess.run([sys.executable, str(folder / "script.py")], cwd=folder, env=environment, check=True)
    return folder / "store"

"""The models that are served, trained here and now, and one request's worth of their rows.

``python -m tests.benchmarks.serving.models FOLDER`` trains them: a model for servers that are sent arrays, the same
for those that are sent named columns, and a snapshot. In a process of its own, so that the benchmark's stays small.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["MODELS", "Rows", "rows_of", "train"]

MODELS = ("lr", "rf", "mixed-lr", "mixed-rf", "svc")
"""``svc`` has no twin."""

_MIXED_ROWS = 2_843


@dataclass(frozen=True)
class Rows:
    """Rows of a model's data, as clients send them.

    Attributes
    ----------
    names : list of str
        The columns.
    values : list of lists
        Rows of numbers, text and None.
    """

    names: list[str]
    values: list[list[Any]]

    @property
    def mixed(self) -> bool:
        """Whether there is anything but numbers, so that an array cannot hold it."""
        return any(isinstance(value, str) for row in self.values for value in row)

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as one mapping each."""
        return [dict(zip(self.names, row, strict=True)) for row in self.values]


def rows_of(folder: Path, model: str) -> Rows:
    """Return the row that is sent, as :func:`train` left it."""
    return msgspec.json.decode((folder / f"{model}.json").read_bytes(), type=Rows)


def train(folder: Path) -> None:
    """Train every model; leave it as ``MODEL.joblib``, ``MODEL-frame.joblib`` and a snapshot, and a row of its data.

    Models of numbers alone are trained on arrays, and on frames for servers that give them such.
    """
    import joblib

    import nbdeploy as nd

    for name in MODELS:
        model, X, y = _model(name)
        joblib.dump(model.fit(X, y), folder / f"{name}-frame.joblib")
        if not name.startswith("mixed"):
            joblib.dump(model.fit(X.to_numpy(), y), folder / f"{name}.joblib")
        found = nd.snapshot(model, name, X if name.startswith("mixed") else X.to_numpy())
        sys.stdout.write(f"{found.line}\n")
        row = X.iloc[[7]].astype(object).where(X.iloc[[7]].notna(), None)
        rows = Rows(list(X.columns), row.to_numpy().tolist())
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(rows))


def _model(name: str) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    if name.startswith("mixed"):
        final = LogisticRegression(max_iter=1000) if name.endswith("lr") else RandomForestClassifier(60, random_state=0)
        X, y = _mixed_rows()
        return make_pipeline(_mixed_columns(), final), X, y
    X, y = _cancer()
    if name == "rf":
        return RandomForestClassifier(100, random_state=0), X, y
    return make_pipeline(StandardScaler(), SVC() if name == "svc" else LogisticRegression(max_iter=1000)), X, y


def _cancer() -> Any:
    """Columns by the names that those of an array have in a snapshot."""
    import pandas as pd
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]), y


def _mixed_columns() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore"), ["plan", "region", "channel"]),
            ("numbers", numbers, ["tenure", "balance"]),
        ]
    )


def _mixed_rows() -> Any:
    """Three columns of text, and two of numbers with missing ones; a row with a missing one is sent."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "plan": rng.choice(["basic", "silver", "gold"], _MIXED_ROWS),
            "region": rng.choice([f"R{i}" for i in range(20)], _MIXED_ROWS),
            "channel": rng.choice(["web", "phone", "shop", "partner"], _MIXED_ROWS),
            "tenure": rng.gamma(2.0, 12.0, _MIXED_ROWS).round(1),
            "balance": rng.normal(100.0, 40.0, _MIXED_ROWS).round(2),
        }
    )
    X.loc[rng.random(_MIXED_ROWS) < 0.1, "balance"] = np.nan
    X.loc[7, "balance"] = np.nan
    noise = rng.normal(size=_MIXED_ROWS)
    return X, np.where(X.tenure / 12 + (X.plan == "gold") - X.balance.fillna(100) / 100 + noise > 1, "stays", "leaves")


if __name__ == "__main__":
    train(Path(sys.argv[1]))

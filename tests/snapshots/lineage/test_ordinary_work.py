"""A day in a notebook: cells run again and in other orders, and nothing is warned of until something is wrong."""

from __future__ import annotations

import pytest

from nbdeploy.snapshots.lineage import made_elsewhere, past
from tests.snapshots.lineage.notebooks import Notebook

CELLS = {
    "imports": "import numpy as np\nimport pandas as pd\nfrom sklearn.linear_model import LogisticRegression\n"
    "from sklearn.model_selection import GridSearchCV, train_test_split\n"
    "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler",
    "load": "rng = np.random.default_rng(0)\ndf = pd.DataFrame({'age': rng.normal(40, 10, 200), "
    "'income': rng.normal(3e4, 1e4, 200), 'plan': rng.choice(['a', 'b'], 200)})\n"
    "df['churn'] = (df['age'] > 42).astype(int)",
    "look": "df.head()",
    "clean": "df['income'] = df['income'].clip(lower=0)\ndf = df.dropna()\n"
    "df['log_income'] = np.log1p(df['income'])\ndf = df[df['age'] > 0]",
    "features": "df['ratio'] = df['age'] / (df['income'] + 1)\ndf.loc[df['ratio'] > 1, 'ratio'] = 1\n"
    "features = ['age', 'income', 'ratio']",
    "split": "X = df[features]\ny = df['churn']\n"
    "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)",
    "groups": "counts = df.groupby('plan')['churn'].mean()",
    "fit": "model = make_pipeline(StandardScaler(), LogisticRegression())\nmodel.fit(X_train, y_train)\n"
    "model.score(X_test, y_test)",
    "search": "search = GridSearchCV(model, {'logisticregression__C': [0.1, 1]}, cv=3)\n"
    "%time search.fit(X_train, y_train)\nbest = search.best_estimator_",
}
ORDERS = [
    "imports load look clean features split groups fit search",
    "imports load clean features look features split fit groups search fit search",
    "imports load clean features split fit clean features split search look",
    "imports load load clean clean features features split fit search imports groups",
]


@pytest.mark.parametrize("order", ORDERS)
def test_running_cells_again_is_not_warned_of(notebook: Notebook, order: str) -> None:
    """And the data, a split of a selection, is raw."""
    notebook.save(**CELLS)
    notebook.run(*order.split())
    found = notebook.trace("best")
    assert found.notices == ()
    assert {cell["id"] for cell in found.facts["cells"]} == CELLS.keys() - {"look", "groups"}
    assert notebook.ask(lambda data: made_elsewhere(data, past()), "X_train") == []


def test_an_edit_is_warned_of_once(notebook: Notebook) -> None:
    """However many values come from the cell."""
    notebook.save(**CELLS)
    notebook.run(*ORDERS[0].split())
    notebook.save(**{**CELLS, "fit": CELLS["fit"].replace("LogisticRegression()", "LogisticRegression(C=3)")})
    (said,) = notebook.trace("best").notices
    assert said.count("was edited since it ran") == 1
    assert "from top to bottom model is from cell 8" in said

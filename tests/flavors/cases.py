"""One small model of every kind that a flavor stores; made twice, it is the same model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

PROBABILITIES = ["predict", "predict_proba", "predict_log_proba"]
ROWS = 96
CAPTURED = "nbdeploy_0123456789ab"
"""Name of the module that stands for the captured one of a notebook."""


NAMES = (
    "mixed pipeline",
    "logistic",
    "naive bayes",
    "support vectors",
    "neighbours",
    "gaussian process",
    "network",
    "boosted",
    "gradient boosting",
    "outliers",
    "novelty",
    "calibrated",
    "stacking",
    "voting",
    "bagging",
    "search",
    "clusters",
    "mixture",
    "transformer",
    "selection and features",
    "counted words",
    "weighed words",
    "sparse answer",
    "several outputs",
    "several numbers",
    "functions of the notebook",
    "xgb classifier",
    "xgb categories",
    "xgb dart",
    "xgb linear",
    "xgb vectors",
    "xgb booster",
    "lgb classifier",
    "lgb categories",
    "lgb linear",
    "lgb stopped early",
    "lgb booster",
    "cat classifier",
    "cat categories",
    "cat regressor",
    "boosters in pipelines",
    "booster in a search",
    "torch layers",
    "torch sentences",
    "torch deciding",
    "torch asked",
    "torch script",
    "onnx session",
    "onnx graph",
    "least squares",
    "binomial",
    "formula",
    "object",
    "object with a booster",
    "function",
)
"""The cases, without the frameworks being imported."""


@dataclass(frozen=True)
class Case:
    """A model, and what its flavor shall say of it.

    Attributes
    ----------
    name : str
        The test's name.
    flavor : str
        The flavor that shall take it.
    make : callable
        Returns the fitted model and rows for it.
    methods : list of str
        The methods that shall be stored, the default first.
    runs_code : bool
        Whether loading it executes code.
    module : str or None
        The captured module it needs.
    """

    name: str
    flavor: str
    make: Callable[[], tuple[Any, Any]]
    methods: list[str]
    runs_code: bool = False
    module: str | None = None


def frame() -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Four columns of numbers, two classes, three classes."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 4)), columns=list("abcd"))
    return X, ((X.a + X.b) > 0).astype(int), (X.a > 0).astype(int) + (X.b > 0).astype(int)


def words() -> tuple[list[str], list[int]]:
    """Short texts, good or bad."""
    texts = [f"{'good' if i % 2 else 'bad'} day number{i % 7} at sea" for i in range(ROWS)]
    return texts, [i % 2 for i in range(ROWS)]


def _sklearn() -> list[Case]:
    from sklearn import (
        calibration,
        cluster,
        compose,
        decomposition,
        ensemble,
        feature_extraction,
        feature_selection,
        gaussian_process,
        impute,
        linear_model,
        mixture,
        model_selection,
        multioutput,
        naive_bayes,
        neighbors,
        neural_network,
        pipeline,
        preprocessing,
        svm,
    )

    X, y, y3 = frame()
    labels = y3.map({0: "low", 1: "mid", 2: "high"})
    lr = linear_model.LogisticRegression
    made = pipeline.make_pipeline

    def fitted(model: Any, target: Any = y, data: Any = X) -> Callable[[], tuple[Any, Any]]:
        from sklearn.base import clone

        return lambda: (clone(model).fit(data, target), data)

    def mixed() -> tuple[Any, Any]:
        data = X.assign(k=np.where(X.a > 0, "u", "v"), a=X.a.where(X.c > -1))
        columns = compose.make_column_transformer(
            (made(impute.SimpleImputer(add_indicator=True), preprocessing.StandardScaler()), list("abcd")),
            (preprocessing.OneHotEncoder(handle_unknown="ignore"), ["k"]),
        )
        return made(columns, ensemble.RandomForestClassifier(4, random_state=0, n_jobs=2)).fit(data, labels), data

    def text(vectorizer: Any) -> tuple[Any, Any]:
        texts, target = words()
        data = np.array(texts, dtype=object)
        return made(vectorizer, naive_bayes.MultinomialNB()).fit(data, target), data

    def search() -> tuple[Any, Any]:
        grid = {"logisticregression__C": [0.1, 1.0]}
        searched = model_selection.GridSearchCV(made(preprocessing.StandardScaler(), lr()), grid, cv=2)
        return searched.fit(X, labels), X

    stack = [("lr", lr()), ("knn", neighbors.KNeighborsClassifier())]
    decided = [*PROBABILITIES, "decision_function"]
    return [
        Case("mixed pipeline", "sklearn", mixed, PROBABILITIES),
        Case("logistic", "sklearn", fitted(lr(), labels), decided),
        Case("naive bayes", "sklearn", fitted(naive_bayes.GaussianNB(), labels), PROBABILITIES),
        Case("support vectors", "sklearn", fitted(svm.SVC(), labels), ["predict", "decision_function"]),
        Case("neighbours", "sklearn", fitted(neighbors.KNeighborsClassifier()), ["predict", "predict_proba"]),
        Case(
            "gaussian process",
            "sklearn",
            fitted(gaussian_process.GaussianProcessClassifier(random_state=0)),
            ["predict", "predict_proba"],
        ),
        Case(
            "network",
            "sklearn",
            fitted(neural_network.MLPClassifier((4,), solver="lbfgs", random_state=0)),
            PROBABILITIES,
        ),
        Case(
            "boosted",
            "sklearn",
            fitted(ensemble.HistGradientBoostingClassifier(max_iter=3, random_state=0)),
            [*decided[:2], decided[-1]],
        ),
        Case(
            "gradient boosting",
            "sklearn",
            fitted(ensemble.GradientBoostingClassifier(n_estimators=3, random_state=0)),
            decided,
        ),
        Case(
            "outliers",
            "sklearn",
            fitted(ensemble.IsolationForest(n_estimators=5, random_state=0)),
            ["predict", "decision_function", "score_samples"],
        ),
        Case(
            "novelty",
            "sklearn",
            fitted(neighbors.LocalOutlierFactor(novelty=True)),
            ["predict", "decision_function", "score_samples"],
        ),
        Case(
            "calibrated",
            "sklearn",
            fitted(calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2)),
            PROBABILITIES[:2],
        ),
        Case(
            "stacking",
            "sklearn",
            fitted(ensemble.StackingClassifier(stack, cv=2)),
            ["predict", "predict_proba", "decision_function", "transform"],
        ),
        Case(
            "voting",
            "sklearn",
            fitted(ensemble.VotingClassifier(stack, voting="soft")),
            ["predict", "predict_proba", "transform"],
        ),
        Case("bagging", "sklearn", fitted(ensemble.BaggingClassifier(lr(), 3, random_state=0)), decided),
        Case("search", "sklearn", search, decided),
        Case("clusters", "sklearn", fitted(cluster.KMeans(3, n_init=1, random_state=0)), ["predict", "transform"]),
        Case(
            "mixture",
            "sklearn",
            fitted(mixture.GaussianMixture(2, random_state=0)),
            ["predict", "predict_proba", "score_samples"],
        ),
        Case("transformer", "sklearn", fitted(decomposition.PCA(2)), ["transform", "score_samples"]),
        Case(
            "selection and features",
            "sklearn",
            fitted(
                made(
                    pipeline.make_union(preprocessing.PolynomialFeatures(2), preprocessing.KBinsDiscretizer(3)),
                    feature_selection.SelectKBest(k=5),
                    linear_model.Ridge(),
                )
            ),
            ["predict"],
        ),
        Case("counted words", "sklearn", lambda: text(feature_extraction.text.CountVectorizer()), PROBABILITIES),
        Case(
            "weighed words",
            "sklearn",
            lambda: text(feature_extraction.text.TfidfVectorizer(stop_words=["at"])),
            PROBABILITIES,
        ),
        Case(
            "sparse answer",
            "sklearn",
            lambda: (feature_extraction.text.TfidfVectorizer().fit(words()[0]), np.array(words()[0], dtype=object)),
            ["transform"],
        ),
        Case(
            "several outputs",
            "sklearn",
            fitted(ensemble.RandomForestClassifier(3, random_state=0), np.c_[y, y3]),
            PROBABILITIES,
        ),
        Case(
            "several numbers",
            "sklearn",
            fitted(multioutput.MultiOutputRegressor(linear_model.Ridge()), np.c_[y, y3]),
            ["predict"],
        ),
    ]


def _notebook() -> list[Case]:
    """Functions of a notebook inside a pipeline of scikit-learn."""
    import functools

    from sklearn import linear_model, pipeline, preprocessing

    from nbdeploy.flavors.pickling import exported_name

    def doubled(rows: Any, times: float = 2.0) -> Any:
        return rows * times

    nameless = lambda rows: rows + 1.0  # noqa: E731
    for function in (doubled, nameless):
        function.__module__ = "__main__"
    doubled.__qualname__ = "doubled"
    captured = ModuleType(CAPTURED)
    for function in (doubled, nameless):
        setattr(captured, exported_name(function), function)
    import sys

    sys.modules[CAPTURED] = captured
    X, y, _ = frame()

    def made() -> tuple[Any, Any]:
        steps = [doubled, nameless, functools.partial(doubled, times=3.0), np.abs]
        parts = [preprocessing.FunctionTransformer(step) for step in steps]
        return pipeline.make_pipeline(*parts, linear_model.LogisticRegression()).fit(X, y), X

    methods = [*PROBABILITIES, "decision_function"]
    return [Case("functions of the notebook", "sklearn", made, methods, runs_code=True, module=CAPTURED)]


def _boosters() -> list[Case]:
    import catboost
    import lightgbm
    import xgboost
    from sklearn import ensemble, model_selection, pipeline, preprocessing

    X, y, y3 = frame()
    kinds = X.assign(k=pd.Categorical(np.where(X.a > 0.2, "u", np.where(X.b > 0, "v", "w"))))
    texts = kinds.astype({"k": object})
    labels = np.array(["no", "yes"])[y]
    quiet = {"n_estimators": 4, "verbose": -1, "n_jobs": 2}
    cat = {"iterations": 4, "depth": 3, "verbose": 0, "allow_writing_files": False, "random_seed": 0, "thread_count": 2}

    def stopped() -> tuple[Any, Any]:
        model = lightgbm.LGBMRegressor(**{**quiet, "n_estimators": 30})
        stop = lightgbm.early_stopping(2, verbose=False)
        return model.fit(X, y3, eval_set=[(X, y3.to_numpy()[::-1])], callbacks=[stop]), X

    def inside(*boosters: Any) -> tuple[Any, Any]:
        members = [(f"m{i}", pipeline.make_pipeline(preprocessing.StandardScaler(), b)) for i, b in enumerate(boosters)]
        return ensemble.VotingClassifier(members, voting="soft").fit(X, y), X

    def searched() -> tuple[Any, Any]:
        steps = pipeline.make_pipeline(preprocessing.StandardScaler(), xgboost.XGBClassifier(n_estimators=2, n_jobs=1))
        return model_selection.GridSearchCV(steps, {"xgbclassifier__max_depth": [1, 2]}, cv=2).fit(X, y), X

    two, three = ["predict", "predict_proba"], [*PROBABILITIES]
    lgb = [*two, "decision_function"]
    matrix = xgboost.DMatrix
    return [
        Case("xgb classifier", "xgboost", lambda: (xgboost.XGBClassifier(n_estimators=4, n_jobs=2).fit(X, y), X), two),
        Case(
            "xgb categories",
            "xgboost",
            lambda: (xgboost.XGBClassifier(n_estimators=4, enable_categorical=True, n_jobs=1).fit(kinds, y3), kinds),
            two,
        ),
        Case(
            "xgb dart",
            "xgboost",
            lambda: (xgboost.XGBRegressor(n_estimators=4, booster="dart", missing=-1.0, n_jobs=1).fit(X, y3), X),
            ["predict"],
        ),
        Case(
            "xgb linear",
            "xgboost",
            lambda: (xgboost.XGBRegressor(booster="gblinear", updater="coord_descent", n_jobs=1).fit(X, y3), X),
            ["predict"],
        ),
        Case(
            "xgb vectors",
            "xgboost",
            lambda: (
                xgboost.XGBRegressor(n_estimators=2, multi_strategy="multi_output_tree", n_jobs=1).fit(X, np.c_[y, y3]),
                X,
            ),
            ["predict"],
        ),
        Case(
            "xgb booster",
            "xgboost",
            lambda: (xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, matrix(X, y3), 3), X),
            ["predict"],
        ),
        Case("lgb classifier", "lightgbm", lambda: (lightgbm.LGBMClassifier(**quiet).fit(X, labels), X), lgb),
        Case("lgb categories", "lightgbm", lambda: (lightgbm.LGBMClassifier(**quiet).fit(kinds, y3), kinds), lgb),
        Case(
            "lgb linear",
            "lightgbm",
            lambda: (lightgbm.LGBMRegressor(**quiet, linear_tree=True).fit(X, y3), X),
            ["predict"],
        ),
        Case("lgb stopped early", "lightgbm", stopped, ["predict"]),
        Case(
            "lgb booster",
            "lightgbm",
            lambda: (
                lightgbm.train({"num_class": 3, "objective": "multiclass", **quiet}, lightgbm.Dataset(X, y3), 3),
                X,
            ),
            ["predict"],
        ),
        Case("cat classifier", "catboost", lambda: (catboost.CatBoostClassifier(**cat).fit(X, labels), X), three, True),
        Case(
            "cat categories",
            "catboost",
            lambda: (catboost.CatBoostClassifier(**cat, cat_features=["k"]).fit(texts, y3), texts),
            three,
            True,
        ),
        Case(
            "cat regressor",
            "catboost",
            lambda: (catboost.CatBoostRegressor(**cat, grow_policy="Lossguide").fit(X, y3), X),
            ["predict"],
            True,
        ),
        Case(
            "boosters in pipelines",
            "sklearn",
            lambda: inside(
                xgboost.XGBClassifier(n_estimators=3, n_jobs=1),
                lightgbm.LGBMClassifier(**quiet),
                catboost.CatBoostClassifier(**cat),
            ),
            [*two, "transform"],
            True,
        ),
        Case("booster in a search", "sklearn", searched, two),
    ]


def _torch() -> list[Case]:
    import torch
    from torch import nn

    X = frame()[0].to_numpy()
    words = np.random.default_rng(0).integers(0, 9, size=(ROWS, 5))

    class Deciding(nn.Module):
        """Does what no exported program can: it decides by values."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 2)
            self.tied = self.first
            self.names = {"b", "a", "c"}

        def forward(self, rows: Any) -> Any:
            hidden = torch.relu(self.tied(rows))
            return self.last(hidden) if bool(self.last.weight.sum() > -99) else hidden

    class Sentences(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.read, self.last = nn.Embedding(9, 4), nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 2)

        def forward(self, rows: Any) -> Any:
            state, _ = self.read(self.embed(rows))
            last = self.last(state[:, -1])
            return {"score": last[:, 0], "spread": last.exp()}

    class Asked(Deciding):
        def predict(self, rows: Any) -> Any:
            return self(torch.as_tensor(rows, dtype=torch.float32)).argmax(1)

    globals().update({cls.__name__: cls for cls in (Asked, Deciding, Sentences)})
    for cls in (Asked, Deciding, Sentences):
        cls.__qualname__ = cls.__name__

    def seeded(make: Callable[[], Any], data: Any) -> Callable[[], tuple[Any, Any]]:
        def made() -> tuple[Any, Any]:
            torch.manual_seed(0)
            return make(), data

        return made

    def layers() -> Any:
        return nn.Sequential(
            nn.Linear(4, 8), nn.ReLU(inplace=True), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)
        )

    def scripted() -> Any:
        with warnings.catch_warnings(action="ignore"):
            return torch.jit.script(layers())

    return [
        Case("torch layers", "torch", seeded(layers, torch.from_numpy(X)), ["predict"]),
        Case("torch sentences", "torch", seeded(Sentences, words), ["predict"]),
        Case("torch deciding", "torch_modules", seeded(Deciding, X), ["predict"], runs_code=True),
        Case("torch asked", "torch_modules", seeded(Asked, X), ["predict", "forward"], runs_code=True),
        Case("torch script", "torch_scripts", seeded(scripted, X), ["predict"], runs_code=True),
    ]


def _onnx() -> list[Case]:
    import onnxruntime
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression

    X, y, y3 = frame()
    narrow = X.to_numpy().astype("float32")

    def session() -> tuple[Any, Any]:
        model = RandomForestClassifier(3, random_state=0).fit(narrow, y3.map({0: "low", 1: "mid", 2: "high"}))
        raw = to_onnx(model, narrow[:1]).SerializeToString()
        return onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"]), X

    def graph() -> tuple[Any, Any]:
        return to_onnx(LinearRegression().fit(narrow, y), narrow[:1]), narrow

    return [
        Case("onnx session", "onnx", session, ["predict", "predict_proba"]),
        Case("onnx graph", "onnx", graph, ["predict"]),
    ]


def _statsmodels() -> list[Case]:
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    X, y, y3 = frame()
    with_constant = sm.add_constant(X)
    table = X.assign(k=np.where(X.a > 0, "u", "v"), y=X.a * 2 + X.c)

    def binomial() -> tuple[Any, Any]:
        return sm.GLM(y3 > 1, with_constant, family=sm.families.Binomial()).fit(), with_constant

    return [
        Case(
            "least squares", "statsmodels", lambda: (sm.OLS(y, with_constant).fit(), with_constant), ["predict"], True
        ),
        Case("binomial", "statsmodels", binomial, ["predict"], True),
        Case(
            "formula",
            "statsmodels",
            lambda: (smf.ols("y ~ a + center(b) + C(k)", table).fit(), table[["a", "b", "k"]]),
            ["predict"],
            True,
        ),
    ]


class Rule:
    """A model that is a plain object."""

    def __init__(self) -> None:
        self.seen = {f"word{i}" for i in range(20)}
        self.kept = frozenset({("b", 1), ("a", 2)})
        self.inner: dict[str, Any] = {}

    def predict(self, rows: Any) -> Any:
        """Answer with the first column, and what the inner model says."""
        answer = rows["a"].to_numpy() * len(self.seen)
        return answer + self.inner["model"].predict(rows) if self.inner else answer


def _python() -> list[Case]:
    import catboost

    X, y, _ = frame()

    def wrapped() -> tuple[Any, Any]:
        rule = Rule()
        settings = {"iterations": 3, "verbose": 0, "allow_writing_files": False, "random_seed": 0}
        rule.inner["model"] = catboost.CatBoostRegressor(**settings).fit(X, y)
        return rule, X

    return [
        Case("object", "python", lambda: (Rule(), X), ["predict"], True),
        Case("object with a booster", "python", wrapped, ["predict"], True),
        Case("function", "python", lambda: (total, X), ["predict"], True),
    ]


def total(rows: Any) -> Any:
    """A function that is a model."""
    return rows.sum(axis=1)


@cache
def cases() -> dict[str, Case]:
    """Every case by name."""
    with warnings.catch_warnings(action="ignore"):
        groups = (_sklearn, _notebook, _boosters, _torch, _onnx, _statsmodels, _python)
        found = {case.name: case for group in groups for case in group()}
    assert tuple(found) == NAMES
    return found

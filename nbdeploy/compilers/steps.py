"""The table of steps: which compiler function knows which class, and what happens to the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from nbdeploy.compilers.native import call_natively, finish_natively
from nbdeploy.compilers.stages import NotCompiled, Numbers, Stage, name_of
from nbdeploy.compilers.twin import Method

__all__ = ["FINALS", "TRANSFORMERS", "TREES", "Final", "compile_final", "compile_transformer"]

Final = Mapping[str, tuple[Method, bool]]
"""The methods of a model: how each answers rows, and whether it is meant to give the native bits."""

_ROOM = "nbdeploy.compilers."

TRANSFORMERS: dict[str, str] = {
    "sklearn.Binarizer": "scaling:binarizer",
    "sklearn.ColumnTransformer": "composed:column_transformer",
    "sklearn.CountVectorizer": "text:count_vectorizer",
    "sklearn.FeatureUnion": "composed:feature_union",
    "sklearn.FunctionTransformer": "functions:function_transformer",
    "sklearn.GenericUnivariateSelect": "selecting:selector",
    "sklearn.KBinsDiscretizer": "binning:k_bins",
    "sklearn.MaxAbsScaler": "scaling:max_abs",
    "sklearn.MinMaxScaler": "scaling:min_max",
    "sklearn.MissingIndicator": "imputing:missing_indicator",
    "sklearn.Normalizer": "scaling:normalizer",
    "sklearn.OneHotEncoder": "encoding:one_hot",
    "sklearn.OrdinalEncoder": "encoding:ordinal",
    "sklearn.PCA": "projecting:pca",
    "sklearn.Pipeline": "composed:pipeline",
    "sklearn.PolynomialFeatures": "scaling:polynomial",
    "sklearn.RFE": "selecting:selector",
    "sklearn.RFECV": "selecting:selector",
    "sklearn.RobustScaler": "scaling:robust",
    "sklearn.SelectFdr": "selecting:selector",
    "sklearn.SelectFpr": "selecting:selector",
    "sklearn.SelectFromModel": "selecting:selector",
    "sklearn.SelectFwe": "selecting:selector",
    "sklearn.SelectKBest": "selecting:selector",
    "sklearn.SelectPercentile": "selecting:selector",
    "sklearn.SequentialFeatureSelector": "selecting:selector",
    "sklearn.SimpleImputer": "imputing:simple_imputer",
    "sklearn.StandardScaler": "scaling:standard",
    "sklearn.TargetEncoder": "encoding:target",
    "sklearn.TfidfTransformer": "text:tfidf_transformer",
    "sklearn.TfidfVectorizer": "text:tfidf_vectorizer",
    "sklearn.TruncatedSVD": "projecting:truncated_svd",
    "sklearn.VarianceThreshold": "selecting:selector",
}
"""Class of a step to the function that compiles it: ``(step, stage) -> stage``."""

TREES: dict[str, str] = {
    "lightgbm.Booster": "lightgbm:booster",
    "lightgbm.LGBMClassifier": "lightgbm:classifier",
    "lightgbm.LGBMRanker": "lightgbm:regressor",
    "lightgbm.LGBMRegressor": "lightgbm:regressor",
    "sklearn.DecisionTreeClassifier": "trees:forest_classifier",
    "sklearn.DecisionTreeRegressor": "trees:forest_regressor",
    "sklearn.ExtraTreeClassifier": "trees:forest_classifier",
    "sklearn.ExtraTreeRegressor": "trees:forest_regressor",
    "sklearn.ExtraTreesClassifier": "trees:forest_classifier",
    "sklearn.ExtraTreesRegressor": "trees:forest_regressor",
    "sklearn.GradientBoostingClassifier": "boosting:gradient_classifier",
    "sklearn.GradientBoostingRegressor": "boosting:gradient_regressor",
    "sklearn.HistGradientBoostingClassifier": "boosting:histogram_classifier",
    "sklearn.HistGradientBoostingRegressor": "boosting:histogram_regressor",
    "sklearn.IsolationForest": "trees:isolation_forest",
    "sklearn.RandomForestClassifier": "trees:forest_classifier",
    "sklearn.RandomForestRegressor": "trees:forest_regressor",
    "xgboost.Booster": "xgboost:booster",
    "xgboost.XGBClassifier": "xgboost:classifier",
    "xgboost.XGBRFClassifier": "xgboost:classifier",
    "xgboost.XGBRFRegressor": "xgboost:regressor",
    "xgboost.XGBRanker": "xgboost:regressor",
    "xgboost.XGBRegressor": "xgboost:regressor",
}
"""Class of a tree ensemble to the function that compiles it: ``(model, stage) -> methods``."""

_LINEAR = (
    "ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "HuberRegressor", "Lars", "Lasso", "LassoCV",
    "LassoLars", "LinearRegression", "LinearSVR", "OrthogonalMatchingPursuit", "Ridge", "RidgeCV", "SGDRegressor",
    "TheilSenRegressor",
)  # fmt: skip
_DECIDING = ("LinearSVC", "PassiveAggressiveClassifier", "Perceptron", "RidgeClassifier", "RidgeClassifierCV")

FINALS: dict[str, str] = {
    **TREES,
    **{f"sklearn.{name}": "linear:regressor" for name in _LINEAR},
    **{f"sklearn.{name}": "linear:classifier" for name in _DECIDING},
    "nbdeploy.Chain": "composed:chain",
    "sklearn.BernoulliNB": "bayes:bernoulli",
    "sklearn.CategoricalNB": "bayes:categorical",
    "sklearn.ComplementNB": "bayes:complement",
    "sklearn.GaussianNB": "bayes:gaussian",
    "sklearn.GridSearchCV": "composed:search",
    "sklearn.HalvingGridSearchCV": "composed:search",
    "sklearn.HalvingRandomSearchCV": "composed:search",
    "sklearn.KNeighborsClassifier": "neighbours:classifier",
    "sklearn.KNeighborsRegressor": "neighbours:regressor",
    "sklearn.LinearDiscriminantAnalysis": "linear:discriminant",
    "sklearn.LogisticRegression": "linear:logistic",
    "sklearn.LogisticRegressionCV": "linear:logistic",
    "sklearn.MultinomialNB": "bayes:multinomial",
    "sklearn.Pipeline": "composed:final_pipeline",
    "sklearn.RandomizedSearchCV": "composed:search",
    "sklearn.SGDClassifier": "linear:sgd",
}
"""Class of a model to the function that compiles it: ``(model, stage) -> methods``."""


def compile_transformer(step: Any, given: Stage, name: str) -> Stage:
    """Compile one step; one that no compiler knows is called natively.

    Parameters
    ----------
    step : object
        A fitted transformer.
    given : Fields or Numbers
        What flows into it.
    name : str
        Its name in the pipeline, for reasons.

    Raises
    ------
    NotCompiled
        If it can be neither compiled nor called natively here.
    """
    target, where = TRANSFORMERS.get(name_of(step)), f"step {name!r} ({type(step).__name__})"
    if target is None:
        return call_natively(step, given, name, NotCompiled("it is not known", where))
    try:
        stage: Stage = _function(target)(step, given)
    except NotCompiled as reason:
        if target.startswith("composed:"):
            raise reason.at(where) from None
        return call_natively(step, given, name, reason.at(where))
    if given.plan.exact and not stage_is_exact(stage) and stage_is_exact(given):
        return call_natively(step, given, name, NotCompiled("it rounds", where))
    return stage


def ends_in_trees(model: Any) -> bool:
    """Whether a model, or the last step of its pipelines and searches, is a tree ensemble: its twin never rounds."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif name_of(model) == "nbdeploy.Chain":
            model = model.model
        elif hasattr(model, "steps"):
            model = model.steps[-1][1]
        else:
            return name_of(model) in TREES


def stage_is_exact(stage: Stage) -> bool:
    """Whether a stage has the very bits of the native one."""
    return getattr(stage, "exact", True)


def compile_final(model: Any, given: Stage, name: str = "model") -> Final:
    """Compile a model, or the last step of a pipeline; one that no compiler knows is called natively after others.

    Raises
    ------
    NotCompiled
        If no compiler knows it, and nothing would be gained by calling it natively.
    """
    key, where = name_of(model), f"{name} ({type(model).__name__})"
    if key in FINALS:
        try:
            final: Final = _function(FINALS[key])(model, given)
        except NotCompiled as reason:
            if FINALS[key].startswith("composed:"):
                raise reason.at(where) from None
            return finish_natively(model, given, reason.at(where))
        return final
    if key in TRANSFORMERS:
        return _transforming(model, given, name)
    return finish_natively(model, given, NotCompiled("it is not known", where))


def _transforming(model: Any, given: Stage, name: str) -> Final:
    """A transformer as the model itself: its ``transform`` is the answer."""
    stage = compile_transformer(model, given, name)
    if not isinstance(stage, Numbers) or stage.sparse or _answers_frames(model):
        raise NotCompiled("it does not answer with a plain array", f"{name} ({type(model).__name__})")
    run = stage.run
    return {"transform": (lambda rows: (run(rows), None), stage.exact)}


def _answers_frames(model: Any) -> bool:
    """Whether ``set_output`` asks for frames."""
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    config = getattr(last, "_sklearn_output_config", {})
    return bool(config.get("transform", "default") != "default")


def _function(target: str) -> Callable[..., Any]:
    module, _, attribute = target.partition(":")
    found: Callable[..., Any] = getattr(import_module(_ROOM + module), attribute)
    return found

"""CatBoost's models, in its own binary format."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from nbdeploy.flavors.native import Native

__all__ = ["FLAVOR"]

_RANDOM = {"model_guid": "", "train_finish_time": ""}
"""What CatBoost writes into a model that says nothing of it: a random name, and when it was trained."""

_ALONE: ContextVar[bool] = ContextVar("alone", default=False)


class CatBoost(Native):
    """See :class:`nbdeploy.flavors.Flavor`.

    CatBoost follows the offsets and indices of its files without looking where they lead: one byte changed can end
    the process, and a forged file could do more. So its models are loaded only where code may run.
    """

    package = "catboost"
    file = "model/model.cbm"
    kinds = frozenset({"CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor"})

    def call(self, model: Any, method: str, data: Any) -> Any:
        return getattr(model, method)(data, thread_count=1)

    @contextlib.contextmanager
    def one_thread(self) -> Iterator[None]:
        _limit()
        token = _ALONE.set(True)
        try:
            yield
        finally:
            _ALONE.reset(token)

    def pack(self, model: Any) -> tuple[bytes, dict[str, Any]]:
        copy = type(model)().load_model(blob=model._serialize_model())
        for name, value in _RANDOM.items():
            with contextlib.suppress(KeyError):
                copy.get_metadata()[name] = value
        return copy._serialize_model(), {}

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return True

    def unpack(self, raw: bytes, kind: type, document: dict[str, Any]) -> Any:
        model: Any = kind()
        return model.load_model(blob=raw)


FLAVOR = CatBoost()


@functools.cache
def _limit() -> None:
    """Let CatBoost be told from outside to work in one thread.

    It takes the number of threads with a call only, and what calls a step of a pipeline gives none.
    """
    from catboost import CatBoost as Model

    predict = Model._predict

    @functools.wraps(predict)
    def limited(self: Any, data: Any, kind: Any, start: Any, end: Any, thread_count: int, *more: Any) -> Any:
        return predict(self, data, kind, start, end, 1 if _ALONE.get() else thread_count, *more)

    Model._predict = limited

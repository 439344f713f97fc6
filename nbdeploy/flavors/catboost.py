"""CatBoost's models, in its own binary format."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from nbdeploy.flavors.native import Native

__all__ = ["FLAVOR"]

_RANDOM = {"model_guid": "", "train_finish_time": ""}
"""What CatBoost writes into a model that says nothing of it: a random name, and when it was trained."""


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

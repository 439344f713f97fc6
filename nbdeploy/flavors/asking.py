"""What models of most frameworks can be asked, found by looking at them."""

from __future__ import annotations

from typing import Any

__all__ = ["METHODS", "class_labels", "offered"]

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples")
"""Methods that answer for rows, the usual default first."""


def offered(model: Any) -> list[str]:
    """Return those of :data:`METHODS` that a model has."""
    return [name for name in METHODS if callable(getattr(model, name, None))]


def class_labels(model: Any) -> list[Any] | None:
    """Return the classes of a classifier as Python values; None if it has none, or several outputs with their own."""
    classes = getattr(model, "classes_", None)
    if classes is None or len(classes) == 0 or (isinstance(classes, list) and hasattr(classes[0], "tolist")):
        return None
    return [value.item() if hasattr(value, "item") else value for value in classes]

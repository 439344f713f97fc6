"""What models of most frameworks can be asked, found by looking at them; and asked in one thread."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from nbdeploy.flavors import FLAVORS

__all__ = ["METHODS", "class_labels", "in_one_thread", "offered"]

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


@contextlib.contextmanager
def in_one_thread() -> Iterator[None]:
    """Let every framework work in one thread, for models that may have models of others inside.

    Which those are is not known; frameworks that are not loaded have no threads.
    """
    with contextlib.ExitStack() as stack:
        for name in FLAVORS:
            if name in sys.modules and FLAVORS[name].one_thread is not in_one_thread:
                stack.enter_context(FLAVORS[name].one_thread())
        yield

"""Columns chosen by a fitted selector."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import get_tags

from nbdeploy.compilers.stages import NotCompiled, Numbers, Stage, as_numbers, finite
from nbdeploy.compilers.twin import Unsure

__all__ = ["selector"]


def selector(step: Any, given: Stage) -> Numbers:
    """Compile any feature selector: it keeps some columns. Infinities, and NaN where refused, stay native."""
    kept = np.flatnonzero(step.get_support())
    if not len(kept):
        raise NotCompiled("it selects no column")
    numbers = as_numbers(given)
    if not get_tags(step).input_tags.allow_nan:
        numbers = finite(numbers)
    elif numbers.dtype.kind == "f":
        numbers = numbers.then(_without_infinities)
    return numbers.then(lambda x: x[..., kept], width=len(kept))


def _without_infinities(x: Any) -> Any:
    if np.isinf(x).any():
        raise Unsure
    return x

"""Columns chosen by a fitted selector."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import get_tags

from nbdeploy.compilers.stages import NotCompiled, Numbers, Stage, as_numbers, bounded, finite

__all__ = ["selector"]


def selector(step: Any, given: Stage) -> Numbers:
    """Compile any feature selector: it keeps some columns. Infinities, and NaN where refused, stay native."""
    kept = np.flatnonzero(step.get_support())
    if not len(kept):
        raise NotCompiled("it selects no column")
    numbers = as_numbers(given)
    numbers = bounded(numbers) if get_tags(step).input_tags.allow_nan else finite(numbers)
    return numbers.then(lambda x: x[..., kept], width=len(kept))

"""Projections onto components."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbdeploy.compilers.stages import NotCompiled, Numbers, Stage, dot, finite, floating

__all__ = ["pca", "truncated_svd"]


def pca(step: Any, given: Stage) -> Numbers:
    """Compile ``PCA``: projected, then centred, then whitened, in scikit-learn's order."""
    numbers = finite(floating(given))
    if numbers.sparse:
        raise NotCompiled("its input is sparse")
    components = step.components_
    product, centre = dot(numbers, components), step.mean_.reshape(1, -1) @ components.T
    scale = None
    if step.whiten:
        scale = np.sqrt(step.explained_variance_)
        scale[scale < np.finfo(scale.dtype).eps] = np.finfo(scale.dtype).eps

    def run(x: Any) -> Any:
        out = product(x) - centre[0]
        return out if scale is None else out / scale

    return numbers.then(run, width=len(components), exact=False)


def truncated_svd(step: Any, given: Stage) -> Numbers:
    """Compile ``TruncatedSVD``."""
    numbers = finite(floating(given))
    exact = numbers.exact and numbers.sparse
    return numbers.then(dot(numbers, step.components_), width=len(step.components_), exact=exact, sparse=False)

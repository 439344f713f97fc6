"""Numbers cut into bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbdeploy.compilers.stages import NotCompiled, Numbers, Stage, finite, floating, only_exact

__all__ = ["k_bins"]


def k_bins(step: Any, given: Stage) -> Numbers:
    """Compile ``KBinsDiscretizer``, with or without one column per bin."""
    numbers = floating(given)
    if step.dtype is not None and numbers.dtype != step.dtype:
        numbers = numbers.then(lambda x: x.astype(step.dtype), dtype=np.dtype(step.dtype))
    numbers = only_exact(finite(numbers), "KBinsDiscretizer")
    if numbers.sparse:
        raise NotCompiled("its input is sparse")
    edges = [np.ascontiguousarray(edge[1:-1]) for edge in step.bin_edges_]

    def binned(x: Any) -> Any:
        for j, edge in enumerate(edges):
            x[..., j] = np.searchsorted(edge, x[..., j], side="right")
        return x

    if step.encode == "ordinal":
        return numbers.then(binned)
    counts = [int(n) for n in step.n_bins_]
    starts = np.cumsum([0, *counts[:-1]])
    width = sum(counts)

    def spread(x: Any) -> Any:
        at = binned(x).astype(np.intp) + starts
        out = np.zeros((*x.shape[:-1], width), x.dtype)
        np.put_along_axis(out, at, 1, axis=-1)
        return out

    return numbers.then(spread, width=width, sparse=step.encode == "onehot")

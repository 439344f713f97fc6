"""Steps that compute each number from numbers of its own row: scalers, normalisers, powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbdeploy.compilers.stages import (
    NotCompiled,
    Numbers,
    Stage,
    as_numbers,
    bounded,
    finite,
    floating,
    in_rows,
    only_exact,
)

__all__ = ["above", "binarizer", "max_abs", "min_max", "normalizer", "polynomial", "robust", "standard"]


def _affine(given: Stage, shift: Any, scale: Any) -> Numbers:
    """``(x - shift) / scale``; sparse columns are multiplied by ``1 / scale``, as scikit-learn does."""
    numbers = bounded(floating(given))
    if numbers.sparse:
        if scale is None:
            return numbers
        inverse = 1.0 / scale
        return numbers.then(lambda x: np.multiply(x, inverse, out=x, casting="same_kind"))

    def run(x: Any) -> Any:
        if shift is not None:
            x -= shift
        if scale is not None:
            x /= scale
        return x

    return numbers.then(run)


def standard(step: Any, given: Stage) -> Numbers:
    """Compile ``StandardScaler``."""
    dtype = floating(given).dtype
    shift = step.mean_.astype(dtype) if step.with_mean else None
    scale = None if not step.with_std else step.scale_.astype(dtype)
    return _affine(given, shift, scale)


def robust(step: Any, given: Stage) -> Numbers:
    """Compile ``RobustScaler``."""
    return _affine(given, step.center_ if step.with_centering else None, step.scale_ if step.with_scaling else None)


def max_abs(step: Any, given: Stage) -> Numbers:
    """Compile ``MaxAbsScaler``."""
    scaled = _affine(given, None, step.scale_)
    if not getattr(step, "clip", False):
        return scaled
    return scaled.then(lambda x: np.clip(x, x.dtype.type(-1), x.dtype.type(1), out=x))


def min_max(step: Any, given: Stage) -> Numbers:
    """Compile ``MinMaxScaler``."""
    scale, shift, borders = step.scale_, step.min_, step.feature_range if step.clip else None

    def run(x: Any) -> Any:
        np.multiply(x, scale, out=x, casting="same_kind")
        np.add(x, shift, out=x, casting="same_kind")
        if borders is not None:
            np.clip(x, x.dtype.type(borders[0]), x.dtype.type(borders[1]), out=x)
        return x

    return bounded(floating(given)).then(run)


def normalizer(step: Any, given: Stage) -> Numbers:
    """Compile ``Normalizer``: rows of length one."""
    numbers = finite(floating(given))
    exact = numbers.exact and (step.norm == "max" or numbers.sparse)
    return numbers.then(_normalised(step.norm, sparse=numbers.sparse), exact=exact)


def _normalised(norm: str, *, sparse: bool) -> Any:
    """Divide rows by their norms; a norm of zero leaves its row as it is.

    The norms of sparse rows are summed from left to right, as scikit-learn's compiled code does.
    """

    def run(x: Any) -> Any:
        if norm == "max":
            size = np.abs(x).max(axis=-1, keepdims=True)
        else:
            terms = in_rows(np.abs(x) if norm == "l1" else x * x)
            total = np.add.accumulate(terms, axis=-1)[..., -1:] if sparse else terms.sum(axis=-1, keepdims=True)
            size = np.sqrt(total) if norm == "l2" else total
        tiny = 0 if sparse else 10 * np.finfo(x.dtype).eps
        x /= np.where(size <= tiny, x.dtype.type(1), size)
        return x

    return run


def binarizer(step: Any, given: Stage) -> Numbers:
    """Compile ``Binarizer``."""
    return above(finite(as_numbers(given)), step.threshold, "Binarizer")


def above(numbers: Numbers, threshold: float, what: str) -> Numbers:
    """Return ones where numbers are above a threshold, and zeros elsewhere.

    Raises
    ------
    NotCompiled
        If they are equal only to rounding, or the zeros of a sparse matrix would become ones.
    """
    if numbers.sparse and threshold < 0:
        raise NotCompiled("a negative threshold of a sparse matrix")
    return only_exact(numbers, what).then(lambda x: (x > threshold).astype(x.dtype))


def polynomial(step: Any, given: Stage) -> Numbers:
    """Compile ``PolynomialFeatures``: each term is a term of one degree less times one column, from the right."""
    numbers = finite(floating(given))
    if numbers.sparse:
        raise NotCompiled("its input is sparse")
    width, powers = numbers.width, [tuple(np.flatnonzero(row).repeat(row[row > 0]).tolist()) for row in step.powers_]
    dtype = numbers.dtype
    out_width = len(powers)
    groups = _by_degree(powers)

    def run(x: Any) -> Any:
        out = np.empty((*x.shape[:-1], out_width), dtype)
        for degree, at, factors in groups:
            if degree == 0:
                out[..., at] = 1
                continue
            term = x[..., factors[:, -1]]
            for i in range(degree - 2, -1, -1):
                term = term * x[..., factors[:, i]]
            out[..., at] = term
        return out

    assert width == step.n_features_in_  # noqa: S101 - the powers are those of these columns
    return numbers.then(run, width=out_width)


def _by_degree(powers: list[tuple[int, ...]]) -> list[tuple[int, Any, Any]]:
    """Terms of the same degree together: their columns in the answer, and the columns that they multiply."""
    degrees = sorted({len(term) for term in powers})
    groups = []
    for degree in degrees:
        at = [i for i, term in enumerate(powers) if len(term) == degree]
        groups.append((degree, np.array(at), np.array([powers[i] for i in at], dtype=int).reshape(len(at), degree)))
    return groups

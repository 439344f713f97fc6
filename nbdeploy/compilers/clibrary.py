"""Functions of the C library, which XGBoost and LightGBM call: NumPy's own have other last bits."""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

__all__ = ["exp", "exp_single", "log1p", "log_single"]


def exp(x: Any) -> Any:
    """Exponential of float64."""
    return _each(math.exp, x, np.float64)


def log1p(x: Any) -> Any:
    """Logarithm of one and float64."""
    return _each(math.log1p, x, np.float64)


def exp_single(x: Any) -> Any:
    """Exponential of float32: ``expf``, which is not always the float32 nearest to the true value."""
    return _each(_single("expf"), x, np.float32)


def log_single(x: Any) -> Any:
    """Logarithm of float32: ``logf``."""
    return _each(_single("logf"), x, np.float32)


def _each(function: Callable[[float], float], x: Any, dtype: Any) -> Any:
    values = np.asarray(x)
    return np.fromiter(map(function, values.ravel().tolist()), dtype, values.size).reshape(values.shape)


@cache
def _single(name: str) -> Callable[[float], float]:
    """Return a function of one float by its name: Python is linked with the library, on Windows it has a name."""
    function = getattr(ctypes.CDLL("ucrtbase" if os.name == "nt" else None), name)
    function.argtypes, function.restype = [ctypes.c_float], ctypes.c_float
    return function  # type: ignore[no-any-return]

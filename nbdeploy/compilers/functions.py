"""Functions as steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbdeploy.compilers.stages import NotCompiled, Stage, as_numbers

__all__ = ["function_transformer"]


def function_transformer(step: Any, given: Stage) -> Stage:
    """Compile a function: none is the identity, NumPy's elementwise functions stay themselves.

    Others are called natively: what they do with rows is not known.
    """
    if step.func is None:
        return as_numbers(given) if step.validate else given
    if not isinstance(step.func, np.ufunc) or step.func.nin != 1 or step.func.nout != 1 or step.kw_args:
        raise NotCompiled(f"{getattr(step.func, '__name__', 'its function')} is not known")
    numbers = as_numbers(given)
    if numbers.sparse:
        raise NotCompiled("its input is sparse")
    func = step.func
    dtype = func(np.ones(1, numbers.dtype)).dtype
    return numbers.then(func, dtype=dtype)

"""Tensors are tables: described, bound and rebuilt as they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from nbdeploy.codecs import bind, describe, prove, rebuild
from nbdeploy.errors import InvalidData


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool, torch.uint8])
@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 2, 4)])
def test_a_tensor_comes_back_as_it_was(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """Every type and number of dimensions that NumPy has too."""
    data = torch.arange(6 * int(np.prod(shape[1:]))).reshape(shape).to(dtype)
    signature = describe(data)
    assert signature.container == "torch"
    wire = bind(data, signature)
    prove(data, wire, signature)
    back = rebuild(wire, signature)
    assert back.dtype == dtype
    assert torch.equal(back, data)


def test_callers_may_send_other_tables_for_a_tensor() -> None:
    """Arrays and frames bind by position and by name; a gradient is no part of the values."""
    data = torch.ones(2, 2, requires_grad=True)
    signature = describe(data)
    for other in (np.ones((2, 2), dtype="float32"), pd.DataFrame({"x1": [1.0, 1.0], "x0": [1.0, 1.0]})):
        assert torch.equal(rebuild(bind(other, signature), signature), data.detach())
    with pytest.raises(InvalidData, match="x0, x1"):
        bind(pd.DataFrame({"a": [1.0]}), signature)


def test_what_numpy_has_no_type_for_is_refused() -> None:
    """The message names the type."""
    with pytest.raises(InvalidData, match="bfloat16"):
        describe(torch.ones(2, 2, dtype=torch.bfloat16))

"""PyTorch's tensors of any number of dimensions, as NumPy's arrays are; they come back on the CPU."""

from __future__ import annotations

from typing import Any

import polars as pl
import torch

from nbdeploy.codecs.numpy_tables import CONTAINER as NUMPY
from nbdeploy.codecs.parts import Part
from nbdeploy.errors import InvalidData
from nbdeploy.types import Signature

__all__ = ["CONTAINER", "array_of"]


class Torch:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def parts(self, data: Any) -> list[Part]:
        return NUMPY.parts(array_of(data))

    def placed(self, data: Any, signature: Signature) -> list[Part]:
        """Return the parts that stand for the signature's columns, by position."""
        return NUMPY.placed(array_of(data), signature)

    def form(self, data: Any) -> dict[str, Any]:
        return NUMPY.form(array_of(data))

    def take(self, data: Any, rows: list[int]) -> Any:
        return data[rows]

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        return torch.from_numpy(NUMPY.rebuild(wire, signature).copy())


CONTAINER = Torch()


def array_of(tensor: Any) -> Any:
    """Return a tensor's values as an array.

    Raises
    ------
    InvalidData
        If NumPy has no such type, as for ``bfloat16``, or the tensor is sparse.
    """
    if not isinstance(tensor, torch.Tensor):
        raise InvalidData(f"a {type(tensor).__name__} is not a table; give a tensor")
    try:
        return tensor.detach().cpu().numpy()
    except TypeError as error:
        raise InvalidData(f"a tensor of {tensor.dtype} ({tensor.layout}) is not a table: {error}") from error

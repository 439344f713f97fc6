"""The JSON of the Open Inference Protocol v2."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["InferenceRequest", "Tensor", "TensorMetadata", "WantedOutput"]


class Tensor(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tensor.

    Attributes
    ----------
    name : str
        Its name.
    shape : list of int
        Its dimensions, rows first.
    datatype : str
        One of :data:`nbdeploy.codecs.oip.datatypes.DATATYPES`.
    data : list or bytes or None
        A list, flat in row order or nested as `shape` says, in which null is a missing value; raw bytes of a tensor
        that came beside the JSON; None in the JSON of such a tensor.
    parameters : dict
        ``binary_data_size`` says how many bytes beside the JSON are its data. ``missing`` is the JSON text of a list
        of the positions, from 0, that hold no value: raw data has no other way to say so, but for NaN.
    """

    name: str
    shape: list[int]
    datatype: str
    data: Any = None
    parameters: dict[str, Any] = {}


class WantedOutput(msgspec.Struct, frozen=True, omit_defaults=True):
    """An output that the caller asks for."""

    name: str
    parameters: dict[str, Any] = {}


class InferenceRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of ``POST …/infer``."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[WantedOutput] = []


class TensorMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model says of one of its tensors; -1 stands for any number of rows."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] = {}

"""Open Inference Protocol v2: tables as tensors, in JSON or raw.

A table is one tensor per column, or, where all columns share a type, one two-dimensional tensor. A column of
arrays of one shape is a tensor of more dimensions, and so is a sparse one, made dense; other lists are BYTES, each
the JSON text of a list.
See https://github.com/kserve/open-inference-protocol (Required API).
"""

from nbdeploy.codecs.oip.body import read_request, write_answer
from nbdeploy.codecs.oip.describing import inputs_of, outputs_of
from nbdeploy.codecs.oip.messages import InferenceRequest, Tensor, TensorMetadata, WantedOutput
from nbdeploy.codecs.oip.reading import rows
from nbdeploy.codecs.oip.writing import raw_tensors, tensors

__all__ = [
    "InferenceRequest",
    "Tensor",
    "TensorMetadata",
    "WantedOutput",
    "inputs_of",
    "outputs_of",
    "raw_tensors",
    "read_request",
    "rows",
    "tensors",
    "write_answer",
]

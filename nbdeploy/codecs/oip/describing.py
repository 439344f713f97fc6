"""What a model says of its tensors."""

from __future__ import annotations

from nbdeploy.codecs.oip.datatypes import column_datatype, sizes
from nbdeploy.codecs.oip.messages import TensorMetadata
from nbdeploy.types import Column, Signature

__all__ = ["MATRIX", "inputs_of", "outputs_of"]

MATRIX = "input"
"""Name of the one two-dimensional tensor; any name is accepted for it."""


def inputs_of(signature: Signature) -> list[TensorMetadata]:
    """Describe a model's inputs: one matrix where all columns share a type, else one tensor per column.

    Examples
    --------
    >>> inputs_of(Signature("pandas", [Column("age", "int64", "int64"), Column("n", "int64", "int64")]))
    [TensorMetadata(name='input', datatype='INT64', shape=[-1, 2], parameters={'columns': ['age', 'n']})]
    """
    kinds = {(column.type, column_datatype(column)) for column in signature.columns}
    if len(kinds) == 1 and all(column.shape is None and column.required for column in signature.columns):
        shape = [-1, len(signature.columns)]
        return [TensorMetadata(MATRIX, column_datatype(signature.columns[0]), shape, {"columns": signature.names})]
    return [TensorMetadata(c.name, column_datatype(c), [-1, *sizes(c)]) for c in signature.columns]


def outputs_of(signature: Signature, method: str) -> list[TensorMetadata]:
    """Describe what a method answers: one tensor per column."""
    output = signature.outputs[method]
    kinds = zip(output.columns, output.types, strict=True)
    columns = [output.details.get(name) or Column(name, kind, kind) for name, kind in kinds]
    return [
        TensorMetadata(column.name, "BYTES", [-1])
        if column.type == "sparse"
        else TensorMetadata(column.name, column_datatype(column), [-1, *sizes(column)])
        for column in columns
    ]

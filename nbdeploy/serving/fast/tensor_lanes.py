"""Lanes of the Open Inference Protocol: few rows in JSON, and matrices as they are in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nbdeploy.codecs import oip
from nbdeploy.codecs.numpy_tables import is_plain_matrix
from nbdeploy.codecs.records import Unusual, value_reader
from nbdeploy.codecs.strict_json import encode
from nbdeploy.errors import InvalidData
from nbdeploy.serving.fast.lane import FEW_BYTES, JSON_HEAD, Header, Read
from nbdeploy.serving.fast.record_twin import RecordTwin
from nbdeploy.types import Signature

__all__ = ["JsonTensorsLane", "MatrixLane"]

_inference = msgspec.json.Decoder(oip.InferenceRequest)


class JsonTensorsLane:
    """``POST /v2/models/{m}/infer`` with JSON tensors."""

    protocol = "oip"
    longest = FEW_BYTES

    def __init__(self, twin: RecordTwin, name: str, version: int) -> None:
        self._twin = twin
        self._default = (twin.signature.default_method,)
        self._names = twin.binder.names
        self._known = frozenset(self._names)
        self._head = {"model_name": name, "model_version": str(version)}
        outputs = oip.outputs_of(twin.signature, twin.signature.default_method)
        self._outputs = [(tensor.name, tensor.datatype) for tensor in outputs]

    def takes(self, headers: Mapping[bytes, bytes]) -> bool:
        """See :class:`Lane`."""
        return _JSON_LENGTH not in headers

    def read(self, body: bytes, *_: Any) -> Read:
        """See :class:`Lane`."""
        asked = _inference.decode(body)
        if asked.parameters or asked.outputs or any(tensor.parameters for tensor in asked.inputs):
            raise Unusual
        inputs = asked.inputs
        rows = self._matrix(inputs[0]) if self._is_matrix(inputs) else self._columns(inputs)
        if not 0 < len(rows) <= self._twin.most:
            raise Unusual
        values = self._twin.binder.values
        return Read([values(row) for row in rows], self._default, id=asked.id)

    def write(self, asked: Read, rows: Sequence[Sequence[Any]], prediction: str) -> tuple[bytes, Sequence[Header]]:
        """See :class:`Lane`."""
        tensors = [
            oip.Tensor(name, [len(rows)], datatype, [row[i] for row in rows])
            for i, (name, datatype) in enumerate(self._outputs)
        ]
        return encode({**self._head, "id": asked.id or prediction, "outputs": tensors}), JSON_HEAD

    def _is_matrix(self, inputs: Sequence[oip.Tensor]) -> bool:
        return len(inputs) == 1 and inputs[0].name not in self._known

    def _matrix(self, tensor: oip.Tensor) -> Sequence[Sequence[Any]]:
        width, data = len(self._names), tensor.data
        if type(data) is not list or len(tensor.shape) != 2 or tensor.shape[1] != width:
            raise Unusual
        rows = data if data and type(data[0]) is list else [data[at : at + width] for at in range(0, len(data), width)]
        if len(rows) != tensor.shape[0] or any(type(row) is not list or len(row) != width for row in rows):
            raise Unusual
        return [_sent(tensor.datatype, row) for row in rows]

    def _columns(self, inputs: Sequence[oip.Tensor]) -> Sequence[Sequence[Any]]:
        found = {tensor.name: tensor for tensor in inputs}
        if found.keys() != self._known or len(found) < len(inputs):
            raise Unusual
        height, columns = inputs[0].shape[:1], []
        for name in self._names:
            tensor = found[name]
            if type(tensor.data) is not list or tensor.shape not in (height, [*height, 1]):
                raise Unusual
            if [len(tensor.data)] != height:
                raise Unusual
            columns.append(_sent(tensor.datatype, tensor.data))
        return [*zip(*columns, strict=True)]


class MatrixLane:
    """``POST /v2/models/{m}/infer`` with one tensor of floats as they are in memory, answered alike."""

    protocol = "oip"
    longest = 262_144

    def __init__(self, signature: Signature, most: int, name: str, version: int) -> None:
        self._signature, self._most = signature, most
        self._methods = (signature.default_method,)
        self._head = {"model_name": name, "model_version": str(version)}

    def takes(self, headers: Mapping[bytes, bytes]) -> bool:
        """See :class:`Lane`."""
        return _JSON_LENGTH in headers

    def read(self, body: bytes, _: bytes, headers: Mapping[bytes, bytes]) -> Read:
        """See :class:`Lane`."""
        try:
            asked = oip.read_request(body, headers[_JSON_LENGTH].decode("latin-1"))
            if asked.parameters != _RAW_ANSWERS or asked.outputs:
                raise Unusual
            matrix = oip.rows(asked.inputs, self._signature)
        except InvalidData:
            raise Unusual from None
        if not is_plain_matrix(matrix, self._signature) or len(matrix) > self._most:
            raise Unusual
        if len(body) - matrix.nbytes > _MOST_JSON:
            raise Unusual  # the prediction log keeps the whole body for a moment, and counts the matrix
        return Read(matrix, self._methods, id=asked.id)

    def write(self, asked: Read, rows: Any, prediction: str) -> tuple[bytes, Sequence[Header]]:
        """See :class:`Lane`; `rows` is a frame."""
        document = {**self._head, "id": asked.id or prediction}
        body, length = oip.write_answer(document, oip.raw_tensors(rows))
        return body, (_BYTES_HEAD, (_JSON_LENGTH, str(length).encode()))


def _sent(datatype: str, values: Sequence[Any]) -> Sequence[Any]:
    """The values that a tensor means, None being missing."""
    read = _READERS.get(datatype)
    if read is None:
        raise Unusual
    if datatype == "FP64" and {*map(type, values)} == {float}:
        return values
    return [read(value) for value in values]


_READERS = {
    "BOOL": value_reader("bool"),
    "BYTES": value_reader("string"),
    "FP32": value_reader("float32"),
    "FP64": value_reader("float64"),
    **{f"{sign.upper()}INT{bits}": value_reader(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
_JSON_LENGTH = b"inference-header-content-length"
_MOST_JSON = 8192
_RAW_ANSWERS = {"binary_data_output": True}
_BYTES_HEAD = (b"content-type", b"application/octet-stream")

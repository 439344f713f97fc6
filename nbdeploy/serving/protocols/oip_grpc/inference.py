"""One request and its answer, as messages of gRPC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nbdeploy.codecs import oip
from nbdeploy.codecs.oip.datatypes import DATATYPES
from nbdeploy.codecs.oip.raw import texts_of
from nbdeploy.errors import InvalidData
from nbdeploy.serving.dataplane import Answer
from nbdeploy.serving.protocols.inference import Inference
from nbdeploy.serving.protocols.oip_grpc.messages import CONTENTS, MESSAGES

__all__ = ["GrpcInference", "parameter", "parameters"]


class GrpcInference(Inference):
    """A request; its answer is raw where the request was, or where a datatype has no other form."""

    def __init__(self, message: Any) -> None:
        self._message = message

    def _read(self) -> oip.InferenceRequest:
        given, raw = self._message, self._message.raw_input_contents
        if raw and len(raw) != len(given.inputs):
            raise InvalidData(f"the request has {len(given.inputs)} inputs, but raw_input_contents of {len(raw)}")
        inputs = [_tensor(one, raw[i] if raw else None) for i, one in enumerate(given.inputs)]
        outputs = [oip.WantedOutput(output.name, parameters(output.parameters)) for output in given.outputs]
        return oip.InferenceRequest(inputs, given.id or None, parameters(given.parameters), outputs)

    def write(self, answer: Answer) -> bytes:
        """Return the answer's bytes."""
        named = self.named(answer)
        message = MESSAGES["ModelInferResponse"](**named)
        message.parameters["prediction_id"].string_param = answer.id
        message.parameters["digest"].string_param = answer.digest
        outputs = oip.raw_tensors(self.frame(answer))
        typed = not self._message.raw_input_contents and all(one.datatype in CONTENTS for one in outputs)
        for one in outputs:
            tensor = message.outputs.add(name=one.name, datatype=one.datatype, shape=one.shape)
            for name, value in one.parameters.items():
                tensor.parameters[name].string_param = value
            if typed:
                getattr(tensor.contents, CONTENTS[one.datatype]).extend(_values(one))
            else:
                message.raw_output_contents.append(bytes(one.data))
        content: bytes = message.SerializeToString()
        return content


def parameter(given: Any) -> Any:
    """Return the value of a parameter; None if it has none."""
    chosen = given.WhichOneof("parameter_choice")
    return None if chosen is None else getattr(given, chosen)


def parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as values."""
    return {name: parameter(value) for name, value in given.items()}


def _tensor(given: Any, raw: bytes | None) -> oip.Tensor:
    if raw is not None and given.HasField("contents"):
        raise InvalidData(f"input {given.name!r} has contents, and raw_input_contents as well")
    field = CONTENTS.get(given.datatype)
    data: Any = raw
    if raw is None and (field is not None or given.datatype not in DATATYPES):
        data = [*getattr(given.contents, field)] if field else []
    return oip.Tensor(given.name, [*given.shape], given.datatype, data, parameters(given.parameters))


def _values(tensor: oip.Tensor) -> list[Any]:
    kind = DATATYPES[tensor.datatype]
    if not kind.array:
        return texts_of(tensor, decode=False)
    values: list[Any] = np.frombuffer(tensor.data, kind.array).tolist()
    return [bool(value) for value in values] if kind.name == "BOOL" else values

"""The messages of the Open Inference Protocol's gRPC form, in a descriptor pool of their own.

Other packages bring the same messages, registered under the same names for the whole process; one that imported two of
them could not start. What stands here are the facts of the public definition: names, numbers and types of fields.
See ``open_inference_grpc.proto`` of https://github.com/kserve/open-inference-protocol, and for the repository
``grpc_service.proto`` of https://github.com/triton-inference-server/common
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = ["CONTENTS", "MESSAGES", "METHODS", "SERVICE"]

SERVICE = "inference.GRPCInferenceService"

METHODS = (
    "ServerLive",
    "ServerReady",
    "ModelReady",
    "ServerMetadata",
    "ModelMetadata",
    "ModelInfer",
    "RepositoryIndex",
    "RepositoryModelLoad",
    "RepositoryModelUnload",
)
"""The service's methods; each takes a message ``<name>Request`` and answers with a ``<name>Response``."""

CONTENTS = {
    "BOOL": "bool_contents",
    "BYTES": "bytes_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "INT8": "int_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "UINT8": "uint_contents",
}
"""The field of ``InferTensorContents`` for each datatype; those of 16 bits have none."""

# A field is its name, type and number. "*" is a list, "%" a map from text, "|" one of several.
_FIELDS = """
ServerLiveRequest
ServerLiveResponse        live:bool=1
ServerReadyRequest
ServerReadyResponse       ready:bool=1
ModelReadyRequest         name:string=1 version:string=2
ModelReadyResponse        ready:bool=1
ServerMetadataRequest
ServerMetadataResponse    name:string=1 version:string=2 extensions:*string=3
ModelMetadataRequest      name:string=1 version:string=2
ModelMetadataResponse     name:string=1 versions:*string=2 platform:string=3
                          inputs:*ModelMetadataResponse.TensorMetadata=4
                          outputs:*ModelMetadataResponse.TensorMetadata=5
ModelMetadataResponse.TensorMetadata
                          name:string=1 datatype:string=2 shape:*int64=3
ModelInferRequest         model_name:string=1 model_version:string=2 id:string=3 parameters:%InferParameter=4
                          inputs:*ModelInferRequest.InferInputTensor=5
                          outputs:*ModelInferRequest.InferRequestedOutputTensor=6 raw_input_contents:*bytes=7
ModelInferRequest.InferInputTensor
                          name:string=1 datatype:string=2 shape:*int64=3 parameters:%InferParameter=4
                          contents:InferTensorContents=5
ModelInferRequest.InferRequestedOutputTensor
                          name:string=1 parameters:%InferParameter=2
ModelInferResponse        model_name:string=1 model_version:string=2 id:string=3 parameters:%InferParameter=4
                          outputs:*ModelInferResponse.InferOutputTensor=5 raw_output_contents:*bytes=6
ModelInferResponse.InferOutputTensor
                          name:string=1 datatype:string=2 shape:*int64=3 parameters:%InferParameter=4
                          contents:InferTensorContents=5
InferParameter            bool_param:|bool=1 int64_param:|int64=2 string_param:|string=3 double_param:|double=4
                          uint64_param:|uint64=5
InferTensorContents       bool_contents:*bool=1 int_contents:*int32=2 int64_contents:*int64=3 uint_contents:*uint32=4
                          uint64_contents:*uint64=5 fp32_contents:*float=6 fp64_contents:*double=7
                          bytes_contents:*bytes=8
RepositoryIndexRequest    repository_name:string=1 ready:bool=2
RepositoryIndexResponse   models:*RepositoryIndexResponse.ModelIndex=1
RepositoryIndexResponse.ModelIndex
                          name:string=1 version:string=2 state:string=3 reason:string=4
ModelRepositoryParameter  bool_param:|bool=1 int64_param:|int64=2 string_param:|string=3 bytes_param:|bytes=4
RepositoryModelLoadRequest
                          repository_name:string=1 model_name:string=2 parameters:%ModelRepositoryParameter=3
RepositoryModelLoadResponse
RepositoryModelUnloadRequest
                          repository_name:string=1 model_name:string=2 parameters:%ModelRepositoryParameter=3
RepositoryModelUnloadResponse
"""

_PACKAGE = SERVICE.partition(".")[0]
_FIELD = re.compile(r"(\w+):([*%|]?)([\w.]+)=(\d+)")
_Kind = descriptor_pb2.FieldDescriptorProto


def _described() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="nbdeploy/open_inference.proto", package=_PACKAGE, syntax="proto3")
    found = dict[str, descriptor_pb2.DescriptorProto]()
    for head, rest in re.findall(r"^([A-Z][\w.]*)(.*(?:\n +.*)*)", _FIELDS, re.MULTILINE):
        outer, _, name = head.rpartition(".")
        message = found[outer].nested_type.add(name=name) if outer else file.message_type.add(name=name)
        found[head] = message
        for field in _FIELD.findall(rest):
            _add(message, head, *field)
    return file


def _add(message: descriptor_pb2.DescriptorProto, path: str, name: str, mark: str, kind: str, number: str) -> None:
    if mark == "%":
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add(entry, path, "key", "", "string", "1")
        _add(entry, path, "value", "", kind, "2")
        mark, kind = "*", f"{path}.{entry.name}"
    field = message.field.add(name=name, number=int(number))
    field.label = _Kind.LABEL_REPEATED if mark == "*" else _Kind.LABEL_OPTIONAL
    if kind[0].isupper():
        field.type, field.type_name = _Kind.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        field.type = getattr(_Kind, f"TYPE_{kind.upper()}")
    if mark == "|":
        if not message.oneof_decl:
            message.oneof_decl.add(name="parameter_choice")
        field.oneof_index = 0


def _made() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    file = _described()
    pool.Add(file)
    names = [message.name for message in file.message_type]
    return {n: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{n}")) for n in names}


MESSAGES: dict[str, Any] = _made()
"""The classes of the messages, by name."""

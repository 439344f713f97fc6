"""Bodies of the binary tensor extension: JSON, and after it the raw data of those tensors that have some.

See https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from nbdeploy.codecs.oip.messages import InferenceRequest, Tensor
from nbdeploy.codecs.strict_json import decode, encode
from nbdeploy.errors import InvalidData

__all__ = ["SIZE", "read_request", "write_answer"]

SIZE = "binary_data_size"
"""The parameter of a tensor that says how many of the bytes after the JSON are its data."""
_DIGITS = 18


def read_request(body: bytes, header: str | None = None) -> InferenceRequest:
    """Read the body of an inference request.

    Parameters
    ----------
    body : bytes
        JSON, or JSON and raw data.
    header : str, optional
        How many of the bytes are JSON; all, if not given.

    Raises
    ------
    InvalidData
        If it is no such body, or the sizes in it do not add up.
    """
    if header is not None and not (_is_number(header) and int(header) <= len(body)):
        raise InvalidData(
            f"Inference-Header-Content-Length is {header!r:.40}, which is no number of the body's {len(body)} bytes"
        )
    length = len(body) if header is None else int(header)
    request = decode(body[:length], InferenceRequest, literals=True)
    return msgspec.structs.replace(request, inputs=_with_data(request.inputs, memoryview(body)[length:]))


def _is_number(header: str) -> bool:
    """Python refuses to convert thousands of digits."""
    return len(header) <= _DIGITS and header.isascii() and header.isdecimal()


def write_answer(document: dict[str, Any], outputs: Sequence[Tensor]) -> tuple[bytes, int | None]:
    """Write the body of an answer.

    Parameters
    ----------
    document : dict
        The answer without its outputs.
    outputs : sequence of Tensor
        The outputs; those with raw data follow the JSON.

    Returns
    -------
    body : bytes
        All of it.
    header : int or None
        How many of its bytes are JSON, if not all.
    """
    raw = [bytes(tensor.data) for tensor in outputs if not isinstance(tensor.data, list)]
    head = encode({**document, "outputs": [_announced(tensor) for tensor in outputs]})
    return (head, None) if not raw else (b"".join([head, *raw]), len(head))


def _announced(tensor: Tensor) -> Tensor:
    if isinstance(tensor.data, list):
        return tensor
    parameters = {**tensor.parameters, SIZE: len(tensor.data)}
    return msgspec.structs.replace(tensor, data=None, parameters=parameters)


def _with_data(inputs: list[Tensor], rest: memoryview) -> list[Tensor]:
    at, found = 0, list[Tensor]()
    for tensor in inputs:
        size = tensor.parameters.get(SIZE)
        if size is None:
            found.append(tensor)
            continue
        if type(size) is not int or size < 0 or tensor.data is not None:
            raise InvalidData(
                f"input {tensor.name!r} has {SIZE}={size!r:.40}"
                + (" and data in the JSON as well" if tensor.data is not None else ", which is no number of bytes")
            )
        if at + size > len(rest):
            raise InvalidData(
                f"input {tensor.name!r} has {SIZE}={size}, but only {len(rest) - at} bytes are left after the JSON; "
                "is Inference-Header-Content-Length right?"
            )
        found.append(msgspec.structs.replace(tensor, data=rest[at : at + size]))
        at += size
    if at < len(rest):
        raise InvalidData(f"{len(rest) - at} bytes after the JSON belong to no input: their {SIZE} add up to {at}")
    return found

"""Open Inference Protocol v2 over HTTP: metadata and inference, in JSON and with raw data after the JSON."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nbdeploy.codecs import oip
from nbdeploy.serving.dataplane import Answer
from nbdeploy.serving.exchange import QUICK, body_of, inferred, json_answer, route, service_of
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.protocols.answers import prediction
from nbdeploy.serving.protocols.inference import Inference, model_metadata
from nbdeploy.wire import routes

__all__ = ["ROUTES"]

HEADER = "inference-header-content-length"

_QUICK_NUMBERS = 512 * 1024
"""Bytes of numbers as they are in memory that are read in less time than handing them to a thread takes."""


async def metadata(request: Request) -> Response:
    return json_answer(
        model_metadata(service_of(request).deployments.get(request.path_params["m"], request.path_params.get("v")))
    )


async def infer(request: Request) -> Response:
    asked = _Inference(await body_of(request), request.headers.get(HEADER))
    name, version = request.path_params["m"], request.path_params.get("v")
    answer, (body, header) = await inferred(request, "oip", name, version, asked.question, asked.write, asked.quick)
    if header is None:
        return prediction(answer, body, "application/json")
    response = prediction(answer, body, "application/octet-stream")
    response.headers[HEADER] = str(header)
    return response


class _Inference(Inference):
    def __init__(self, body: bytes, header: str | None) -> None:
        self._body = body
        self._header = header

    @property
    def quick(self) -> bool:
        """Whether all but a short head is numbers as they are in memory: text has to be taken apart."""
        head = self._header or str(len(self._body))
        if not (len(head) <= len(str(QUICK)) and head.isascii() and head.isdecimal() and int(head) <= QUICK):
            return False
        return len(self._body) <= _QUICK_NUMBERS and b"BYTES" not in self._body[: int(head)]

    def _read(self) -> oip.InferenceRequest:
        return oip.read_request(self._body, self._header)

    def write(self, answer: Answer) -> tuple[bytes, int | None]:
        """All outputs raw, or those asked for so, one by one."""
        frame = self.frame(answer)
        every = self.asked.parameters.get("binary_data_output") is True
        raw = {output.name: output.parameters.get("binary_data", every) for output in self.asked.outputs}
        outputs = [
            (oip.raw_tensors if raw.get(name, every) is True else oip.tensors)(frame.select(name))[0]
            for name in frame.columns
        ]
        return oip.write_answer(self.named(answer), outputs)


ROUTES = (
    route(routes.MODEL, metadata, "GET", Scope.READ),
    route(routes.VERSION, metadata, "GET", Scope.READ),
    route(routes.INFER, infer, "POST", Scope.PREDICT),
    route(routes.VERSION_INFER, infer, "POST", Scope.PREDICT),
)

"""One request of the Open Inference Protocol, whether it came by HTTP or by gRPC."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from nbdeploy.codecs import oip
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.serving.dataplane import Answer, Question
from nbdeploy.serving.protocols.answers import methods_of
from nbdeploy.serving.worker.deployments import Served
from nbdeploy.types import Signature
from nbdeploy.version import __version__

__all__ = ["EXTENSIONS", "Inference", "model_metadata", "server_metadata"]

EXTENSIONS = ("binary_tensor_data", "model_repository")


def server_metadata() -> dict[str, Any]:
    """Return what the endpoint says of itself."""
    return {"name": "nbdeploy", "version": __version__, "extensions": [*EXTENSIONS]}


def model_metadata(served: Served) -> dict[str, Any]:
    """Return what a deployment says of itself."""
    signature = served.model.signature
    return {
        "name": served.state.name,
        "versions": [str(serving.version) for serving in served.state.serving],
        "platform": f"nbdeploy_{served.model.bundle.content.flavor}",
        "inputs": oip.inputs_of(signature),
        "outputs": oip.outputs_of(signature, signature.default_method),
        "parameters": {
            "digest": served.now.digest,
            "method": signature.default_method,
            "methods": {name: output.columns for name, output in signature.outputs.items()},
        },
    }


class Inference:
    """A request, read when it is first looked into: that is work, and belongs off the event loop."""

    def _read(self) -> oip.InferenceRequest:
        raise NotImplementedError

    @cached_property
    def asked(self) -> oip.InferenceRequest:
        """The request."""
        return self._read()

    def question(self, signature: Signature) -> Question:
        """Return what is asked.

        Raises
        ------
        InvalidData
            If there is no such output, or a tensor does not hold what it says.
        """
        methods = self._methods(signature)
        return Question(oip.rows(self.asked.inputs, signature), methods)

    def named(self, answer: Answer) -> dict[str, Any]:
        """Return an answer without its tensors."""
        return {
            "model_name": answer.deployment,
            "model_version": str(answer.version),
            "id": self.asked.id or answer.id,
        }

    def frame(self, answer: Answer) -> Any:
        """Return the columns of an answer that were asked for."""
        wanted = list(dict.fromkeys(output.name for output in self.asked.outputs))
        return answer.frame.select(wanted) if wanted else answer.frame

    def _methods(self, signature: Signature) -> list[str]:
        """Those that the parameters name, or those that have the outputs asked for."""
        named = {name: value for name, value in self.asked.parameters.items() if name == "method"}
        methods = methods_of([], named, "parameters")
        owners = {column: method for method, output in signature.outputs.items() for column in output.columns}
        for output in self.asked.outputs:
            owner = owners.get(output.name)
            if owner is None:
                raise InvalidData(str(NotFound("output", output.name, owners)), output=output.name)
            if "classification" in output.parameters:
                raise InvalidData(
                    f"output {output.name!r} is asked for with the parameter classification, which is not understood "
                    "here; ask for the probabilities, and sort them",
                    output=output.name,
                )
            methods = [*methods, owner]
        return list(dict.fromkeys(methods))

"""ONNX Runtime as a compiler: for models of one table of numbers that no other compiler knows.

Its matrix products depend on the number of rows, so rows are asked one by one; therefore it is used only where it is
asked for by name. It is offered where the packages of the extra ``onnx`` are installed, skl2onnx converts the model in
float64, and the proof holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nbdeploy.compilers.deciding import best
from nbdeploy.compilers.stages import NotCompiled, Numbers, Plan, fields_of, finite, floating
from nbdeploy.compilers.twin import Answer, Method, Twin
from nbdeploy.types import Signature

__all__ = ["COMPILER"]


class Onnx:
    """See :class:`nbdeploy.compilers.Compiler`."""

    priority = 90
    automatic = False

    def compile(self, model: Any, signature: Signature) -> Twin:
        if type(model).__module__.partition(".")[0] != "sklearn":
            raise NotCompiled(f"ONNX: a {type(model).__name__} is not of scikit-learn")
        plan = Plan(signature)
        numbers = finite(floating(fields_of(plan)))
        if numbers.dtype != np.float64:
            raise NotCompiled("ONNX: its columns are not float64")
        session, outputs = _session(model, numbers.width)
        methods = _methods(model, numbers, session, outputs)
        found = {name: method for name, method in methods.items() if name in signature.outputs}
        if not found:
            raise NotCompiled("ONNX: it answers none of the snapshot's methods")
        return Twin(found, dict.fromkeys(found, False), cells=plan.cells, work=2**31)


COMPILER = Onnx()


def _session(model: Any, width: int) -> tuple[Any, list[str]]:
    try:
        import onnxruntime
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import DoubleTensorType
    except ImportError as error:
        raise NotCompiled(f"ONNX: {error}; install nbdeploy[onnx]") from None
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    try:
        converted = to_onnx(model, initial_types=[("x", DoubleTensorType([None, width]))], options=options)
        how = onnxruntime.SessionOptions()
        how.intra_op_num_threads = how.inter_op_num_threads = 1
        how.log_severity_level = 4
        session = onnxruntime.InferenceSession(converted.SerializeToString(), how, ["CPUExecutionProvider"])
    except Exception as error:  # converters fail in as many ways as there are models
        raise NotCompiled(f"ONNX: {type(error).__name__}: {str(error).strip().splitlines()[0][:160]}") from None
    return session, [output.name for output in session.get_outputs()]


def _methods(model: Any, numbers: Numbers, session: Any, outputs: list[str]) -> dict[str, Method]:
    classes = getattr(model, "classes_", None)
    if classes is None:
        what = "predict" if hasattr(model, "predict") else "transform"
        flat = what == "predict" and np.ndim(getattr(model, "intercept_", 0.0)) == 0
        ask = _asker(numbers, session, outputs[0])
        return {what: lambda rows: ((ask(rows)[..., 0] if flat else ask(rows)), None)}
    if len(outputs) < 2 or isinstance(classes, list):
        raise NotCompiled("ONNX: it answers without probabilities")
    probability = _asker(numbers, session, outputs[1])

    def predict(rows: Any) -> Answer:
        p = probability(rows)
        return best(np.asarray(classes), p, np.ones(p.shape[:-1]))

    return {"predict": predict, "predict_proba": lambda rows: (probability(rows), None)}


def _asker(numbers: Numbers, session: Any, output: str) -> Callable[[Any], Any]:
    def one(x: Any) -> Any:
        return session.run([output], {"x": x[None]})[0][0]

    def run(x: Any) -> Any:
        return one(x) if x.ndim == 1 else np.stack([one(row) for row in x])

    return numbers.then(run).run

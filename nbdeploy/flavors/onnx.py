"""ONNX models: a ``ModelProto``, an ``InferenceSession`` of ONNX Runtime, or the path of an ``.onnx`` file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nbdeploy.errors import Corrupted, InvalidData, NotCapturable
from nbdeploy.files import write_file
from nbdeploy.flavors import Flavor, Saved

__all__ = ["FLAVOR"]

FILE = "model/model.onnx"
_CONVERTED = {"label": "predict", "probabilities": "predict_proba"}
"""How converters of scikit-learn models name their outputs; an ``output_`` before it, and the singular, are dropped."""
_LABELS = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
_DTYPES = {"float": "f4", "double": "f8", "float16": "f2", "string": "O"}


class Onnx(Flavor):
    """See :class:`nbdeploy.flavors.Flavor`. Each output of the graph is a method; the first is ``predict``."""

    priority = 20

    def accepts(self, model: Any) -> bool:
        if isinstance(model, (str, Path)):
            return str(model).endswith(".onnx") and Path(model).is_file()
        cls = type(model)
        return (cls.__module__.partition(".")[0], cls.__name__) in {
            ("onnx", "ModelProto"),
            ("onnxruntime", "InferenceSession"),
        }

    def methods(self, model: Any) -> list[str]:
        return list(_outputs(_session(model)))

    def classes(self, model: Any) -> list[Any] | None:
        from onnx import helper, load_model_from_string

        for node in load_model_from_string(_bytes(model)).graph.node:
            for attribute in node.attribute:
                if attribute.name in _LABELS:
                    values = helper.get_attribute_value(attribute)
                    return [value.decode() if isinstance(value, bytes) else value for value in values] or None
        return None

    def call(self, model: Any, method: str, data: Any) -> Any:
        session = _session(model)
        feeds = _feeds(session, data)
        fixed = session.get_inputs()[0].shape[:1]
        answers = [
            session.run([_outputs(session)[method]], piece)[0]
            for piece in _pieces(feeds, fixed[0] if fixed and isinstance(fixed[0], int) else None)
        ]
        rows = len(next(iter(feeds.values())))
        if isinstance(answers[0], list):
            return np.array([list(row.values()) for answer in answers for row in answer])[:rows]
        return np.concatenate(answers)[:rows] if len(answers) > 1 else answers[0][:rows]

    def reached(self, model: Any) -> Any:
        return None

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        raw = _bytes(model)
        _check(raw)
        write_file(folder / FILE, raw)
        return Saved(runs_code=False, packages=frozenset({"onnx", "onnxruntime"}))

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return False

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        raw = (folder / FILE).read_bytes()
        try:
            _check(raw)
            return _opened(raw)
        except ImportError:
            raise
        except Exception as error:
            raise Corrupted(f"{folder / FILE} is not an ONNX model, or is damaged: {error}") from error


FLAVOR = Onnx()


def _bytes(model: Any) -> bytes:
    """The model with everything in it, also what it keeps in other files."""
    import onnx

    if type(model).__name__ == "InferenceSession":
        model = model._model_path or onnx.load_model_from_string(model._model_bytes)
    if isinstance(model, (str, Path)):
        model = onnx.load(model)
    model = _ordered(model)
    try:
        return bytes(model.SerializeToString(deterministic=True))
    except Exception as error:
        raise NotCapturable(f"the ONNX model cannot be stored: {error}") from error


def _ordered(model: Any) -> Any:
    """The same model, with its operator sets by name: they are a set, and converters write them in any order."""
    copy = type(model)()
    copy.CopyFrom(model)
    sets = sorted(model.opset_import, key=lambda one: one.domain)
    del copy.opset_import[:]
    copy.opset_import.extend(sets)
    return copy


def _check(raw: bytes) -> None:
    """Check the graph before ONNX Runtime is given it.

    Raises
    ------
    ValueError
        If it is none, or would read other files.
    """
    from onnx import TensorProto, checker, load_model_from_string

    model = load_model_from_string(raw)
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in _tensors(model)):
        raise ValueError("it would read tensors from other files")
    checker.check_model(model)


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor anywhere in a message."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for item in value if hasattr(value, "append") or hasattr(value, "add") else [value]:
                yield from _tensors(item)


def _session(model: Any) -> Any:
    """A session of ours for any kind of model, with one thread."""
    return model if getattr(model, "_nbdeploy", False) else _opened(_bytes(model))


@lru_cache(maxsize=1)
def _opened(raw: bytes) -> Any:
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    session._nbdeploy = True
    return session


def _outputs(session: Any) -> dict[str, str]:
    """Method to output."""
    found: dict[str, str] = {}
    for output in session.get_outputs():
        name = output.name.removeprefix("output_").replace("probability", "probabilities")
        method = _CONVERTED.get(name) or (output.name if found and output.name.isidentifier() else "predict")
        found[method if method not in found else f"output_{len(found)}"] = output.name
    return found


def _feeds(session: Any, data: Any) -> dict[str, Any]:
    """One table for one input, or one column for each."""
    inputs = session.get_inputs()
    if len(inputs) == 1:
        (only,) = inputs
        table = np.asarray(data)
        if len(only.shape) == 2 and table.ndim == 1:
            table = table.reshape(-1, 1)
        return {only.name: np.ascontiguousarray(table.astype(_dtype(only)))}
    names = list(getattr(data, "columns", ()))
    width = len(names) or np.shape(data)[1]
    if width != len(inputs):
        raise InvalidData(f"the ONNX model takes {len(inputs)} columns, but was given {width}")
    columns = {}
    for i, wanted in enumerate(inputs):
        column = data[wanted.name if wanted.name in names else names[i]] if names else data[:, i]
        values = np.asarray(column).astype(_dtype(wanted))
        columns[wanted.name] = values.reshape(-1, 1) if len(wanted.shape) == 2 else values
    return columns


def _dtype(wanted: Any) -> Any:
    name = wanted.type.removeprefix("tensor(").removesuffix(")")
    return np.dtype(_DTYPES.get(name, name))


def _pieces(feeds: dict[str, Any], rows: int | None) -> Iterator[dict[str, Any]]:
    """Cut rows as a graph with a fixed number of them wants, the last padded with copies of its last."""
    if rows is None:
        yield feeds
        return
    height = len(next(iter(feeds.values())))
    for start in range(0, height, rows):
        at = np.minimum(np.arange(start, start + rows), height - 1)
        yield {name: values[at] for name, values in feeds.items()}

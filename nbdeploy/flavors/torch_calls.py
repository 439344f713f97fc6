"""How PyTorch modules are asked: in evaluation mode, without gradients, in one thread."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from nbdeploy.flavors import Flavor
from nbdeploy.flavors.asking import class_labels, offered

__all__ = ["TorchCalls", "evaluating", "tensors_of", "unwrapped"]


class TorchCalls(Flavor):
    """What the flavors of PyTorch share. ``forward`` is ``predict``, unless a module has a ``predict`` of its own."""

    def accepts(self, model: Any) -> bool:
        torch = sys.modules.get("torch")
        return (
            torch is not None and isinstance(model, torch.nn.Module) and not isinstance(model, torch.jit.ScriptModule)
        )

    def methods(self, model: Any) -> list[str]:
        own = offered(unwrapped(model))
        return [*own, "forward"] if "predict" in own else ["predict", *own]

    def classes(self, model: Any) -> list[Any] | None:
        return class_labels(unwrapped(model))

    def call(self, model: Any, method: str, data: Any) -> Any:
        import torch

        with evaluating(model) as live, torch.no_grad():
            own = getattr(unwrapped(live), method, None) if method != "forward" else None
            return _arrays(own(data) if callable(own) else live(*tensors_of(model, data)))

    @contextlib.contextmanager
    def one_thread(self) -> Iterator[None]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def unwrapped(model: Any) -> Any:
    """Return the module that ``torch.compile`` was given."""
    return getattr(model, "_orig_mod", model)


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[Any]:
    """Give a callable module in evaluation mode, and put every module back into its own mode afterwards."""
    if not hasattr(model, "modules"):
        yield model.module()
        return
    before = [(part, part.training) for part in model.modules()]
    for part, _ in before:
        part.training = False
    try:
        yield unwrapped(model)
    finally:
        for part, training in before:
            part.training = training


def tensors_of(model: Any, data: Any) -> tuple[Any]:
    """Return rows as the tensor that a module takes: floats as wide as its weights, integers only for embeddings."""
    import torch

    if not isinstance(data, torch.Tensor):
        array = data.to_numpy() if hasattr(data, "to_numpy") else np.asarray(data)
        data = torch.from_numpy(np.ascontiguousarray(array))
    wanted = _dtype(model)
    integers = not data.is_floating_point() and wanted.is_floating_point and _looks_up(model)
    return (data if integers else data.to(wanted),)


def _dtype(model: Any) -> Any:
    import torch

    told = getattr(model, "rows_dtype", None)
    if told is not None:
        return told
    parameters = model.parameters() if hasattr(model, "parameters") else model.state_dict.values()
    return next((p.dtype for p in parameters if p.is_floating_point()), torch.get_default_dtype())


def _looks_up(model: Any) -> bool:
    parts = model.modules() if hasattr(model, "modules") else model.module().modules()
    return any("Embedding" in type(part).__name__ for part in parts)


def _arrays(answer: Any) -> Any:
    """A tensor as an array; several, in a tuple or by name, as a frame with a column for each of their columns."""
    if hasattr(answer, "detach"):
        return answer.detach().cpu().numpy()
    several = answer if isinstance(answer, dict) else dict(enumerate(answer)) if isinstance(answer, tuple) else {}
    arrays = {str(name): _arrays(value) for name, value in several.items()}
    if not arrays or any(not isinstance(array, np.ndarray) or array.ndim not in {1, 2} for array in arrays.values()):
        return answer
    import pandas as pd

    blocks = [
        pd.DataFrame({name: array})
        if array.ndim == 1
        else pd.DataFrame(array, columns=[f"{name}_{i}" for i in range(array.shape[1])])
        for name, array in arrays.items()
    ]
    return pd.concat(blocks, axis=1)

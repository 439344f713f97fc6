"""PyTorch modules as they are: weights as safetensors, and what holds them by the source of its classes."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbdeploy.errors import Corrupted, NotCapturable
from nbdeploy.files import write_file
from nbdeploy.flavors import Saved
from nbdeploy.flavors.pickling import Pickler
from nbdeploy.flavors.torch_calls import TorchCalls, evaluating, unwrapped

__all__ = ["FLAVOR"]

STRUCTURE = "model/structure.pkl"
WEIGHTS = "model/weights.safetensors"


class TorchModules(TorchCalls):
    """See :class:`nbdeploy.flavors.Flavor`. Loading executes code, and the snapshot says so."""

    priority = 21

    def reached(self, model: Any) -> Any:
        return unwrapped(model)

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        from safetensors.torch import save

        buffer = io.BytesIO()
        pickler = _Pickler(buffer, module)
        try:
            with evaluating(model) as live:
                pickler.dump(live)
            weights = save({key: tensor.detach().cpu().contiguous().clone() for key, tensor in pickler.tensors})
        except Exception as error:
            raise NotCapturable(f"the module {type(model).__name__} cannot be stored: {error}") from error
        write_file(folder / STRUCTURE, buffer.getvalue())
        write_file(folder / WEIGHTS, weights)
        return Saved(runs_code=True, packages=frozenset({"safetensors", "torch"}))

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return True

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        from safetensors.torch import load

        try:
            weights = load((folder / WEIGHTS).read_bytes())
            return _Unpickler(io.BytesIO((folder / STRUCTURE).read_bytes()), weights).load().eval()
        except ImportError:
            raise
        except Exception as error:
            raise Corrupted(f"{folder / STRUCTURE} is not a module of PyTorch, or is damaged: {error}") from error


FLAVOR = TorchModules()


class _Pickler(Pickler):
    """Leaves tensors out. A tensor that is in two places is the same one in both again."""

    def __init__(self, file: io.BytesIO, module: str | None) -> None:
        super().__init__(file, module)
        self._keys: dict[int, str] = {}
        self.tensors: list[tuple[str, Any]] = []

    def persistent_id(self, obj: Any) -> str | None:
        import torch

        if not isinstance(obj, torch.Tensor):
            return None
        if id(obj) not in self._keys:
            kind = "tensor"
            if isinstance(obj, torch.nn.Parameter):
                kind = "parameter" if obj.requires_grad else "frozen"
            self._keys[id(obj)] = f"{kind}{len(self._keys)}"
            self.tensors.append((self._keys[id(obj)], obj))
        return self._keys[id(obj)]


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, weights: dict[str, Any]) -> None:
        super().__init__(file)
        self._weights = weights

    def persistent_load(self, pid: Any) -> Any:
        import torch

        weight = self._weights[pid]
        if not pid.startswith("tensor") and not isinstance(weight, torch.nn.Parameter):
            weight = torch.nn.Parameter(weight, requires_grad=pid.startswith("parameter"))
            self._weights[pid] = weight
        return weight

"""PyTorch modules as programs: the operations that ``torch.export`` finds, and the weights as safetensors.

Loading builds no class and runs no code: the program is a list of ATen operations, each looked up in a table.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbdeploy.errors import Corrupted, NbdeployError, NotCapturable
from nbdeploy.files import write_file
from nbdeploy.flavors import Saved
from nbdeploy.flavors.torch_calls import TorchCalls, evaluating, tensors_of, unwrapped

__all__ = ["FLAVOR"]

PROGRAM = "model/program.json"
WEIGHTS = "model/weights.safetensors"
_ROWS = 19
"""Rows to watch: PyTorch treats 0 and 1 as special, and a program must hold for any number."""


class Torch(TorchCalls):
    """See :class:`nbdeploy.flavors.Flavor`."""

    priority = 20

    def accepts(self, model: Any) -> bool:
        return super().accepts(model) or type(model).__name__ == "ExportedProgram"

    def reached(self, model: Any) -> Any:
        return None

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        from safetensors.torch import save

        if self.methods(model) != ["predict"] or example is None:
            raise NotCapturable("only what forward() computes, for rows that are given, can be stored as a program")
        document, weights = _program(model, example)
        write_file(folder / PROGRAM, json.dumps(document, sort_keys=True, indent=0).encode())
        write_file(folder / WEIGHTS, save(weights))
        return Saved(runs_code=False, packages=frozenset({"safetensors", "torch"}))

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return False

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        from safetensors.torch import load

        from nbdeploy.flavors.torch_programs import Program

        try:
            return Program(json.loads((folder / PROGRAM).read_bytes()), load((folder / WEIGHTS).read_bytes())).eval()
        except (ImportError, NbdeployError):
            raise
        except Exception as error:
            raise Corrupted(f"{folder / PROGRAM} is not a program of PyTorch, or is damaged: {error}") from error


FLAVOR = Torch()


def _program(model: Any, example: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Export a module, and check that the program answers the example as the module does, to the bit."""
    import torch

    from nbdeploy.flavors.torch_programs import Program, describe

    with evaluating(model) as live, torch.no_grad():
        (given,) = tensors_of(model, example)
        rows = given[torch.arange(_ROWS) % len(given)].clone()
        try:
            exported = model if live is not model else _exported(unwrapped(live), rows)
            document, weights = describe(exported)
            same = _equal(Program(document, weights).eval()(rows), live(rows))
        except NbdeployError:
            raise
        except Exception as error:
            told = str(error).partition("\n")[0][:200]
            raise NotCapturable(f"torch.export cannot follow {type(model).__name__}: {told}") from error
    if not same:
        raise NotCapturable(f"the program that torch.export makes of {type(model).__name__} answers differently")
    return document, weights


def _exported(module: Any, rows: Any) -> Any:
    import io
    import logging
    import warnings

    import torch

    dynamic = ({0: torch.export.Dim.DYNAMIC},)
    with warnings.catch_warnings(action="ignore"), contextlib.redirect_stderr(io.StringIO()):
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            return torch.export.export(module, (rows,), dynamic_shapes=dynamic, strict=False).run_decompositions({})
        finally:
            logging.disable(before)


def _equal(answer: Any, expected: Any) -> bool:
    from torch.utils._pytree import tree_flatten

    (left, shape), (right, other) = tree_flatten(answer), tree_flatten(expected)
    pairs = zip(left, right, strict=False)
    return str(shape) == str(other) and all(bool(((a == b) | ((a != a) & (b != b))).all()) for a, b in pairs)

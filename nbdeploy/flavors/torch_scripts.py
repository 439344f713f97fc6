"""TorchScript modules, in their own archive.

The archive holds code of TorchScript's own language. Its interpreter knows operators that read and write files, so
loading one is marked as running code. What remembers lines of the notebook, for tracebacks, is left out.
"""

from __future__ import annotations

import io
import re
import sys
import warnings
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

from nbdeploy.errors import Corrupted, NotCapturable
from nbdeploy.flavors import Saved
from nbdeploy.flavors.torch_calls import TorchCalls, evaluating

__all__ = ["FLAVOR"]

FILE = "model/script.pt"
_CHANGING = (".debug_pkl", ".data/serialization_id")
_CONSTANT = re.compile(rb"\s+\w+ : Final\[.*\] = .*\n")


class TorchScripts(TorchCalls):
    """See :class:`nbdeploy.flavors.Flavor`."""

    priority = 20

    def accepts(self, model: Any) -> bool:
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(model, torch.jit.ScriptModule)

    def reached(self, model: Any) -> Any:
        return None

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        import torch

        archive = io.BytesIO()
        try:
            with warnings.catch_warnings(action="ignore"), evaluating(model) as live:
                torch.jit.save(live, archive)
        except Exception as error:
            raise NotCapturable(f"the TorchScript module cannot be stored: {error}") from error
        (folder / FILE).parent.mkdir(parents=True, exist_ok=True)
        with ZipFile(archive) as given, ZipFile(folder / FILE, "w") as written:
            for name in sorted(given.namelist()):
                if not name.endswith(_CHANGING):
                    content = given.read(name)
                    written.writestr(ZipInfo(name), _ordered(content) if name.endswith(".py") else content)
        return Saved(runs_code=True, packages=frozenset({"torch"}))

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return True

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        import torch

        try:
            with warnings.catch_warnings(action="ignore"):
                return torch.jit.load(folder / FILE, map_location="cpu").eval()  # type: ignore[no-untyped-call]
        except Exception as error:
            raise Corrupted(f"{folder / FILE} is not a TorchScript module, or is damaged: {error}") from error


FLAVOR = TorchScripts()


def _ordered(source: bytes) -> bytes:
    """Put constants of a class that follow each other in order: TorchScript writes them as they come out of a set."""
    lines: list[bytes] = []
    for is_constant, some in groupby(source.splitlines(keepends=True), lambda line: bool(_CONSTANT.match(line))):
        block = list(some)
        lines += sorted(block) if is_constant else block
    return b"".join(lines)

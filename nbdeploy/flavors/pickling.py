"""Pickles whose references to the notebook's ``__main__`` point to the captured module instead."""

from __future__ import annotations

import hashlib
import io
from types import FunctionType
from typing import Any

from nbdeploy.flavors.modules import attribute
from nbdeploy.flavors.parts import native_reduction
from nbdeploy.flavors.stable_pickles import StablePickler

__all__ = ["Pickler", "dumps", "exported_name", "from_main"]


def from_main(thing: object) -> bool:
    """Whether a class or function was defined in the notebook (or script) itself."""
    return isinstance(thing, (type, FunctionType)) and getattr(thing, "__module__", None) == "__main__"


class Pickler(StablePickler):
    """Rewrites references to ``__main__``."""

    def __init__(self, file: io.BytesIO, module: str | None) -> None:
        super().__init__(file, protocol=5)
        self._module = module

    def reducer_override(self, obj: Any) -> Any:
        if self._module is not None and from_main(obj):
            return attribute, (self._module, exported_name(obj))
        return native_reduction(obj)


def exported_name(thing: Any) -> str:
    """Name of a class or function in the captured module; a lambda gets one made from its code."""
    if thing.__name__ == "<lambda>":
        return f"lambda_{_code_digest(thing)}"
    return str(thing.__qualname__)


def _code_digest(function: FunctionType) -> str:
    code = function.__code__
    return hashlib.sha256(code.co_code + repr((code.co_consts, code.co_names)).encode()).hexdigest()[:12]


def dumps(thing: Any, module: str | None) -> bytes:
    """Pickle `thing`, with references to ``__main__`` rewritten to `module`."""
    buffer = io.BytesIO()
    Pickler(buffer, module).dump(thing)
    return buffer.getvalue()

"""Pickles whose references to the user's own code point to the captured modules instead."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import sys
import typing
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from types import CodeType, FunctionType, MappingProxyType
from typing import Any

from nbdeploy.flavors.local import is_local
from nbdeploy.flavors.parts import native_reduction
from nbdeploy.flavors.restoring import attribute
from nbdeploy.flavors.stable_pickles import StablePickler

__all__ = ["Pickler", "captured_module", "captured_reference", "dumps", "exported_name", "from_main", "naming"]

_BY_NAME = (
    *(type, FunctionType, functools._lru_cache_wrapper),
    *(typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple, typing.NewType),
)
"""What pickle stores as a module and a name."""

_NAMES: ContextVar[Mapping[int, str]] = ContextVar("names", default=MappingProxyType({}))


def from_main(thing: object) -> bool:
    """Whether a class or function is written into the captured module: it was defined in the notebook (or script).

    So are functions that only a function of a helper module can make: no name in that module leads to them.
    """
    if not isinstance(thing, _BY_NAME):
        return False
    module = getattr(thing, "__module__", None)
    if module == "__main__":
        return True
    return isinstance(thing, FunctionType) and isinstance(module, str) and is_local(module) and not _has_name(thing)


def _has_name(thing: Any) -> bool:
    found: Any = sys.modules.get(thing.__module__)
    for part in thing.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is thing


def captured_reference(thing: Any, module: str) -> tuple[str, str] | None:
    """Module and name under which a bundle has a class or function; None if it is not the user's own.

    Parameters
    ----------
    thing : object
        Anything.
    module : str
        The captured module.
    """
    if from_main(thing):
        return module, exported_name(thing)
    if isinstance(thing, _BY_NAME) and is_local(str(getattr(thing, "__module__", ""))):
        return captured_module(str(thing.__module__), module), _qualname(thing)
    return None


def captured_module(name: str, module: str) -> str:
    """Name that a module has in a bundle whose captured module is `module`.

    Examples
    --------
    >>> captured_module("__main__", "nbdeploy_0123456789ab"), captured_module("json", "nbdeploy_0123456789ab")
    ('nbdeploy_0123456789ab', 'json')
    """
    if name == "__main__":
        return module
    return f"{module}.{name}" if is_local(name) else name


class Pickler(StablePickler):
    """Rewrites references to the user's own code."""

    def __init__(self, file: io.BytesIO, module: str | None) -> None:
        super().__init__(file, protocol=5)
        self._module = module

    def reducer_override(self, obj: Any) -> Any:
        """Say where a bundle has an object, if it is code of the user's own or has files of its own."""
        if self._module is not None and isinstance(obj, _BY_NAME):
            reference = captured_reference(obj, self._module)
            if reference is not None:
                return attribute, reference
        return native_reduction(obj)


def exported_name(thing: Any) -> str:
    """Name of a class or function in the captured module; a lambda gets one made from its code."""
    chosen = _NAMES.get().get(id(thing))
    if chosen is not None:
        return chosen
    qualname = _qualname(thing)
    if qualname.endswith("<lambda>"):
        return f"lambda_{_code_digest(thing.__code__).hexdigest()[:12]}"
    return qualname.rpartition("<locals>.")[2]


@contextlib.contextmanager
def naming(names: Mapping[int, str]) -> Iterator[None]:
    """Let :func:`exported_name` say the names that a capture chose, by ``id``, while pickles are made."""
    token = _NAMES.set(names)
    try:
        yield
    finally:
        _NAMES.reset(token)


def _qualname(thing: Any) -> str:
    return str(getattr(thing, "__qualname__", None) or thing.__name__)


def _code_digest(code: CodeType) -> Any:
    """Digest of what a function does; code inside it has an address, which is no part of that."""
    digest = hashlib.sha256(code.co_code + repr(code.co_names).encode())
    for constant in code.co_consts:
        text = sorted(map(repr, constant)) if isinstance(constant, frozenset) else repr(constant)
        digest.update(_code_digest(constant).digest() if isinstance(constant, CodeType) else str(text).encode())
    return digest


def dumps(thing: Any, module: str | None) -> bytes:
    """Pickle `thing`, with references to the user's own code rewritten to `module` and those below it."""
    buffer = io.BytesIO()
    Pickler(buffer, module).dump(thing)
    return buffer.getvalue()

"""What an object reaches: the user's own classes and functions in it, and where in it something is."""

from __future__ import annotations

import contextlib
import logging
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.local import CAPTURED, is_local
from nbdeploy.flavors.pickling import captured_reference, from_main
from nbdeploy.snapshots.capture.finding import is_outdated

__all__ = ["Reached", "Where", "parts", "path_to", "reach"]

Where = str
"""How a user would write where something is: ``the model.steps[0][1]``."""

_LEAVES = (str, bytes, bytearray, int, float, complex, bool, type(None), type, ModuleType, logging.Logger)
_DEEPEST = 40
_MOST = 100_000


class Reached(pickle.Pickler):
    """Pickles into nothing, to meet every class and function that an object refers to.

    Attributes
    ----------
    things : dict
        The user's own classes and functions, by ``id``, in the order of meeting.
    modules : set of str
        Modules of everything met.
    """

    def __init__(self) -> None:
        # Large arrays are handed over as they are instead of being copied.
        super().__init__(_Nowhere(), protocol=5, buffer_callback=lambda _: None)
        self.things: dict[int, Any] = {}
        self.modules: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        """Note what an object is; its own parts are met by pickling it."""
        named = getattr(obj, "__module__", None)
        module = named if isinstance(named, str) else type(obj).__module__
        self.modules.add(module)
        if from_main(obj):
            self.things[id(obj)] = obj
            return str, ()
        if CAPTURED.match(module):
            raise _Foreign("its code is that of a loaded snapshot; use a definition of this notebook instead")
        if isinstance(obj, type) and is_local(module) and is_outdated(obj):
            raise _Foreign(f"{module} was edited and loaded again since its class was defined; make the object again")
        return NotImplemented if captured_reference(obj, "") is None else (str, ())

    @property
    def local(self) -> list[str]:
        """Helper modules of the user's own."""
        return sorted(name for name in self.modules if is_local(name))


class _Foreign(ValueError):
    """What is carried would not be what is here; the message says what to do."""


class _Nowhere:
    def write(self, content: bytes) -> int:
        return len(content)


def reach(thing: Any, where: Where, hint: str = "") -> Reached:
    """Meet everything that an object refers to.

    Raises
    ------
    NotCapturable
        If a part of it cannot be carried, naming the deepest such part.
    """
    try:
        return _met(thing)
    except Exception as error:
        part, path = _culprit(thing, where)
        advice = "" if isinstance(error, _Foreign) else f"; {_advice(part, path)}"
        raise NotCapturable(
            f"{path} (a {type(part).__name__}){hint} cannot be carried out of the notebook: {error}{advice}", path=path
        ) from error


def _met(thing: Any) -> Reached:
    reached = Reached()
    reached.dump(thing)
    return reached


def _advice(part: Any, path: Where) -> str:
    if isinstance(part, ModuleType):
        return f"import {part.__name__} inside the method or function that uses it"
    if isinstance(part, Iterator) and not hasattr(part, "close"):
        return "keep a list of what it yields instead"
    if type(part).__name__ == "generator":
        return "keep a list of what it yields instead"
    if path.startswith("the variable"):
        return "open or make it inside the function that uses it"
    return "keep it out of the model (define __getstate__ without it), or open it inside predict"


def _culprit(thing: Any, where: Where, above: tuple[int, ...] = ()) -> tuple[Any, Where]:
    """The deepest part that cannot be carried, and where it is."""
    above = (*above, id(thing))
    for suffix, part in parts(thing):
        if id(part) not in above and len(above) < _DEEPEST and not _is_carried(part):
            return _culprit(part, where + suffix, above)
    return thing, where


def _is_carried(part: Any) -> bool:
    try:
        _met(part)
    except Exception:
        return False
    return True


def parts(thing: Any) -> Iterator[tuple[str, Any]]:
    """What an object is made of, each with what a user would write to reach it."""
    if isinstance(thing, dict):
        yield from ((f"[{key!r}]", value) for key, value in thing.items())
    elif isinstance(thing, (list, tuple)):
        yield from ((f"[{i}]", value) for i, value in enumerate(thing))
    elif isinstance(thing, (set, frozenset)):
        yield from ((" (an element)", value) for value in thing)
    elif isinstance(thing, partial):
        yield from ((".func", thing.func), (".args", thing.args), (".keywords", thing.keywords))
    elif isinstance(thing, MethodType):
        yield ".__self__", thing.__self__
    elif type(thing).__name__ == "ndarray" and thing.dtype == object:
        yield from ((f"[{i}]", value) for i, value in enumerate(thing.ravel().tolist()))
    elif type(thing).__module__.partition(".")[0] in {"pandas", "polars"}:
        yield from _texts(thing)
    if not isinstance(thing, (*_LEAVES, FunctionType)):
        yield from ((f".{name}", value) for name, value in _attributes(thing).items())
        for cls in type(thing).__mro__:
            slots = cls.__dict__.get("__slots__", ())
            for name in [slots] if isinstance(slots, str) else slots:
                if hasattr(thing, name) and name not in {"__dict__", "__weakref__"}:
                    yield f".{name}", getattr(thing, name)


def _attributes(thing: Any) -> dict[str, Any]:
    """The attributes of an object that are carried: what its own ``__getstate__`` leaves out is not."""
    attributes = dict(getattr(thing, "__dict__", {}))
    if from_main(type(thing)) and vars(object)["__getstate__"] != getattr(type(thing), "__getstate__", None):
        with contextlib.suppress(Exception):
            state = thing.__getstate__()
            return dict(state) if isinstance(state, dict) else {}
    return attributes


def _texts(table: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """The texts in the columns of a table."""
    frame: Any = table.to_frame() if hasattr(table, "to_frame") else table
    for name in getattr(frame, "columns", ()):
        column: Any = frame[name] if list(frame.columns).count(name) == 1 else None
        if str(getattr(column, "dtype", "")).lower() in {"object", "str", "string", "category", "categorical"}:
            yield f"[{name!r}]", frozenset(value for value in column.to_list()[:_MOST] if isinstance(value, str))


def path_to(thing: Any, wanted: Callable[[Any], bool], where: Where) -> Where | None:
    """Where inside an object something is, the shortest way."""
    seen: dict[int, Any] = {}
    level = [(thing, where)]
    while level:
        deeper: list[tuple[Any, Where]] = []
        for part, path in level:
            if wanted(part):
                return path
            if id(part) not in seen and not isinstance(part, _LEAVES):
                seen[id(part)] = part
                deeper += [(inner, path + suffix) for suffix, inner in parts(part)]
        level = deeper
    return None

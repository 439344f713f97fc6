"""What of a model changes when it is asked: counters, used-up generators, random numbers."""

from __future__ import annotations

import hashlib
import pickle
import random
import sys
from collections import deque
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, GeneratorType
from typing import Any

import numpy as np

from nbdeploy.flavors.pickling import from_main
from nbdeploy.snapshots.capture.live import cells_of
from nbdeploy.snapshots.capture.reaching import parts

__all__ = ["changing_parts"]

_MOST = 50_000


def changing_parts(model: Any, ask: Callable[[], object]) -> list[str]:
    """Find what is another after a model was asked.

    Parameters
    ----------
    model : object
        The live model.
    ask : callable
        Asks it once.

    Returns
    -------
    list of str
        Where each part is, and what it is: ``the model.calls (an int)``.

    Examples
    --------
    >>> steps = {"seen": [0]}
    >>> changing_parts(steps, lambda: steps["seen"].append(1))
    ["the model['seen'][1] (an int)"]
    """
    before = {where: seen for where, seen, _ in _prints(model)}
    ask()
    return [where + what for where, seen, what in _prints(model) if before.get(where) != seen]


def _prints(model: Any) -> Iterator[tuple[str, str, str]]:
    """Every smallest part: where it is, a digest of it, and what it is."""
    seen: dict[int, Any] = {}
    todo = deque([("the model", model)])
    while todo and len(seen) < _MOST:
        where, part = todo.popleft()
        if id(part) in seen and not isinstance(part, (str, bytes, int, float)):
            continue
        seen[id(part)] = part
        inner = [(where + suffix, one) for suffix, one in parts(part)] + list(_used(part))
        todo += inner
        if not inner and not isinstance(part, (FunctionType, type)):
            kind = type(part).__name__
            yield where, _print(part), f" ({'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind})"
    yield "numpy's own random numbers (np.random)", _print(np.random.get_state()), ""
    yield "Python's own random numbers (random)", _print(random.getstate()), ""
    if "torch" in sys.modules:
        yield "PyTorch's own random numbers", _print(sys.modules["torch"].get_rng_state().numpy()), ""


def _used(part: Any) -> Iterator[tuple[str, Any]]:
    """The variables around the notebook's functions and methods, and those of the notebook that they use."""
    functions = [part] if isinstance(part, FunctionType) else []
    if from_main(type(part)):
        functions += [value for cls in type(part).__mro__ for value in vars(cls).values() if from_main(value)]
    for function in (one for one in functions if isinstance(one, FunctionType) and from_main(one)):
        yield from ((f"the variable {name} of {function.__name__}", cell) for name, cell in cells_of(function).items())
        for name in dict.fromkeys(_names(function.__code__)):
            if name in function.__globals__:
                yield f"the variable {name}", function.__globals__[name]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _print(part: Any) -> str:
    if isinstance(part, GeneratorType):
        return repr(part.gi_frame and (part.gi_frame.f_lasti, part.gi_frame.f_locals))
    try:
        return hashlib.sha256(pickle.dumps(part)).hexdigest()
    except Exception:  # whatever it is, it can only be told apart from others
        return ""

"""Everything a model reaches in the notebook's ``__main__``, as one readable module."""

from __future__ import annotations

import ast
import builtins
import io
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from types import ModuleType
from typing import Any

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.modules import EARLY, LATE
from nbdeploy.flavors.pickling import dumps, exported_name, from_main
from nbdeploy.manifest import sha256
from nbdeploy.snapshots.source import Definition, definition

__all__ = ["Captured", "capture"]

_LONGEST_LITERAL = 2000
_PLACEHOLDER = "nbdeploy_captured"


@dataclass(frozen=True)
class Captured:
    """What has to travel with a model besides the model.

    Attributes
    ----------
    module : str or None
        Name of the captured module; None if the model uses nothing of the notebook.
    files : mapping of str to bytes
        Its source and values, by path below the bundle.
    packages : frozenset of str
        Top-level modules that the model and the captured source use.
    """

    module: str | None
    files: Mapping[str, bytes]
    packages: frozenset[str]


@dataclass
class _Collection:
    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    literals: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)


def capture(model: Any) -> Captured:
    """Collect the source that a model needs from the notebook.

    Raises
    ------
    NotCapturable
        Naming what cannot be carried, and where it was found.
    """
    found = _Collection()
    _collect_reached(model, "the model", found)
    if not found.definitions:
        return Captured(None, {}, frozenset(found.packages))
    source = _source(found).encode()
    values = _by_use(found)
    state = b"".join(dumps(group, _PLACEHOLDER) for group in values.values())
    module = f"nbdeploy_{sha256(source + state)[:12]}"
    pickles = {f"code/{module}{suffix}": dumps(group, module) for suffix, group in values.items() if group}
    return Captured(module, {f"code/{module}.py": source, **pickles}, frozenset(found.packages))


def _by_use(found: _Collection) -> dict[str, dict[str, Any]]:
    """Split values into those needed while definitions are made, and those needed when they are called."""
    now = frozenset[str]().union(*(defined.now for defined in found.definitions.values()))
    groups: dict[str, dict[str, Any]] = {EARLY: {}, LATE: {}}
    for name, value in found.values.items():
        if name in now and _scan(value).things:
            raise NotCapturable(
                f"the variable {name} is used while a class or function is being defined, and is itself made of things "
                "that the notebook defines; use it inside a method instead",
                name=name,
            )
        groups[EARLY if name in now else LATE][name] = value
    return groups


class _Scanner(pickle.Pickler):
    """Pickles into nothing, to meet every class and function that an object graph refers to."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), protocol=5)
        self.things: dict[int, Any] = {}
        self.modules: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        self.modules.add(str(getattr(obj, "__module__", None) or type(obj).__module__))
        if from_main(obj):
            self.things[id(obj)] = obj
            return str, ()
        return NotImplemented


def _scan(thing: Any) -> _Scanner:
    scanner = _Scanner()
    scanner.dump(thing)
    return scanner


def _collect_reached(thing: Any, path: str, found: _Collection) -> None:
    try:
        scanner = _scan(thing)
    except Exception as error:
        raise NotCapturable(
            f"{_culprit(thing, path)} cannot be carried out of the notebook: {error}; "
            "keep it out of the model, or open it inside predict",
            path=path,
        ) from error
    found.packages.update(name.partition(".")[0] for name in scanner.modules)
    for reached in scanner.things.values():
        _collect(reached, found)


def _culprit(thing: Any, path: str) -> str:
    """Path of the deepest attribute that does not pickle."""
    parts = (
        {f".{k}": v for k, v in getattr(thing, "__dict__", {}).items()}
        if not isinstance(thing, dict)
        else {f"[{k!r}]": v for k, v in thing.items()}
    )
    if isinstance(thing, (list, tuple)):
        parts = {f"[{i}]": v for i, v in enumerate(thing)}
    for name, part in parts.items():
        try:
            _scan(part)
        except Exception:
            return _culprit(part, path + name)
    return f"{path} (a {type(thing).__name__})"


def _collect(thing: Any, found: _Collection) -> None:
    top = exported_name(thing).partition(".")[0]
    if top in found.definitions:
        return
    defined = definition(thing)
    found.definitions[top] = defined
    namespace = getattr(thing, "__globals__", None) or vars(sys.modules["__main__"])
    for name in sorted(defined.now | defined.later):
        if name in namespace and name not in found.definitions:
            _collect_name(name, namespace[name], found)


def _collect_name(name: str, value: Any, found: _Collection) -> None:
    """Decide how a global that captured source uses is written down."""
    if isinstance(value, ModuleType):
        found.imports[name] = _import_module(value.__name__, name)
        found.packages.add(value.__name__.partition(".")[0])
    elif from_main(value):
        _collect(value, found)
        if exported_name(value) != name:
            found.aliases[name] = exported_name(value)
    elif origin := _importable(value):
        found.imports[name] = f"from {origin[0]} import {origin[1]}" + (f" as {name}" if origin[1] != name else "")
        found.packages.add(origin[0].partition(".")[0])
    elif _is_literal(value):
        found.literals[name] = f"{name} = {_literal(value)}"
    elif name not in found.values and not hasattr(builtins, name):
        found.values[name] = value
        _collect_reached(value, f"the variable {name}", found)


def _import_module(module: str, name: str) -> str:
    if module == name:
        return f"import {module}"
    parent, _, last = module.rpartition(".")
    return f"from {parent} import {last}" if parent and last == name else f"import {module} as {name}"


def _importable(value: Any) -> tuple[str, str] | None:
    """Module and name under which a class, function or typing construct can be imported."""
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "_name", None) or getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__" or module not in sys.modules:
        return None
    return (module, name) if getattr(sys.modules[module], name, None) is value else None


def _literal(value: Any) -> str:
    """A literal's text; sets are written in one order, whatever the process."""
    if isinstance(value, set) and value:
        return "{" + ", ".join(sorted(map(_literal, value))) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(_literal, value)) + "]"
    if type(value) is tuple:
        return "(" + "".join(f"{_literal(item)}, " for item in value) + ")"
    return repr(value)


def _is_literal(value: Any) -> bool:
    text = repr(value)
    if len(text) > _LONGEST_LITERAL:
        return False
    try:
        return bool(ast.literal_eval(text) == value and type(ast.literal_eval(text)) is type(value))
    except Exception:
        return False


def _source(found: _Collection) -> str:
    """The module: imports, literals, then definitions, each after those it needs while being defined."""
    order = TopologicalSorter(
        {name: sorted(d.now & found.definitions.keys()) for name, d in sorted(found.definitions.items())}
    )
    head = ['"""Captured from a notebook by nbdeploy."""', "", *sorted(found.imports.values())]
    head += sorted(found.literals.values())
    bodies = [found.definitions[name].source for name in order.static_order()]
    aliases = [f"{name} = {target}" for name, target in sorted(found.aliases.items())]
    return "\n".join(head) + "\n\n\n" + "\n\n".join(bodies) + ("\n\n" + "\n".join(aliases) + "\n" if aliases else "")

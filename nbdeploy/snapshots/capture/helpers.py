"""Helper modules beside the notebook: found by following imports, and carried as whole files."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.local import is_local_file
from nbdeploy.snapshots.capture.cells import Text, same_code
from nbdeploy.snapshots.capture.finding import codes_of
from nbdeploy.snapshots.capture.literals import is_literal
from nbdeploy.snapshots.capture.uses import imports_in

__all__ = ["Helpers", "follow"]


@dataclass
class Helpers:
    """Helper modules.

    Attributes
    ----------
    files : dict of str to bytes
        Their content, by path below ``code``.
    texts : list of Text
        The same as source.
    packages : set of str
        Top-level modules that they import, and that are no helpers.
    changed : dict of str to object
        Variables of theirs that are written as constants and have other values by now: ``helpers.LIMIT``.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    texts: list[Text] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)
    changed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Place:
    file: str | None
    is_package: bool
    search: list[str] | None


def follow(modules: Collection[str]) -> Helpers:
    """Read helper modules, and those that they import in turn, wherever in their source.

    Raises
    ------
    NotCapturable
        If a file is not what was imported from it: it was edited since.
    """
    found = Helpers()
    seen: set[str] = set()
    todo = sorted(modules)
    while todo:
        name = todo.pop(0)
        if name in seen:
            continue
        seen.add(name)
        place = _place(name)
        if place is not None and _is_helper(name, place):
            todo += [name.rpartition(".")[0]] if "." in name else []
            todo += _read(name, place, found) if place.file is not None else []
        elif not _is_below_helper(name):
            found.packages.add(name.partition(".")[0])
    return found


def _is_helper(name: str, place: _Place) -> bool:
    """Whether a module is a file of the user's own, or a folder of such files without ``__init__``."""
    files = [place.file] if place.file is not None else [f"{folder}/{name}.py" for folder in place.search or ()]
    return any(is_local_file(name.partition(".")[0], file) for file in files)


def _is_below_helper(name: str) -> bool:
    """Whether a dotted name is something in a helper module instead of a module."""
    top = name.partition(".")[0]
    place = _place(top)
    return place is not None and _is_helper(top, place)


def _read(name: str, place: _Place, found: Helpers) -> list[str]:
    """Take one file; return the modules that it imports."""
    path = Path(str(place.file))
    content = path.read_bytes()
    linecache.checkcache(str(path))
    text = Text(str(path), "".join(linecache.getlines(str(path))))
    _require_unedited(sys.modules.get(name), text)
    below = name.replace(".", "/")
    found.files[f"{below}/__init__.py" if place.is_package else f"{below}.py"] = content
    found.texts.append(text)
    found.changed.update({f"{name}.{variable}": value for variable, value in _changed(sys.modules.get(name), text)})
    package = name if place.is_package else name.rpartition(".")[0]
    imported = list(imports_in(text.tree, package))
    return [module for module in imported if module]


def _place(name: str) -> _Place | None:
    """Where a module is, without importing anything."""
    loaded = sys.modules.get(name)
    if loaded is not None and (getattr(loaded, "__file__", None) or hasattr(loaded, "__path__")):
        search = getattr(loaded, "__path__", None)
        return _Place(loaded.__file__, search is not None, None if search is None else list(search))
    parent, _, _ = name.rpartition(".")
    above = _place(parent) if parent else None
    if parent and (above is None or above.search is None):
        return None
    spec = PathFinder.find_spec(name, above.search if above else None)
    if spec is None:
        return None
    search = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
    return _Place(spec.origin if spec.has_location else None, search is not None, search)


def _changed(module: ModuleType | None, text: Text) -> Iterator[tuple[str, Any]]:
    """Constants of a module that were assigned to from outside."""
    assigned = [node for node in text.tree.body if isinstance(node, ast.Assign)]
    written = {target.id: node.value for node in assigned for target in node.targets if isinstance(target, ast.Name)}
    for name, value in written.items():
        try:
            read = ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError):
            continue
        live = getattr(module, name, read)
        if is_literal(live) and live != read:
            yield name, live


def _require_unedited(module: ModuleType | None, text: Text) -> None:
    """Compare what a module runs with its file."""
    if module is None:
        return
    live = [code for value in vars(module).values() for code in _codes(value) if code.co_filename == text.filename]
    if not live:
        return
    written = {(code.co_qualname, code.co_firstlineno): code for code in text.codes()}
    for code in live:
        same = written.get((code.co_qualname, code.co_firstlineno))
        if same is None or not same_code(code, same):
            raise NotCapturable(
                f"{text.filename} was edited after the notebook imported it: {code.co_qualname} is not what the file "
                "has; restart the kernel and run the notebook again, or import it anew with importlib.reload",
                path=text.filename,
            )


def _codes(value: object) -> Iterator[CodeType]:
    """Code of a function, or of a class and those in it."""
    if isinstance(value, FunctionType):
        yield value.__code__
    elif isinstance(value, type):
        yield from codes_of(value)
        for inner in vars(value).values():
            if isinstance(inner, type) and inner.__qualname__.startswith(f"{value.__qualname__}."):
                yield from _codes(inner)

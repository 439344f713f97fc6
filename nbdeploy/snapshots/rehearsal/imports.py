"""Who imports what: recorded in the clean process, so that a model's packages can be told from ours."""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Collection, Iterable
from importlib.util import resolve_name
from types import ModuleType, TracebackType
from typing import Any

__all__ = ["Imports"]

_WALKERS = frozenset({"sklearn.utils.discovery"})
"""Modules that import everything there is, for lists of it that only the loading of files asks for."""


class Imports:
    """Records every import statement that succeeds, as a pair of the importing and the imported module.

    A module that was loaded by somebody else counts too: what matters is who asks for it. Compiled modules do not
    say what they import; what a distribution declares to require covers that.

    Examples
    --------
    >>> with Imports() as imports:
    ...     import packaging.version
    >>> "packaging.version" in imports.needed_by({__name__})
    True
    """

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], None] = {}
        self._import = builtins.__import__
        self._import_module = importlib.import_module

    def __enter__(self) -> Imports:
        builtins.__import__ = self._spied_import
        importlib.import_module = self._spied_import_module
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        builtins.__import__ = self._import
        importlib.import_module = self._import_module

    def needed_by(self, roots: Collection[str]) -> dict[str, str]:
        """Find the modules that some modules imported, they and what they imported, and so on.

        Parameters
        ----------
        roots : collection of str
            Modules. One that is not loaded stands for nothing.

        Returns
        -------
        dict of str to str
            Module to its file (empty if it has none), sorted; the standard library is left out.
        """
        edges: dict[str, set[str]] = {}
        for importer, imported in self._pairs:
            if importer not in _WALKERS and _top(importer) not in sys.stdlib_module_names:
                edges.setdefault(importer, set()).add(imported)
        found: set[str] = set()
        todo = [name for name in roots if name in sys.modules]
        while todo:
            module = todo.pop()
            if module not in found:
                found.add(module)
                parent = module.rpartition(".")[0]
                todo += [*edges.get(module, ()), *([parent] if parent else [])]
        return {name: _file(name) for name in sorted(found) if _top(name) not in sys.stdlib_module_names}

    def _spied_import(
        self,
        name: str,
        globals: Any = None,  # noqa: A002 - as Python names it
        locals: Any = None,  # noqa: A002
        fromlist: Any = (),
        level: int = 0,
    ) -> ModuleType:
        module = self._import(name, globals, locals, fromlist, level)
        if globals:
            importer = str(globals.get("__name__", ""))
            package = str(globals.get("__package__") or importer)
            self._note(importer, resolve_name("." * level + name, package) if level else name, fromlist or ())
        return module

    def _spied_import_module(self, name: str, package: str | None = None) -> ModuleType:
        module = self._import_module(name, package)
        self._note(str(sys._getframe(1).f_globals.get("__name__", "")), module.__name__, ())
        return module

    def _note(self, importer: str, imported: str, names: Iterable[str]) -> None:
        self._pairs[importer, imported] = None
        for name in names:
            if f"{imported}.{name}" in sys.modules:
                self._pairs[importer, f"{imported}.{name}"] = None


def _top(name: str) -> str:
    return name.partition(".")[0]


def _file(name: str) -> str:
    return str(getattr(sys.modules.get(name), "__file__", None) or "")

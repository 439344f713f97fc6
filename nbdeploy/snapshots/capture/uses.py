"""The names that source uses, and when."""

from __future__ import annotations

import ast
import symtable
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from nbdeploy.snapshots.capture.cells import Text

__all__ = ["SHELL", "Uses", "imported_as", "importing_statement", "imports_in", "submodules", "uses"]

SHELL = {"display": "from IPython.display import display", "get_ipython": "from IPython import get_ipython"}
"""Names that the shell gives every notebook, and how a module gets them."""


@dataclass(frozen=True)
class Uses:
    """Global names used while source is executed, and those used only when what it defines is called."""

    now: frozenset[str]
    later: frozenset[str]


def uses(source: str, *, lazy_annotations: bool) -> Uses:
    r"""Find the global names that one piece of top-level source uses.

    Parameters
    ----------
    source : str
        Definitions or assignments.
    lazy_annotations : bool
        Whether annotations are kept as text, as ``from __future__ import annotations`` has it.

    Examples
    --------
    >>> found = uses("class A(Base):\n    def f(self): return helper()", lazy_annotations=False)
    >>> sorted(found.now), sorted(found.later)
    (['Base'], ['helper'])
    """
    now, later = _uses(source)
    if lazy_annotations:
        eager, _ = _uses(f"from __future__ import annotations\n{source}")
        now, later = eager, later | now
    return Uses(frozenset(now), frozenset(later - now))


def _uses(source: str) -> tuple[set[str], set[str]]:
    table = symtable.symtable(source, "captured", "exec")
    now, later = set(_used(table)), set[str]()
    for child in _descendants(table):
        in_class = child.get_type() == "class" and _only_classes_above(child, table)
        (now if in_class else later).update(_used(child))
    made = {s.get_name() for s in table.get_symbols() if s.is_assigned()}
    return now - made, later - made - now


def _descendants(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _descendants(child)


def _only_classes_above(child: symtable.SymbolTable, top: symtable.SymbolTable) -> bool:
    """A class body inside a function runs when the function does, not before."""
    return any(child is c or (c.get_type() == "class" and _only_classes_above(child, c)) for c in top.get_children())


def _used(table: symtable.SymbolTable) -> list[str]:
    """Names that a scope looks up in its module."""
    at_module_level = table.get_type() == "module"
    return [s.get_name() for s in table.get_symbols() if s.is_referenced() and (at_module_level or s.is_global())]


def imports_in(tree: ast.AST, package: str = "") -> Iterator[str]:
    """Modules that source imports, anywhere in it; ``from a import b`` may mean the module ``a.b``.

    Parameters
    ----------
    tree : ast.AST
        The source.
    package : str
        The package that relative imports start from.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*filter(None, above), *filter(None, [node.module])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names if alias.name != "*")


def submodules(tree: ast.AST, namespace: Mapping[str, Any]) -> Iterator[str]:
    """Modules below others that source reaches by attributes: ``scipy.stats`` in ``scipy.stats.norm``."""
    for node in ast.walk(tree):
        chain: list[str] = []
        while isinstance(node, ast.Attribute):
            chain.insert(0, node.attr)
            node = node.value
        module = namespace.get(node.id) if isinstance(node, ast.Name) else None
        for name in chain:
            if not isinstance(module, ModuleType):
                break
            below = f"{module.__name__}.{name}"
            module = getattr(module, name, None)
            if module is None or sys.modules.get(below) is not module:
                break
            yield below


def imported_as(name: str, value: Any, texts: list[Text]) -> str | None:
    """Find the import by which the notebook itself got a value, as the user wrote it."""
    for text in reversed(texts):
        for node in ast.walk(text.tree):
            if not isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            for alias in node.names:
                bound = alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0])
                if bound == name and _imports(node, alias, value):
                    return _written(node, alias)
    return None


def _imports(node: ast.Import | ast.ImportFrom, alias: ast.alias, value: Any) -> bool:
    if isinstance(node, ast.Import):
        return sys.modules.get(alias.name if alias.asname else alias.name.split(".")[0]) is value
    if node.level or node.module is None:
        return False
    found = getattr(sys.modules.get(node.module), alias.name, sys.modules.get(f"{node.module}.{alias.name}"))
    return found is value


def _written(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    renamed = f" as {alias.asname}" if alias.asname and alias.asname != alias.name else ""
    if isinstance(node, ast.ImportFrom):
        return f"from {node.module} import {alias.name}{renamed}"
    return f"import {alias.name}{renamed}" if alias.asname else f"import {alias.name.split('.')[0]}"


def importing_statement(name: str, value: Any) -> str | None:
    """An import of a module, or of a class, function or typing construct that can be imported."""
    if isinstance(value, ModuleType):
        parent, _, last = value.__name__.rpartition(".")
        if value.__name__ == name:
            return f"import {name}"
        return f"from {parent} import {last}" if parent and last == name else f"import {value.__name__} as {name}"
    module = getattr(value, "__module__", None)
    own = getattr(value, "__qualname__", None) or getattr(value, "_name", None) or getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(own, str) or module == "__main__" or module not in sys.modules:
        return None
    if getattr(sys.modules[module], own, None) is not value:
        return None
    return f"from {module} import {own}" + (f" as {name}" if own != name else "")

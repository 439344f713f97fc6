"""The definitions, imports and values that a model needs from the notebook, gathered name by name."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.local import is_local
from nbdeploy.flavors.modules import VALUE
from nbdeploy.flavors.pickling import exported_name, from_main
from nbdeploy.snapshots.capture.cells import texts
from nbdeploy.snapshots.capture.finding import Found, find_assignment, find_class, find_function
from nbdeploy.snapshots.capture.literals import is_literal, literal
from nbdeploy.snapshots.capture.reaching import path_to, reach
from nbdeploy.snapshots.capture.rewriting import Replaced, cut, defaults, local_names, wrapped
from nbdeploy.snapshots.capture.uses import Uses, imported_as, imports_in, submodules, uses

__all__ = ["Collection", "Statement"]

_LAZY = 0x1000000  # CO_FUTURE_ANNOTATIONS


@dataclass(frozen=True)
class Statement:
    """One piece of the captured module.

    Attributes
    ----------
    source : str
        Its text.
    now, later : frozenset of str
        Names it uses while it is executed, and those used only when what it defines is called.
    found : Found or None
        The definition it was cut from.
    first : int
        The line of the text in which the definition begins.
    """

    source: str
    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    found: Found | None = None
    first: int = 1


@dataclass
class Collection:
    """What is gathered.

    Attributes
    ----------
    statements : dict of str to Statement
        By the name that each defines.
    imports : dict of str to str
        Import statements, by the name they bind.
    literals, values : dict
        Globals that are written down, and those that are pickled, by name.
    early : dict
        Values that statements ask for while they are executed, by the name they ask by.
    names : dict of int to str
        By the ``id`` of a class or function, its name in the captured module.
    packages : set of str
        Top-level modules used.
    local : set of str
        Helper modules used.
    lazy : bool
        Whether annotations have to be kept as text.
    """

    statements: dict[str, Statement] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    literals: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    early: dict[str, Any] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    local: set[str] = field(default_factory=set)
    lazy: bool = False
    _alive: list[Any] = field(default_factory=list)
    _bound: dict[str, Any] = field(default_factory=dict)

    def reach(self, thing: Any, where: str, hint: str = "") -> list[str]:
        """Gather everything that an object refers to; return the names of its classes and functions."""
        reached = reach(thing, where, hint)
        self.packages.update(name.partition(".")[0] for name in reached.modules if not is_local(name))
        self.local.update(reached.local)
        names = []
        for one in reached.things.values():
            try:
                names.append(self.collect(one))
            except NotCapturable as error:
                path = None if "path" in error.facts else path_to(thing, lambda part, one=one: _is_or_has(part, one), where)
                if path is None:
                    raise
                raise NotCapturable(f"{path}{hint}: {error}", **error.facts, path=path) from error
        return names

    def collect(self, thing: Any) -> str:
        """Gather a class or function of the user's own; return its name in the captured module."""
        if id(thing) not in self.names:
            self._alive.append(thing)
            if isinstance(thing, FunctionType):
                self._function(thing)
            elif isinstance(thing, functools._lru_cache_wrapper):
                self._cached(thing)
            elif isinstance(thing, type):
                self._class(thing)
            else:
                self._assigned(thing, thing.__name__)
        return self.names[id(thing)]

    def kept(self) -> tuple[Any, ...]:
        """The things gathered: as long as they live, their ``id`` is theirs alone."""
        return tuple(self._alive)

    # functions

    def _function(self, thing: FunctionType) -> None:
        if self._as_written(thing):
            return
        found = find_function(thing)
        if found is None:
            raise _no_source(thing)
        if len(found.trail) > 1 and isinstance(found.trail[-2], ast.ClassDef) and self._method(thing):
            return
        free = _free(thing, found)
        replaced, needs = self._defaults(found, thing, set(free))
        name = self._name(thing, free_to_share=None if replaced or thing.__closure__ else found)
        self.names[id(thing)] = name
        if name in self.statements:
            return
        if found.is_top_level and not free:
            source = cut(found, replaced, name=name, decorated=False)
            self._add(name, source, found, thing.__globals__, needs=needs, lazy=_is_lazy(thing))
        else:
            self._made(name, found, free, replaced, thing, needs)

    def _as_written(self, thing: Any) -> bool:
        """Take a definition with its decorators, where they made what its name means in the notebook."""
        namespace = _namespace(thing)
        for raw in _undecorated(thing):
            name = raw.__code__.co_name
            if namespace.get(name) is not thing or raw.__globals__ is not vars(sys.modules["__main__"]):
                continue
            found = find_function(raw)
            if found is None or not found.is_top_level or not _still_decorates(found, thing, raw, namespace):
                continue
            self.names[id(thing)] = name
            replaced, needs = self._defaults(found, raw, set())
            source = cut(found, replaced, name=name, decorated=True)
            self._add(name, source, found, raw.__globals__, needs=needs, lazy=_is_lazy(raw))
            return True
        return False

    def _cached(self, thing: Any) -> None:
        if self._as_written(thing):
            return
        inner = self.collect(thing.__wrapped__)
        name = self.names[id(thing)] = self._name(thing)
        self.imports.setdefault("functools", "import functools")
        given = ", ".join(f"{key}={value!r}" for key, value in thing.cache_parameters().items())
        self.statements[name] = Statement(
            f"{name} = functools.lru_cache({given})({inner})\n", frozenset({inner.partition(".")[0]})
        )

    def _method(self, thing: FunctionType) -> bool:
        """A function that is reached by itself, and is a method of a class."""
        top, *path = thing.__qualname__.split(".")
        owner: Any = _namespace(thing).get(top)
        found = owner
        for part in path:
            found = inspect.getattr_static(found, part, None)
            found = getattr(found, "__func__", found)
        if found is not thing:
            return False
        self.names[id(thing)] = ".".join([self.collect(owner), *path])
        return True

    def _made(
        self, name: str, found: Found, free: dict[str, Any], replaced: Replaced, thing: Any, needs: set[str]
    ) -> None:
        """Write a function that makes what was defined inside a function, and call it."""
        given = []
        for variable, value in free.items():
            text, used = self._expression(value, f"{name}.{variable}", f"the variable {variable} of {name}")
            given.append(f"{variable}={text}")
            needs = needs | used
        source = f"{wrapped(found, list(free), replaced, name)}\n\n{name} = make_{name}({', '.join(given)})\n"
        namespace = thing.__globals__ if isinstance(thing, FunctionType) else _namespace(thing)
        self._add(name, source, found, namespace, needs=needs, lazy=_is_lazy(thing))

    # classes

    def _class(self, cls: type) -> None:
        namespace = _namespace(cls)
        top, *path = cls.__qualname__.rpartition("<locals>.")[2].split(".")
        if path and "<locals>" not in cls.__qualname__ and _resolves(namespace.get(top), path, cls):
            self.names[id(cls)] = ".".join([self.collect(namespace[top]), *path])
            return
        found = find_class(cls)
        if found is None:
            self._assigned(cls, cls.__name__)
            return
        outer = Found(found.text, found.trail[: len(found.trail) - len(path)])
        free = {} if outer.is_top_level else _free_of_class(cls, outer)
        replaced, needs = ({}, set[str]()) if path else self._method_defaults(outer, cls, set(free))
        name = self._name(cls, top, free_to_share=None if replaced else outer)
        self.names[id(cls)] = ".".join([name, *path])
        if name in self.statements:
            return
        if outer.is_top_level:
            source = cut(outer, replaced, name=name, decorated=True)
            patches, more = ("", set[str]()) if path else self._patches(outer, cls, name)
            self._add(name, source + patches, outer, namespace, needs=needs | more, lazy=_is_lazy(cls))
        else:
            self._made(name, outer, free, replaced, cls, needs)

    def _method_defaults(self, found: Found, cls: type, free: set[str]) -> tuple[dict[ast.expr, str], set[str]]:
        replaced: dict[ast.expr, str] = {}
        needs: set[str] = set()
        for node in found.node.body:
            method = vars(cls).get(getattr(node, "name", ""))
            method = getattr(method, "__func__", method)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and isinstance(method, FunctionType):
                inner = Found(found.text, (*found.trail, node))
                if not node.decorator_list or method.__code__.co_name == node.name:
                    more, used = self._defaults(inner, method, free)
                    replaced |= more
                    needs |= used
        return replaced, needs

    def _patches(self, found: Found, cls: type, name: str) -> tuple[str, set[str]]:
        """What was assigned to a class after its definition: methods, and plain values."""
        written = {t.id: s.value for s in found.node.body if isinstance(s, ast.Assign) for t in s.targets if _is_name(t)}
        span = range(found.line, (found.node.end_lineno or 0) + 1)
        lines, needs = [], set()
        for attribute, value in vars(cls).items():
            if isinstance(value, FunctionType) and from_main(value) and "<locals>" not in value.__qualname__:
                code = value.__code__
                inside = code.co_filename == found.text.filename and code.co_firstlineno in span
                if not inside and value.__qualname__ in {code.co_name, "<lambda>"} and attribute not in written:
                    function = self.collect(value)
                    needs.add(function.partition(".")[0])
                    lines.append(f"{name}.{attribute} = {function}\n")
            elif isinstance(written.get(attribute), ast.Constant) and is_literal(value):
                if not is_literal(written[attribute].value) or value != written[attribute].value:  # type: ignore[attr-defined]
                    lines.append(f"{name}.{attribute} = {literal(value)}\n")
        return ("\n\n" + "".join(lines) if lines else ""), needs

    def _assigned(self, thing: Any, name: str) -> None:
        """What a call made: a namedtuple, an enumeration, a type variable."""
        found = find_assignment(name) if _namespace(thing).get(name) is thing else None
        if found is None:
            raise _no_source(thing)
        self.names[id(thing)] = name
        source = ast.get_source_segment(found.text.source, found.node) or ""
        self._add(name, f"{source}\n", found, _namespace(thing))

    # names and values

    def _name(self, thing: Any, wanted: str | None = None, free_to_share: Found | None = None) -> str:
        """A free name: the thing's own, unless that means something else in the notebook."""
        wanted = (wanted or exported_name(thing)).replace(".", "_").replace("<lambda>", "function")
        taken = vars(sys.modules["__main__"])
        for name in _numbered(wanted):
            other = self.statements.get(name)
            if other is None:
                if name == wanted and (taken.get(name, thing) is thing or _same_text(taken[name], free_to_share)):
                    return name
                if name not in taken and name not in self._bound:
                    return name
            elif free_to_share is not None and other.found == free_to_share:
                return name
        raise AssertionError

    def _defaults(self, found: Found, function: Any, free: set[str]) -> tuple[dict[ast.expr, str], set[str]]:
        """Defaults as they were when the function was defined, where the notebook's variables have changed since."""
        replaced: dict[ast.expr, str] = {}
        needs: set[str] = set()
        namespace = function.__globals__
        for expr, live in defaults(found.node, function):
            if isinstance(expr, ast.Constant) or _means(expr, live, namespace, free):
                continue
            name = function.__qualname__
            replaced[expr], used = self._expression(live, f"{name} {len(self.early) + 1}", f"a default of {name}")
            needs |= used
        return replaced, needs

    def _expression(self, value: Any, key: str, where: str) -> tuple[str, set[str]]:
        """Text that makes a value, and the names that it uses."""
        if is_literal(value):
            return literal(value), set()
        if from_main(value):
            name = self.collect(value)
            return name, {name.partition(".")[0]}
        if isinstance(value, ModuleType):
            self.imports["import_module"] = "from importlib import import_module"
            self._module(value.__name__)
            return f"import_module({value.__name__!r})", set()
        self.early[key] = value
        return f"{VALUE}({key!r})", {name.partition(".")[0] for name in self.reach(value, where)}

    def _add(
        self,
        name: str,
        source: str,
        found: Found,
        namespace: Mapping[str, Any],
        *,
        needs: set[str] = frozenset(),  # type: ignore[assignment]
        lazy: bool = False,
    ) -> None:
        self.lazy |= lazy
        used = uses(source, lazy_annotations=lazy)
        own = needs | {VALUE, name}
        self.statements[name] = Statement(source, used.now | needs, used.later, found, found.line)
        tree = ast.parse(source)
        for module in imports_in(tree):
            self._module(module)
        for below in submodules(tree, namespace):
            self.imports.setdefault(below, f"import {below}")
            self._module(below)
        for use in sorted((used.now | used.later) - own):
            if use in namespace and not (use.startswith("__") and use.endswith("__")):
                self._bind(use, namespace, name)

    def _bind(self, name: str, namespace: Mapping[str, Any], user: str) -> None:
        """Decide how a global that captured source uses is written down."""
        value = namespace[name]
        if name in self._bound or name in self.statements:
            if self._bound.get(name, value) is not value:
                raise NotCapturable(
                    f"{user} uses {name}, which means one thing in the notebook and another in a helper module; "
                    "rename one of the two",
                    name=name,
                )
            if name in self._bound or namespace is vars(sys.modules["__main__"]):
                return
        self._bound[name] = value
        if from_main(value):
            target = self.collect(value)
            if target != name:
                self.statements[name] = Statement(f"{name} = {target}\n", frozenset({target.partition(".")[0]}))
        elif written := self._import(name, value, namespace):
            self.imports[name] = written
        elif is_literal(value):
            self.literals[name] = value
        else:
            self.values[name] = value
            self.reach(value, f"the variable {name}", f", which {user} uses,")

    def _import(self, name: str, value: Any, namespace: Mapping[str, Any]) -> str | None:
        """The statement that imports a global, if it is something to import."""
        home = str(namespace.get("__name__"))
        if is_local(home):
            self._module(home)
            return f"from {home} import {name}"
        if isinstance(value, (str, int, float, list, dict, tuple, set, type(None))):
            return None
        written = imported_as(name, value, texts()) or _importing(name, value)
        if written is not None:
            for module in imports_in(ast.parse(written)):
                self._module(module)
        return written

    def _module(self, name: str) -> None:
        """Note a module that captured source imports."""
        if is_local(name):
            self.local.add(name)
        elif not is_local(name.partition(".")[0]):
            self.packages.add(name.partition(".")[0])


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1


def _namespace(thing: Any) -> Mapping[str, Any]:
    """The globals in which a thing was defined."""
    module = sys.modules.get(str(getattr(thing, "__module__", "")))
    return vars(module or sys.modules["__main__"])


def _undecorated(thing: Any) -> list[FunctionType]:
    """The functions of which a thing may be the decorated form, itself included."""
    chain = [thing]
    while hasattr(chain[-1], "__wrapped__") and len(chain) < 20:
        chain.append(chain[-1].__wrapped__)
    around = [cell for cell in _cells(thing).values() if isinstance(cell, FunctionType)]
    return [one for one in [*chain, *around] if isinstance(one, FunctionType)]


def _still_decorates(found: Found, thing: Any, raw: Any, namespace: Mapping[str, Any]) -> bool:
    """Whether what the decorators were given is what their arguments still mean."""
    if thing is raw:
        return True
    if not found.node.decorator_list:
        return False
    cells = list(_cells(thing).values())
    for decorator in found.node.decorator_list:
        for given in [*decorator.args, *(k.value for k in decorator.keywords)] if isinstance(decorator, ast.Call) else []:
            if isinstance(given, ast.Name) and cells and not any(namespace.get(given.id) is cell for cell in cells):
                return False
    return True


def _cells(thing: Any) -> dict[str, Any]:
    """The variables of enclosing functions that a function uses, as far as they have values."""
    found = {}
    code = getattr(thing, "__code__", None)
    for name, cell in zip(code.co_freevars if code else (), getattr(thing, "__closure__", None) or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def _free(thing: FunctionType, found: Found) -> dict[str, Any]:
    """What a nested function needs from around it; itself it has by its own name."""
    cells = _cells(thing)
    if "__class__" in cells:
        raise NotCapturable(
            f"{thing.__qualname__} uses super() or __class__, but is no method of its class any more; "
            "keep the object in the model instead of its function",
            name=thing.__qualname__,
        )
    return {k: v for k, v in cells.items() if not (v is thing and k == getattr(found.node, "name", None))}


def _free_of_class(cls: type, found: Found) -> dict[str, Any]:
    """What a class inside a function needs from around it: its methods remember, its bases are known."""
    free: dict[str, Any] = {}
    for value in vars(cls).values():
        for part in (value, *(getattr(value, name, None) for name in ("fget", "__func__", "__wrapped__"))):
            free |= {k: v for k, v in _cells(part).items() if k != "__class__" and v is not cls}
    written = [base for base in found.node.bases if not isinstance(base, ast.Starred)]
    bases = vars(cls).get("__orig_bases__", cls.__bases__)
    free |= {b.id: live for b, live in zip(written, bases, strict=False) if isinstance(b, ast.Name)}
    around = local_names(found)
    missing = sorted((uses(ast.unparse(found.node), lazy_annotations=False).now & around) - free.keys())
    if missing:
        raise NotCapturable(
            f"the class {cls.__qualname__} uses {missing[0]}, a variable of the function that it is defined in; "
            "define the class at the top level of a cell",
            name=cls.__qualname__,
        )
    return {name: value for name, value in free.items() if name in around}


def _means(expr: ast.expr, live: Any, namespace: Mapping[str, Any], free: set[str]) -> bool:
    """Whether a default's expression would give the live value again."""
    if isinstance(expr, ast.Name) and expr.id not in free and expr.id in namespace:
        return namespace[expr.id] is live
    try:
        return is_literal(live) and bool(ast.literal_eval(expr) == live)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return False


def _resolves(found: Any, path: list[str], thing: Any) -> bool:
    for part in path:
        found = getattr(found, part, None)
    return found is thing


def _same_text(other: Any, found: Found | None) -> bool:
    """Whether what has a name in the notebook was defined by the same text: the cell was only run again."""
    if found is None or not found.is_top_level:
        return False
    latest = find_class(other) if isinstance(other, type) else None
    if isinstance(other, FunctionType):
        latest = find_function(other)
    return latest is not None and ast.dump(latest.node) == ast.dump(found.node)


def _is_or_has(part: Any, thing: Any) -> bool:
    return part is thing or type(part) is thing


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def _is_lazy(thing: Any) -> bool:
    """Whether annotations were kept as text where a function or class was defined."""
    if isinstance(thing, FunctionType):
        return bool(thing.__code__.co_flags & _LAZY)
    functions = [value for value in vars(thing).values() if isinstance(value, FunctionType)]
    annotations = list(vars(thing).get("__annotations__", {}).values())
    return any(map(_is_lazy, functions)) or (bool(annotations) and all(isinstance(a, str) for a in annotations))


def _importing(name: str, value: Any) -> str | None:
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


def _no_source(thing: Any) -> NotCapturable:
    name = getattr(thing, "__qualname__", None) or thing.__name__
    if name == "<lambda>":
        return NotCapturable("the source of a lambda was not found; define it with def and a name", name=name)
    kind = "class" if isinstance(thing, type) else "function"
    how = f"{name} was made by a call, not by a {kind} statement, or its file was edited since it ran"
    return NotCapturable(
        f"the source of {name} was not found: {how}; define it with a statement in a cell, and run the cell", name=name
    )

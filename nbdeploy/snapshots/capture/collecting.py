"""The definitions, imports and values that a model needs from the notebook, gathered name by name."""

from __future__ import annotations

import ast
import builtins
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.local import is_local
from nbdeploy.flavors.modules import VALUE
from nbdeploy.flavors.pickling import exported_name, from_main
from nbdeploy.snapshots.capture.cells import texts
from nbdeploy.snapshots.capture.classes import take_assigned, take_class
from nbdeploy.snapshots.capture.finding import Found
from nbdeploy.snapshots.capture.functions import take_cached, take_function
from nbdeploy.snapshots.capture.literals import is_literal, literal
from nbdeploy.snapshots.capture.live import means, same_text
from nbdeploy.snapshots.capture.reaching import path_to, reach
from nbdeploy.snapshots.capture.rewriting import defaults
from nbdeploy.snapshots.capture.statements import CapturedStatement
from nbdeploy.snapshots.capture.uses import SHELL, imported_as, importing_statement, imports_in, submodules, uses

__all__ = ["Collection"]


@dataclass
class Collection:
    """What is gathered.

    Attributes
    ----------
    statements : dict of str to CapturedStatement
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
    spare : frozenset of str
        Names that mean something else in the notebook, which nothing gathered uses.
    """

    statements: dict[str, CapturedStatement] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    literals: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    early: dict[str, Any] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    local: set[str] = field(default_factory=set)
    lazy: bool = False
    spare: frozenset[str] = frozenset()
    _avoided: set[str] = field(default_factory=set)
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
                path = None if "path" in error.facts else path_to(thing, _is_or_has(one), where)
                if path is None:
                    raise
                raise NotCapturable(f"{path}{hint}: {error}", **error.facts, path=path) from error
        return names

    def collect(self, thing: Any) -> str:
        """Gather a class or function of the user's own; return its name in the captured module."""
        if id(thing) not in self.names:
            self.keep(thing)
            if isinstance(thing, FunctionType):
                take_function(self, thing)
            elif isinstance(thing, functools._lru_cache_wrapper):
                take_cached(self, thing)
            elif isinstance(thing, type):
                take_class(self, thing)
            else:
                take_assigned(self, thing, thing.__name__)
        return self.names[id(thing)]

    def kept(self) -> tuple[Any, ...]:
        """The things gathered: as long as they live, their ``id`` is theirs alone."""
        return tuple(self._alive)

    def keep(self, thing: Any) -> None:
        """Keep a thing gathered alive."""
        self._alive.append(thing)

    def unused(self) -> frozenset[str]:
        """Names that were left to other things of the notebook, none of which was gathered."""
        return frozenset(self._avoided - self.statements.keys() - self._bound.keys() - self.imports.keys())

    def name(self, thing: Any, wanted: str | None = None, free_to_share: Found | None = None) -> str:
        """A free name: the thing's own, unless that means something else in the notebook."""
        wanted = (wanted or exported_name(thing)).replace(".", "_").replace("<lambda>", "function")
        taken = vars(sys.modules["__main__"])
        for name in _numbered(wanted):
            other = self.statements.get(name)
            if other is None:
                own = taken.get(name, thing) is thing or name in self.spare
                if name == wanted and (own or same_text(taken[name], free_to_share)):
                    return name
                if name == wanted:
                    self._avoided.add(name)
                if name not in taken and name not in self._bound:
                    return name
            elif free_to_share is not None and other.found == free_to_share:
                return name
        raise AssertionError

    def defaults(self, found: Found, function: Any, free: set[str]) -> tuple[dict[ast.expr, str], set[str]]:
        """Defaults as they were when the function was defined, where the notebook's variables have changed since."""
        replaced: dict[ast.expr, str] = {}
        needs: set[str] = set()
        namespace = function.__globals__
        for expr, live in defaults(found.node, function):
            if isinstance(expr, ast.Constant) or means(expr, live, namespace, free):
                continue
            name = function.__qualname__
            replaced[expr], used = self.expression(live, f"{name} {len(self.early) + 1}", f"a default of {name}")
            needs |= used
        return replaced, needs

    def expression(self, value: Any, key: str, where: str) -> tuple[str, set[str]]:
        """Text that makes a value, and the names that it uses."""
        if is_literal(value):
            return literal(value), set()
        if from_main(value):
            name = self.collect(value)
            return name, {name.partition(".")[0]}
        if isinstance(value, type) and hasattr(builtins, value.__name__) and value.__module__ == "builtins":
            return value.__name__, set()
        if isinstance(value, ModuleType):
            alias = f"module_{value.__name__.replace('.', '_')}"
            self.imports[alias] = f"import {value.__name__} as {alias}"
            self._module(value.__name__)
            return alias, set()
        self.early[key] = value
        return f"{VALUE}({key!r})", {name.partition(".")[0] for name in self.reach(value, where)}

    def arguments(self, name: str, free: Mapping[str, Any]) -> tuple[str, set[str]]:
        """Text that gives a function the variables that were around another, and the names that it uses."""
        given, needs = [], set[str]()
        for variable, value in free.items():
            text, used = self.expression(value, f"{name}.{variable}", f"the variable {variable} of {name}")
            given.append(f"{variable}={text}")
            needs |= used
        return ", ".join(given), needs

    def add(
        self,
        name: str,
        source: str,
        found: Found,
        namespace: Mapping[str, Any],
        *,
        needs: Set[str] = frozenset(),
        lazy: bool = False,
        also: Iterable[str] = (),
    ) -> None:
        """Add a statement, and everything that it uses.

        Parameters
        ----------
        name : str
            The name that it defines.
        source : str
            Its text.
        found : Found
            What it was cut from.
        namespace : mapping
            What its global names mean.
        needs : set of str
            Statements to come before it that its text does not name.
        lazy : bool
            Whether its annotations are kept as text.
        also : iterable of str
            Other names that it defines.
        """
        self.lazy |= lazy
        used = uses(source, lazy_annotations=lazy)
        own = needs | {VALUE, name, *also}
        self.statements |= {other: CapturedStatement("", frozenset({name})) for other in also}
        self.statements[name] = CapturedStatement(source, used.now | needs, used.later, found, found.line)
        tree = ast.parse(source)
        for module in imports_in(tree):
            self._module(module)
        for below in submodules(tree, namespace):
            self.imports.setdefault(below, f"import {below}")
            self._module(below)
        for use in sorted((used.now | used.later) - own):
            if use in SHELL and not from_main(namespace.get(use)):
                self.imports[use] = SHELL[use]
                self.packages.add("IPython")
            elif use in namespace and not (use.startswith("__") and use.endswith("__")):
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
                self.statements[name] = CapturedStatement(f"{name} = {target}\n", frozenset({target.partition(".")[0]}))
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
        written = imported_as(name, value, texts()) or importing_statement(name, value)
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


def _is_or_has(thing: Any) -> Callable[[Any], bool]:
    """A test for being a thing, or an instance of it."""
    return lambda part: part is thing or type(part) is thing

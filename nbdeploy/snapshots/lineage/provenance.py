"""Where each value came from: the statements that made it, and the values that those read."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbdeploy.snapshots.lineage.reading import Call, Effect, Read
from nbdeploy.snapshots.lineage.statements import Statement

__all__ = ["Keys", "Node", "Step", "Value", "nodes_of", "run"]


@dataclass(frozen=True)
class Step:
    """A statement, and the run of a cell or the cell of a notebook that it is from."""

    statement: Statement
    origin: Any


@dataclass(frozen=True, eq=False)
class Node:
    """What one statement made of what it read.

    Attributes
    ----------
    step : Step or None
        The statement; None where no statement is known.
    inputs : mapping of str to Value
        What it read, by name.
    key : int
        Equal for nodes of the same source that read equal values.
    """

    step: Step | None
    inputs: Mapping[str, Value]
    key: int


@dataclass(frozen=True, eq=False)
class Value:
    """What a name means: the statement that bound it, and those that replaced parts of it since.

    Attributes
    ----------
    base : Node
        Where it was bound.
    slots : mapping of str to Node
        What replaced its columns, its attributes, what it learned.
    later : frozenset of str
        The names that it will read when it is called.
    alters : frozenset
        The parameters that it changes when it is called.
    """

    base: Node
    slots: Mapping[str, Node] = field(default_factory=dict)
    later: frozenset[str] = frozenset()
    alters: frozenset[int | str] = frozenset()

    @property
    def signs(self) -> tuple[object, ...]:
        """Equal for values of the same origin."""
        return self.base.key, frozenset((slot, node.key) for slot, node in self.slots.items())

    @property
    def known(self) -> bool:
        """Whether a statement that bound it is known."""
        return self.base.step is not None

    def part(self, key: str | None) -> Value:
        """The value as far as one column or attribute of it goes."""
        if key is None or (key.startswith(".") and key not in self.slots and f"[{key[1:]!r}]" not in self.slots):
            return self
        column = key if key in self.slots or key.startswith("[") else f"[{key[1:]!r}]"
        return Value(self.base, {s: n for s, n in self.slots.items() if s == column or not s.startswith("[")})


class Keys:
    """Numbers that are equal for equal origins, shared by all that shall be compared.

    Attributes
    ----------
    unknown : dict of str to Node
        The names that were read, and that no known statement bound.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], int] = {}
        self.unknown: dict[str, Node] = {}

    def node(self, step: Step, inputs: Mapping[str, Value]) -> Node:
        """A node of a statement."""
        read = frozenset((label, value.signs) for label, value in inputs.items())
        return Node(step, inputs, self._number((step.statement.text, read)))

    def nothing(self, name: str) -> Value:
        """The value of a name that no known statement bound."""
        return Value(self.unknown.setdefault(name, Node(None, {}, self._number(("unknown", name)))))

    def _number(self, sign: tuple[object, ...]) -> int:
        return self._known.setdefault(sign, len(self._known))


def run(steps: Iterable[Step], keys: Keys) -> dict[str, Value]:
    """Follow statements one after another; return where the value of each name came from."""
    state: dict[str, Value] = {}
    for step in steps:
        # All effects of a statement are of what was there before it.
        state |= _after(step, state, keys)
    return state


def _after(step: Step, state: Mapping[str, Value], keys: Keys) -> dict[str, Value]:
    statement = step.statement
    effects = [*statement.effects, *_alterations(statement, state)]
    if not effects:
        return {}
    inputs = {read: _look(read, state, keys) for read in _reads(statement, state)}
    changed: dict[str, Value] = {}
    for effect in effects:
        name = effect.name
        if effect.slot is None:
            node = keys.node(step, _labelled(inputs))
            later = statement.later.get(name, frozenset())
            changed[name] = Value(node, {}, later, statement.alters.get(name, frozenset()))
        else:
            before = changed.get(name) or state.get(name) or keys.nothing(name)
            node = keys.node(step, _labelled(_own(inputs, effect, before)))
            changed[name] = Value(before.base, {**before.slots, effect.slot: node}, before.later, before.alters)
    return changed


def _own(inputs: Mapping[Read, Value], effect: Effect, before: Value) -> dict[Read, Value]:
    """What a change of a part of a value reads, without what the change itself makes of it."""
    own: dict[Read, Value] = {}
    for (name, key), value in inputs.items():
        same = key is not None and effect.slot in {key, f"[{key[1:]!r}]"}
        if name != effect.name:
            own[name, key] = value
        elif effect.settled and (same or not str(effect.slot).startswith("[")):
            continue
        else:  # of its own value, changes that cannot be told apart by column may be from when it was run before
            columns = {} if value is before else {s: n for s, n in value.slots.items() if s.startswith(("[", "."))}
            own[name, key] = Value(before.base, columns)
    return own


def _alterations(statement: Statement, state: Mapping[str, Value]) -> list[Effect]:
    """The names that a called function of the notebook changes."""
    found = []
    for call in statement.calls:
        alters = state[call.function].alters if call.function in state else frozenset()
        found += [Effect(name, statement.text) for name in _given(call, alters)]
    return found


def _given(call: Call, alters: frozenset[int | str]) -> Iterator[str]:
    yield from (name for i, name in enumerate(call.positional) if name is not None and i in alters)
    yield from (name for parameter, name in call.keywords if parameter in alters)


def _reads(statement: Statement, state: Mapping[str, Value]) -> list[Read]:
    """What a statement reads, with what the functions that it reads will read when they are called."""
    reads = sorted(statement.reads, key=str)
    seen = {name for name, _ in reads}
    todo = list(seen)
    while todo:
        value = state.get(todo.pop())
        for name in sorted(value.later - seen) if value is not None else ():
            seen.add(name)
            todo.append(name)
            reads.append((name, None))
    return [(name, key) for name, key in reads if name in state or not hasattr(builtins, name)]


def _look(read: Read, state: Mapping[str, Value], keys: Keys) -> Value:
    name, key = read
    return state[name].part(key) if name in state else keys.nothing(name)


def _labelled(inputs: Mapping[Read, Value]) -> dict[str, Value]:
    return {f"{name}{key or ''}": value for (name, key), value in inputs.items()}


def nodes_of(*values: Value) -> list[Node]:
    """Every statement that values came from, directly or not, each once."""
    found: dict[int, Node] = {}
    todo: list[Node] = [node for value in values for node in (value.base, *value.slots.values())]
    while todo:
        node = todo.pop()
        if id(node) not in found:
            found[id(node)] = node
            todo += [n for value in node.inputs.values() for n in (value.base, *value.slots.values())]
    return list(found.values())

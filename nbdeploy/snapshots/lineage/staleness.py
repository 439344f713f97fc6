"""Whether Restart-and-Run-All would give a model again: what ran, beside what the notebook says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nbdeploy.notebooks import Notebook, first_line, source
from nbdeploy.snapshots.history import Execution
from nbdeploy.snapshots.lineage.provenance import Keys, Node, Step, Value, run
from nbdeploy.snapshots.lineage.statements import statements

__all__ = ["Document", "Place", "cell_name", "differences", "document", "shown_line", "steps_of"]

_TEXT = re.compile(r"""[rbfuRBFU]{0,2}(\"\"\"|'''|"|')(?:\\.|(?!\1).)+\1""", re.DOTALL)

_METHOD = re.compile(r"^(\w+)\.\w+$")
"""What was read of a name in ``rows.append(4)``: it is the name that is told."""

_INJECTED = "# Parameters\n"


@dataclass(frozen=True)
class Place:
    """A code cell of a notebook: its position among all cells, from 1, its id and its source."""

    number: int
    id: str | None
    source: str


@dataclass(frozen=True)
class Document:
    """A notebook as it is known to be now: as it was saved, with what ran since.

    Attributes
    ----------
    places : sequence of Place
        Its code cells in order.
    unplaced : frozenset of Execution
        What ran since it was saved, and where in the notebook it stands is not known.
    unsaved : bool
        Whether a cell ran that was saved with another source, or not yet.
    """

    places: Sequence[Place]
    unplaced: frozenset[Execution] = field(default_factory=frozenset)
    unsaved: bool = False

    def place(self, execution: Execution) -> Place | None:
        """Where a cell that ran is in the notebook."""
        named = [place for place in self.places if place.id is not None and place.id == execution.cell]
        return next(iter(named or self._alike(execution)), None)

    def ids(self, executions: Sequence[Execution]) -> dict[Execution, str]:
        """The ids of the cells that ran, also where the front end gave none: of those with the same source.

        Of several cells with the same source the first run is of the first, if they ran as often as they are there.
        """
        known = {execution: execution.cell for execution in executions if execution.cell is not None}
        alike: dict[str, list[Execution]] = {}
        for execution in executions:
            if execution.cell is None:
                alike.setdefault(execution.source.strip(), []).append(execution)
        for runs in alike.values():
            places = [place.id for place in self._alike(runs[0]) if place.id is not None]
            if len(places) in {1, len(runs)}:
                known |= dict(zip(runs, places * (len(runs) if len(places) == 1 else 1), strict=True))
        return known

    def _alike(self, execution: Execution) -> list[Place]:
        return [place for place in self.places if place.source.strip() == execution.source.strip()]


def document(book: Notebook, saved: float, executions: Sequence[Execution]) -> Document:
    """Complete a saved notebook by what ran since it was saved.

    Parameters
    ----------
    book : Notebook
        The notebook's file.
    saved : float
        When it was written, in seconds since 1970.
    executions : sequence of Execution
        What ran, in order.
    """
    cells = [(n, cell) for n, cell in enumerate(book.cells, 1) if cell.get("cell_type") == "code"]
    found = Document([Place(n, cell.get("id"), source(cell)) for n, cell in cells])
    since = [execution for execution in executions if execution.at > saved]
    newest = {execution.cell: execution.source for execution in since if execution.cell is not None}
    places = [Place(place.number, place.id, newest.get(place.id or "", place.source)) for place in found.places]
    # papermill adds a cell with parameters to what it runs, and not to the notebook.
    injected = [execution for execution in executions if execution.source.startswith(_INJECTED)]
    unplaced = frozenset(execution for execution in (*since, *injected) if found.place(execution) is None)
    return Document(places, unplaced, bool(unplaced) or places != list(found.places))


def steps_of(executions: Sequence[Execution]) -> Iterator[Step]:
    """The statements that ran, in order."""
    for execution in executions:
        for statement in statements(execution.source):
            line = statement.node.end_lineno if execution.failed else statement.node.lineno
            if execution.upto is None or (line or 0) < execution.upto + (not execution.failed):
                yield Step(statement, execution)


@dataclass(frozen=True)
class _Difference:
    """A name, the statement that it is from, and the one that it would be from; `again` is the same one run later."""

    name: str
    ran: Node | None
    written: Node | None
    again: Node | None = None


def differences(
    names: Sequence[str], state: Mapping[str, Value], found: Document, keys: Keys, now: Execution
) -> list[str]:
    """Say why running a notebook from top to bottom would give something else.

    Parameters
    ----------
    names : sequence of str
        What was made: variables.
    state : mapping of str to Value
        Where they came from.
    found : Document
        The notebook.
    keys : Keys
        Of `state`.
    now : Execution
        The cell that runs now: the notebook is run to there.

    Returns
    -------
    list of str
        The reasons, each naming cells; empty if it would give the same.
    """
    fresh = run(_from_the_top(found, now), keys)
    texts = {statement.text for place in found.places for statement in statements(place.source)}
    reasons: dict[tuple[int, int], str] = {}  # one for each pair of statements, whatever is read of them
    for name in names:
        seen: set[tuple[int, int]] = set()
        for difference in _of_values(state[name], fresh.get(name), name, None, seen):
            for reason in _reason(difference, texts, found):
                pair = tuple(id(node.step) if node is not None else 0 for node in (difference.ran, difference.written))
                reasons.setdefault(pair, reason)  # type: ignore[arg-type]
    return list(reasons.values())


def _from_the_top(found: Document, now: Execution) -> Iterator[Step]:
    last = found.place(now)
    for place in found.places:
        if place is not last:
            yield from (Step(statement, place) for statement in statements(place.source))
        else:
            yield from (Step(step.statement, place) for step in steps_of([now]))
            return


def _of_values(
    ran: Value, written: Value | None, name: str, above: Node | None, seen: set[tuple[int, int]]
) -> Iterator[_Difference]:
    if written is None:
        if ran.known:
            yield _Difference(name, ran.base, None)
        return
    if ran.signs == written.signs or (id(ran), id(written)) in seen:
        return
    seen.add((id(ran), id(written)))
    yield from _of_nodes(ran.base, written.base, name, above, seen)
    for slot in sorted({*ran.slots, *written.slots}):
        one, other = ran.slots.get(slot), written.slots.get(slot)
        if one is not None and other is not None:
            yield from _of_nodes(one, other, name, above, seen)
        else:
            yield _Difference(name, one, other)


def _of_nodes(
    ran: Node, written: Node, name: str, above: Node | None, seen: set[tuple[int, int]]
) -> Iterator[_Difference]:
    if ran.key == written.key or ran.step is None:
        return
    if written.step is None or ran.step.statement.text != written.step.statement.text:
        twice = above is not None and above.step is not None and above.step.statement.text == ran.step.statement.text
        yield _Difference(name, ran, written if written.step else None, above if twice else None)
        return
    for label in ran.inputs.keys() | written.inputs.keys():
        if label in ran.inputs:
            yield from _of_values(ran.inputs[label], written.inputs.get(label), label, ran, seen)


def _reason(difference: _Difference, texts: Collection[str], found: Document) -> Iterator[str]:
    name, ran, written = _METHOD.sub(r"\1", difference.name), difference.ran, difference.written
    instead = f"; from top to bottom {name} is from {cell_name(written)}" if written is not None else ""
    if ran is None or ran.step is None:
        if written is not None:
            yield f"{cell_name(written)} changes {name} from top to bottom, and had not when it was used"
        return
    execution: Execution = ran.step.origin
    if difference.again is not None:
        if execution.observed:  # where nobody listened, the first time may have failed
            yield f"{cell_name(ran)} ran again as {cell_name(difference.again)}, and changed {name} each time"
    elif ran.step.statement.text not in texts:
        here = any(place.id is not None and place.id == execution.cell for place in found.places)
        yield f"{cell_name(ran)} {'was edited since it ran' if here else 'is in the notebook no more'}{instead}"
    elif written is None:
        yield f"{name} is from {cell_name(ran)}, which comes later in the notebook than what uses it"
    else:
        yield f"{name} is from {cell_name(ran)}{instead}"


def cell_name(node: Node) -> str:
    """Name the cell that a statement is from: by its number, its id, and the statement's first line."""
    if node.step is None:
        return "an unknown cell"
    origin = node.step.origin
    line = shown_line(node.step.statement.text)
    if isinstance(origin, Place):
        return f"cell {origin.number} (`{line}`)"
    count = f"In [{origin.count}]" if origin.count is not None else "a cell without number"
    return f"{count} ({f'cell {origin.cell[-36:]}, ' if origin.cell else ''}`{line}`)"


def shown_line(text: str) -> str:
    """The first line of a source, without the texts in it: they may be anybody's.

    Examples
    --------
    >>> shown_line('df = read("customers of Ann.csv", sep=";")')
    'df = read(…, sep=…)'
    """
    return first_line(_TEXT.sub("…", text))

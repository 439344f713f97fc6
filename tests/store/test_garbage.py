"""Garbage is collected, and nothing else, in whatever order writers and collectors take their steps."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.errors import Conflict, Corrupted, NotFound
from nbdeploy.manifest import sha256
from nbdeploy.store import Store
from nbdeploy.store.models import Model
from nbdeploy.store.objects import Objects
from tests.store.making import bundle

LATER = datetime.now(UTC) + timedelta(days=2)
NOW_TOO = timedelta(0)


def blobs(store: Store) -> set[str]:
    return {path.rpartition("/")[2] for path in store._objects.below("blobs")}


def test_what_no_version_reaches_goes_after_its_grace_age(store: Store) -> None:
    """An upload that was interrupted waits for a day, then its files go; those of versions stay."""
    store.add("churn", *bundle("a"))
    kept = blobs(store)
    store.put_blob(sha256(b"half an upload"), b"half an upload")
    young = store.collect()
    assert (young.blobs, young.waiting, young.kept) == (0, 1, len(kept))
    would = store.collect(dry=True, clock=LATER)
    assert (would.blobs, would.bytes) == (1, len(b"half an upload"))
    assert len(blobs(store)) == len(kept) + 1
    assert store.collect(clock=LATER) == would
    assert blobs(store) == kept
    store.check(store.resolve("churn"))


def test_files_that_were_being_written_go_too(store: Store, tmp_path: Path) -> None:
    """A killed process leaves files under the names that are not listed; a young one may still be written."""
    store.add("churn", *bundle("a"))
    killed = tmp_path / "store" / "blobs" / "sha256" / "ab" / f"{'ab' * 32}#1"
    killed.parent.mkdir(exist_ok=True)
    killed.write_bytes(b"half")
    assert store.collect().blobs == 0
    assert killed.exists()
    os.utime(killed, (0, 0))
    assert (store.collect().blobs, killed.exists()) == (1, False)


def test_a_removed_version_leaves_its_number_and_who_did_it(store: Store) -> None:
    """The number is never given again, the content may be stored again, and its files go."""
    first, _ = store.add("churn", *bundle("a", shared="both"))
    store.add("churn", *bundle("b", shared="both"))
    removal = store.remove("churn", 2)
    assert (removal.number, removal.digest[:7], bool(removal.by), bool(removal.at)) == (2, "sha256:", True, True)
    assert store.removals("churn") == [removal]
    assert [version.number for version in store.versions("churn")] == [1]
    with pytest.raises(NotFound, match=rf"it was removed by {removal.by} on .*nbdeploy history churn"):
        store.resolve("churn:2")
    with pytest.raises(NotFound):
        store.remove("churn", 2)
    store.collect(clock=LATER)
    assert store.add("churn", *bundle("b", shared="both"))[0].number == 3
    store.check(store.resolve("churn:3"))
    store.check(first)


def test_all_versions_removed_is_no_model_but_keeps_counting(store: Store) -> None:
    """A name whose versions are all gone can be used again, by another kind too."""
    store.add("churn", *bundle("a", "string"))
    store.remove("churn", 1)
    assert store.names() == []
    with pytest.raises(NotFound, match="all its versions were removed"):
        store.resolve("churn")
    assert store.add("churn", *bundle("a", "float64"))[0].number == 2


def test_what_an_alias_means_is_not_removed(store: Store) -> None:
    """The message names the aliases and the command that takes one away."""
    store.add("churn", *bundle("a"))
    store.set_alias("churn", "champion", 1)
    store.set_alias("churn", "prod", 1)
    with pytest.raises(Conflict, match=r"churn@champion and churn@prod.*nbdeploy alias rm churn@champion"):
        store.remove("churn", 1)
    assert store.removals("churn") == []


def test_a_removed_number_is_not_adopted_again(store: Store) -> None:
    """An exported copy cannot come back under a number that was removed, but as a new version."""
    version, _ = store.add("churn", *bundle("a"))
    manifest = store.manifest(version)
    store.remove("churn", 1)
    with pytest.raises(Conflict, match=r"was removed from the store .*--renumber"):
        store.adopt(manifest, bundle("a")[1])


def test_a_damaged_version_stops_the_collector_and_can_be_removed(store: Store, tmp_path: Path) -> None:
    """What a version needs must be known before anything is garbage; removing it makes the way free."""
    store.add("churn", *bundle("a"))
    store.put_blob(sha256(b"garbage"), b"garbage")
    record = tmp_path / "store" / "models" / "churn" / "versions" / "00000001.json"
    whole = record.read_bytes()
    for damage in (b"{", b'{"digest": 1}', json.dumps({"digest": "sha256:" + "0" * 64}).encode()):
        record.write_bytes(damage)
        with pytest.raises(Corrupted):
            store.collect(clock=LATER)
    record.write_bytes(whole)
    assert store.collect(clock=LATER).blobs == 1
    record.write_bytes(b"{")
    store.remove("churn", 1)
    assert store.collect(clock=LATER).kept == 0


class Stepped(Objects):
    """Objects that wait for their turn before each operation."""

    def __init__(self, shared: Objects, turn: Callable[[], None]) -> None:
        self.__dict__.update(shared.__dict__)
        self._turn = turn

    def __getattribute__(self, name: str) -> Any:
        if name in {"create", "replace", "copy", "delete", "read", "digest", "exists", "listed", "folders"}:
            object.__getattribute__(self, "_turn")()
        return super().__getattribute__(name)


class Killed(BaseException):
    """The process was killed before its next step."""


class Stage:
    """Runs actors step by step, in an order that is given; then each to its end, or killed."""

    def __init__(self, order: list[int], kill: set[int]) -> None:
        self._order = iter(order)
        self._kill = kill
        self._gates: list[threading.Semaphore] = []
        self._back = threading.Semaphore(0)
        self._done: list[bool] = []
        self.errors: list[BaseException] = []

    def actor(self, objects: Objects, act: Callable[[Objects], object]) -> threading.Thread:
        number = len(self._gates)
        gate = threading.Semaphore(0)
        self._gates.append(gate)
        self._done.append(False)

        def turn() -> None:
            self._back.release()
            gate.acquire()
            if self._ending and number in self._kill:
                raise Killed

        def run() -> None:
            gate.acquire()
            try:
                act(Stepped(objects, turn))
            except Killed:
                pass
            except BaseException as error:
                self.errors.append(error)
            self._done[number] = True
            self._back.release()

        return threading.Thread(target=run)

    def play(self, threads: list[threading.Thread]) -> None:
        self._ending = False
        for thread in threads:
            thread.start()
        for number in self._order:
            if not self._done[number]:
                self._step(number)
        self._ending = True
        for number, thread in enumerate(threads):
            while not self._done[number]:
                self._step(number)
            thread.join()

    def _step(self, number: int) -> None:
        self._gates[number].release()
        self._back.acquire()


def over(objects: Objects) -> Store:
    """A store over objects that exist."""
    store = Store("memory://", Path("cache"))
    store._objects = objects
    store._blobs._objects = objects
    return store


def garbage(store: Store) -> None:
    """Two files from long ago that no version reaches, and that a writer is going to need, and one that none needs."""
    manifest, files = bundle("new", shared="shared")
    for content in (files["model/shared.bin"], manifest.content, b"never needed"):
        store.put_blob(sha256(content), content)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 2), max_size=120), st.sets(st.integers(1, 2), max_size=2))
def test_no_order_of_steps_loses_a_file(order: list[int], kill: set[int]) -> None:
    """A writer and two collectors without any grace, one or both killed: every version is whole, and stays so.

    Only a collector that was killed can leave a version without a file, until the next one has begun.
    """
    objects = Objects("memory://")
    store = over(objects)
    store.add("old", *bundle("old", shared="of the old one"))
    garbage(store)
    stage = Stage(order, kill)
    writer = stage.actor(objects, lambda mine: over(mine).add("churn", *bundle("new", shared="shared")))
    collectors = [stage.actor(objects, lambda mine: over(mine).collect(NOW_TOO, clock=LATER)) for _ in range(2)]
    stage.play([writer, *collectors])
    assert stage.errors == []
    if kill:
        store.collect(clock=LATER)
    for name in ("old", "churn"):
        store.check(store.resolve(name))
    after = LATER + timedelta(days=2)
    store.collect(clock=after)
    store.collect(clock=after)
    assert sha256(b"never needed") not in blobs(store)
    assert objects.below("trash") == []
    for name in ("old", "churn"):
        store.check(store.resolve(name))


def test_without_the_second_look_a_file_would_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation can fail: a writer that does not look again loses to some order of steps."""
    monkeypatch.setattr(Store, "_put_again", lambda *_: None)

    def loses(order: list[int]) -> bool:
        objects = Objects("memory://")
        store = over(objects)
        garbage(store)
        stage = Stage(order, set())
        writer = stage.actor(objects, lambda mine: over(mine).add("churn", *bundle("new", shared="shared")))
        collector = stage.actor(objects, lambda mine: over(mine).collect(NOW_TOO, clock=LATER))
        stage.play([writer, collector])
        try:
            store.check(store.resolve("churn"))
        except Corrupted:
            return True
        return False

    assert any(loses([0] * first + [1] * 60) for first in range(30))


def test_an_alias_is_not_left_on_a_version_that_is_removed_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever moves an alias looks again: the version was removed between the look and the move."""
    store.add("churn", *bundle("a"))
    store.add("churn", *bundle("b"))
    store.set_alias("churn", "champion", 1)
    move = Model.move

    def removed_first(self: Model, alias: str, number: int | None, *rest: Any) -> None:
        if number == 2:
            store.remove("churn", 2)
        move(self, alias, number, *rest)

    monkeypatch.setattr(Model, "move", removed_first)
    with pytest.raises(Conflict, match="removed by somebody else just now"):
        store.set_alias("churn", "champion", 2)
    assert store.aliases("churn") == {"champion": 1}


def test_an_alias_that_moved_meanwhile_is_not_moved_again(store: Store) -> None:
    """A decision that rests on what an alias meant holds only while it means that."""
    store.add("churn", *bundle("a"))
    store.add("churn", *bundle("b"))
    seen = store.last_move("churn", "champion")
    store.set_alias("churn", "champion", 1, after=seen)
    with pytest.raises(Conflict, match=r"churn@champion was moved to churn:1 by .* meanwhile"):
        store.set_alias("churn", "champion", 2, after=seen)
    store.set_alias("churn", "champion", 2, after=store.last_move("churn", "champion"), why={"if": "auc > 0.9"})
    assert [move["version"] for move in store.moves("churn")["champion"]] == [1, 2]
    assert store.moves("churn")["champion"][-1]["if"] == "auc > 0.9"


@pytest.mark.parametrize(("before", "after"), [("string", "float64"), ("bool", "float32"), ("float64", "string")])
def test_a_name_is_for_one_kind_of_answers(store: Store, before: str, after: str) -> None:
    """A regression under a classifier's name is refused before anything is written."""
    store.add("churn", *bundle("a", before))
    there = blobs(store)
    with pytest.raises(Conflict, match=r"churn:1 answers (labels|numbers), .* under another name"):
        store.add("churn", *bundle("b", after))
    assert blobs(store) == there


@pytest.mark.parametrize(("before", "after"), [("float64", "float32"), ("string", "bool"), ("int64", "float64")])
def test_answers_of_one_kind_may_have_other_types(store: Store, before: str, after: str) -> None:
    """Labels are labels as text and as truth values; whole numbers may be labels or counts."""
    store.add("churn", *bundle("a", before))
    assert store.add("churn", *bundle("b", after))[0].number == 2

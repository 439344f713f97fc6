"""The line before a machine: who may start, and what the others wait for."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.batch.queue.line import Place, Turn, places

LIMITS = st.none() | st.integers(1, 4)
RUNS = st.lists(
    st.builds(
        Place,
        id=st.uuids().map(str),
        notebook=st.sampled_from(["/a.ipynb", "/b.ipynb", ""]),
        running=st.booleans(),
        claimed=st.just(False),
        at_once=LIMITS,
        runs_at_once=LIMITS,
    ),
    max_size=12,
)


def waits(*runs: Place, **statuses: str) -> list[str]:
    return [turn.waits or turn.broken for turn in places(runs, statuses)]


@given(RUNS)
def test_no_limit_is_exceeded_and_nobody_passes_those_before(runs: list[Place]) -> None:
    """Whatever is in the line: each that starts has room, and one that waits for room of its kind keeps others back."""
    turns = list(places(runs, {}))
    assert [turn.position for turn in turns] == list(range(1, len(turns) + 1))
    known = {run.id: run for run in runs}
    going = [run for run in runs if run.running]
    for turn in turns:
        run, before = known[turn.id], [each for each in turns if each.position < turn.position]
        if turn.ready:
            same = Counter(each.notebook for each in going)[run.notebook]
            assert run.runs_at_once is None or len(going) < run.runs_at_once
            assert run.at_once is None or not run.notebook or same < run.at_once
            blocked = [known[each.id] for each in before if not each.ready]
            assert not run.notebook or run.notebook not in {
                each.notebook for each in blocked if "another run" in told(turns, each)
            }
            if run.runs_at_once is not None:
                assert not [each for each in blocked if "its turn" in told(turns, each)]
            going.append(run)


def told(turns: list[Turn], run: Place) -> str:
    return next(turn.waits for turn in turns if turn.id == run.id)


def test_of_three_two_go_on_at_once_in_the_order_of_submission() -> None:
    """And the third says what it waits for."""
    runs = [Place(name, "/a.ipynb", runs_at_once=2) for name in "abc"]
    assert waits(*runs) == ["", "", "its turn: 2 runs at once on this machine"]


def test_a_notebook_that_may_run_once_at_a_time_keeps_no_other_back() -> None:
    """Its next run waits for the one before, and the run of another notebook passes."""
    runs = [Place("a", "/a.ipynb", running=True), Place("b", "/n/a.ipynb"), Place("c", "/a.ipynb", at_once=1)]
    assert waits(*runs, Place("d", "/b.ipynb")) == ["", "another run of a.ipynb: 1 run of it at once", ""]


def test_a_run_that_a_run_waits_for_needs_no_turn() -> None:
    """Or both would wait for ever."""
    runs = [Place("outer", "/a.ipynb", running=True, runs_at_once=1), Place("b", "/b.ipynb", runs_at_once=1)]
    assert waits(*runs, Place("inner", "/c.ipynb")) == ["its turn: 1 run at once on this machine", ""]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("queued", "run first"),
        ("running", "run first"),
        ("succeeded", ""),
        ("failed", "run first, which had to succeed before, failed"),
        ("stopped", "run first, which had to succeed before, was stopped"),
        ("lost", "run first, which had to succeed before, was lost"),
    ],
)
def test_a_run_that_follows_another_waits_for_its_success(status: str, said: str) -> None:
    """Or learns that it will not come; those behind it pass."""
    runs = [Place("next", "/a.ipynb", after=("first",), runs_at_once=1), Place("other", "/b.ipynb", runs_at_once=1)]
    assert waits(*runs, first=status)[0] == said
    assert waits(*runs, first=status)[1] == ("" if status != "succeeded" else "its turn: 1 run at once on this machine")


def test_a_run_that_follows_one_without_a_record_cannot_start() -> None:
    """It was cleared away."""
    assert waits(Place("next", "/a.ipynb", after=("gone",))) == [
        "run gone, which had to succeed before, is not recorded any more"
    ]

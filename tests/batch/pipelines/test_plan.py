"""The plan of a pipeline: any steps, any failures, gone on with any number of times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.batch.pipelines.plan import Plan


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Steps without a circle, in any order."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 8)))]
    needs = {
        name: draw(st.sets(st.sampled_from(names[:position]))) if position else set()
        for position, name in enumerate(names)
    }
    return Plan({name: needs[name] for name in draw(st.permutations(names))})


def run(plan: Plan, statuses: Mapping[str, str], data: st.DataObject, made: Counter[str]) -> dict[str, str]:
    """Begin what may begin and end what goes on, in any order and any way, until nothing is left to do."""
    now = dict(statuses)
    while not plan.over(now):
        ready = plan.ready(now)
        for step in ready:
            assert all(now[need] == "succeeded" for need in plan.needs[step])
            now[step] = "running"
        assert plan.ready(now) == []
        going = sorted(step for step, status in now.items() if status == "running")
        step = data.draw(st.sampled_from(going))
        now[step] = data.draw(st.sampled_from(["succeeded", "succeeded", "failed", "stopped", "lost"]))
        made[step] += now[step] == "succeeded"
    return now


@given(plans(), st.data())
def test_each_step_succeeds_once_and_after_what_it_needs(plan: Plan, data: st.DataObject) -> None:
    """However often a pipeline fails and goes on: no step begins early, none is repeated that succeeded."""
    made = Counter[str]()
    statuses: dict[str, str] = {}
    for _ in range(4):
        statuses = run(plan, statuses, data, made)
        not_begun = plan.needs.keys() - statuses.keys()
        assert all(any(statuses.get(need) != "succeeded" for need in plan.needs[step]) for step in not_begun)
        kept = plan.kept(statuses)
        assert kept == {step for step, status in statuses.items() if status == "succeeded"}
        statuses = {step: statuses[step] for step in kept}
    assert max(made.values(), default=0) <= 1


@given(plans(), st.data())
def test_what_changed_is_made_again_with_all_that_is_made_of_it(plan: Plan, data: st.DataObject) -> None:
    """A step that is another one by now is repeated, and so are those that need it; the others are not."""
    changed = data.draw(st.sets(st.sampled_from(sorted(plan.needs))))
    kept = plan.kept(dict.fromkeys(plan.needs, "succeeded"), changed)
    again = set(plan.needs) - kept
    assert changed <= again
    assert all((step in changed) or (set(plan.needs[step]) & again) for step in again)
    assert all(kept.issuperset(plan.needs[step]) for step in kept)


def test_what_goes_on_is_taken_over() -> None:
    """Going on with a pipeline whose process was killed waits for the runs that it left."""
    plan = Plan({"a": [], "b": ["a"], "c": []})
    assert plan.kept({"a": "running", "b": "lost", "c": "queued"}) == {"a", "c"}


@pytest.mark.parametrize("needs", [{"a": ["a"]}, {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}])
def test_a_circle(needs: dict[str, list[str]]) -> None:
    """Steps that wait for each other are named, each after the one that needs it."""
    cycle = Plan(needs).cycle()
    assert cycle[0] == cycle[-1]
    assert all(later in needs[earlier] for earlier, later in pairwise(cycle))

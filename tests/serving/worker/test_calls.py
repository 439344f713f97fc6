"""Requests that are put together are answered as if each had been alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbdeploy.bundles import Bundle, Trust
from nbdeploy.errors import InvalidData
from nbdeploy.predictor import Predictor, load
from nbdeploy.serving.link import Link
from nbdeploy.serving.model_process import Listen, to_process
from nbdeploy.serving.worker.calls import Processes
from nbdeploy.store import Store
from nbdeploy.zygote import Zygote
from tests.serving.conftest import nursery


@dataclass
class Version:
    """A real process of a version, and the model here to compare with."""

    link: Link
    predictor: Predictor

    def line(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self.link.send(Listen(), [theirs.fileno()])
        return ours


def started(store: Store, ref: str) -> Iterator[Version]:
    bundle = Bundle.open(store.open(store.resolve(ref)))
    given = {"bundle": bundle.path, "digest": bundle.digest, "name": ref}
    with Zygote("nbdeploy.serving.model_process:prepare", given, parent=nursery()) as zygote:
        link = to_process(zygote.fork().connection)
        yield Version(link, load(bundle, Trust("always")))
        link.close()


@pytest.fixture(scope="module")
def plans(snapshots: Store) -> Iterator[Version]:
    yield from started(snapshots, "churn:1")


@pytest.fixture(scope="module")
def moody(snapshots: Store) -> Iterator[Version]:
    yield from started(snapshots, "moody:1")


Asked = tuple[pl.DataFrame | list[Any], Sequence[str], str]


def answers(version: Version, asked: Sequence[Asked], batch_rows: int) -> tuple[list[Any], list[int]]:
    """What comes of requests that are all there at once, and how many went together in each call."""
    calls: list[int] = []

    async def all_of_them() -> list[Any]:
        processes = Processes("churn:1", batch_rows, 20.0, lambda _: None, calls.append)
        await processes.connect(1, version.line())
        found = await asyncio.gather(*(processes.ask(*one) for one in asked), return_exceptions=True)
        processes.close()
        return list(found)

    return asyncio.run(all_of_them()), calls


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), batch_rows=st.sampled_from([0, 3, 16, 4096]))
def test_batched_is_unbatched_to_the_bit(plans: Version, data: st.DataObject, batch_rows: int) -> None:
    """Whatever goes together, tables or records: each gets its own rows' answers, of the methods that it asked for."""
    sample, outputs = plans.predictor.sample, list(plans.predictor.signature.outputs)
    one = st.tuples(st.integers(0, sample.height - 1), st.integers(1, 7), st.sampled_from([outputs[:1], outputs[:2]]))
    drawn = data.draw(st.lists(one, min_size=1, max_size=12))
    tables = [(sample[first : first + rows], methods, str(i)) for i, (first, rows, methods) in enumerate(drawn)]
    as_records = data.draw(st.lists(st.booleans(), min_size=len(tables), max_size=len(tables)))
    asked: list[Asked] = [
        (wire.rows() if records else wire, methods, key)
        for (wire, methods, key), records in zip(tables, as_records, strict=True)
    ]
    found, calls = answers(plans, asked, batch_rows)
    for (wire, methods, _), frame in zip(tables, found, strict=True):
        alone = plans.predictor.outputs(wire, methods)
        if isinstance(frame, list):
            assert [tuple(row) for row in frame] == alone.rows()
            continue
        assert frame.schema == alone.schema
        assert frame.write_ipc_stream(None).getvalue() == alone.write_ipc_stream(None).getvalue()
    assert sum(calls) == len(asked)
    assert batch_rows or set(calls) == {1}


def test_what_waits_goes_together(plans: Version) -> None:
    """The first one at once; those that came meanwhile in one call, as far as they ask for the same."""
    row, outputs = plans.predictor.sample[:1], list(plans.predictor.signature.outputs)
    same = [(row, outputs[:1], "")] * 6
    assert answers(plans, same, 4096)[1] == [1, 5]
    assert answers(plans, same, 3)[1] == [1, 3, 2]
    assert answers(plans, same, 0)[1] == [1] * 6
    assert answers(plans, [*same, (row, outputs[1:2], ""), *same], 4096)[1] == [1, 11, 1]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ages=st.lists(st.sampled_from([1.0, 2.0, 3.0, -3.0, -6.0]), min_size=2, max_size=8))
def test_a_poisoned_request_fails_alone(moody: Version, ages: list[float]) -> None:
    """With its own id in the message; those that went with it are answered."""
    asked: list[Asked] = [
        (pl.DataFrame({"age": [age]}) if i % 3 else [[age]], ["predict"], f"id{i}") for i, age in enumerate(ages)
    ]
    found, _ = answers(moody, asked, 4096)
    for age, (_, _, number), answer in zip(ages, asked, found, strict=True):
        if age > 0:
            assert (answer if isinstance(answer, list) else [[*row] for row in answer.rows()]) == [[2 * age]]
        else:
            assert isinstance(answer, InvalidData)
            assert f"prediction {number} in the server's log" in str(answer)

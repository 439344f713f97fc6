"""Events put together."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import msgspec
import polars as pl
import pytest

from nbdeploy.serving.prediction_log import Event, Parcel, Queue, batch_of
from nbdeploy.serving.prediction_log.tables import unpack
from tests.serving.prediction_log.conftest import SUBJECT


def test_alike_requests_share_a_block_without_private_columns(make: Callable[..., Event]) -> None:
    """Tables and single rows go together."""
    single = make(rows=1, inputs=[("Cid", 7)], answers=[("yes",)])
    batch = batch_of([make(), single, make(outcome="refused", answers=None)])
    together, refused = batch.blocks
    assert unpack(together.inputs).to_dict(as_series=False) == {"age": [41, None, 7]}
    assert together.answers is not None
    assert unpack(together.answers)["prediction"].to_list() == ["yes", "no", "yes"]
    assert (refused.answers, together.masked) == (None, ["name"])
    assert [(r.block, r.first, r.rows) for r in batch.requests[:2]] == [(together.id, 0, 2), (together.id, 2, 1)]
    assert b"Cid" not in msgspec.msgpack.encode(batch)
    assert b"Ann" not in msgspec.msgpack.encode(batch)


def test_rows_that_make_no_table_are_counted_and_the_request_stays(make: Callable[..., Event]) -> None:
    """One group's misfortune is its own."""
    odd = make(inputs=pl.DataFrame({"other": [1, 2]}))
    fine = make()
    fine.subject = msgspec.structs.replace(SUBJECT, deployment="fine")
    batch = batch_of([odd, fine], dropped=1)
    assert [(r.deployment, r.block is None) for r in batch.requests] == [("churn", True), ("fine", False)]
    assert batch.dropped == 3


@pytest.mark.parametrize("packed", [False, True])
def test_a_parcel_holds_tables_and_records(packed: bool, make: Callable[..., Event]) -> None:
    """What is dropped is told once."""
    queue = Queue()
    for event in (make(), make(rows=1, inputs=[["Cid", 7]], answers=[["yes"]])):
        queue.append(event)
    events, records = queue.drain()
    parcel = Parcel(events, records, [], 3, "here")
    assert pickle.loads(pickle.dumps(parcel.packed())).rows == parcel.rows == 3
    batches = [batch for batch in (parcel.packed() if packed else parcel).opened() if batch]
    blocks = [block for batch in batches for block in batch.blocks]
    assert [unpack(block.inputs)["age"].to_list() for block in blocks] == [[41, None], [7]]
    requests = [request for batch in batches for request in batch.requests]
    assert [(request.rows, request.endpoint) for request in requests] == [(2, "here"), (1, "here")]
    assert [batch.dropped for batch in batches] == [3, 0]
    assert not Parcel(*Queue().drain())


def test_many_records_come_out_in_order_some_at_a_time(make: Callable[..., Event]) -> None:
    """Of each subject by itself; a piece is done in a moment."""
    queue, other = Queue(), msgspec.structs.replace(SUBJECT, deployment="other")
    for number in range(700):
        event = make(id=str(number), rows=1, inputs=[["Cid", number]], answers=[["yes"]])
        event.subject = other if number % 7 == 0 else SUBJECT
        queue.append(event)
    parcel = Parcel(*queue.drain())
    assert (parcel.rows, parcel.size > 700 * 30) == (700, True)
    batches = [batch for batch in parcel.opened() if batch]
    assert [len(batch.requests) for batch in batches] == [100, 256, 256, 88]
    assert [request.id for batch in batches[1:] for request in batch.requests] == [str(n) for n in range(700) if n % 7]
    ages = [unpack(block.inputs)["age"].to_list() for batch in batches[1:] for block in batch.blocks]
    assert [age for block in ages for age in block] == [n for n in range(700) if n % 7]

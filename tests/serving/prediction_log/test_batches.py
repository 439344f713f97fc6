"""Events put together."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import msgspec
import numpy as np
import polars as pl
import pytest

from nbdeploy.serving.prediction_log import Act, Event, Parcel, Queue, Subject, batch_of
from nbdeploy.serving.prediction_log.event import Records
from nbdeploy.serving.prediction_log.tables import unpack
from nbdeploy.types import Column, MethodOutput, Signature
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
    parcels = [pickle.loads(pickle.dumps(portion)) for portion in parcel.portions()] if packed else [parcel]
    assert sum(one.rows for one in parcels) == parcel.rows == 3
    batches = [batch for one in parcels for batch in one.opened() if batch]
    blocks = [block for batch in batches for block in batch.blocks]
    assert [unpack(block.inputs)["age"].to_list() for block in blocks] == [[41, None], [7]]
    requests = [request for batch in batches for request in batch.requests]
    assert [(request.rows, request.endpoint) for request in requests] == [(2, "here"), (1, "here")]
    assert sum(batch.dropped for batch in batches) == 3
    assert not Parcel(*Queue().drain())


def test_matrices_go_together_and_with_tables(make: Callable[..., Event]) -> None:
    """As the same rows in tables."""
    columns = [Column(name, "float64", "float64") for name in ("^x$", "y")]
    outputs = {"predict": MethodOutput(["prediction"], ["string"])}
    subject = Subject("rings", 1, "sha256:bb", Signature("numpy", columns, outputs))
    events = [make(inputs=np.array([[1.0, 2.0], [at, 4.0]])) for at in range(3)]
    table = make(inputs=pl.DataFrame({"^x$": [5.0, 6.0], "y": [7.0, 8.0]}))
    for event in (*events, table):
        event.subject = subject
    (together,) = batch_of(events).blocks
    assert unpack(together.inputs).rows() == [row for at in range(3) for row in ((1.0, 2.0), (at, 4.0))]
    (mixed,) = batch_of([events[0], table]).blocks
    assert unpack(mixed.inputs).rows() == [(1.0, 2.0), (0.0, 4.0), (5.0, 7.0), (6.0, 8.0)]


def test_large_tables_are_put_together_some_at_a_time(make: Callable[..., Event]) -> None:
    """So that nobody waits for long; what was dropped and done is told once."""
    rows = pl.DataFrame({"name": ["Ann"] * 20_000, "age": [41] * 20_000})
    answers = pl.DataFrame({"prediction": ["yes"] * 20_000})
    events = [make(id=str(number), rows=20_000, inputs=rows, answers=answers) for number in range(5)]
    acts = [Act("1", 1e9, "ann", "here", "push", "churn", "done")]
    parcel = Parcel(events, Records(), acts, 3, "here")
    assert parcel.size > 5 * 20_000 * 8
    portions = [pickle.loads(pickle.dumps(portion)) for portion in parcel.portions() if portion]
    for batches in ([*parcel.opened()], [batch for portion in portions for batch in portion.opened()]):
        assert [block.rows for batch in batches for block in batch.blocks] == [40_000, 40_000, 20_000]
        assert [request.id for batch in batches for request in batch.requests] == ["0", "1", "2", "3", "4"]
        assert [act for batch in batches for act in batch.acts] == acts
        assert sum(batch.dropped for batch in batches) == 3


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

"""A lane's answers are those of the usual way, byte for byte, and so are its refusals."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbdeploy.serving.app import application
from nbdeploy.serving.fast.dispatch import FastLanes
from nbdeploy.serving.service import Service
from nbdeploy.types import Column, Signature
from tests.serving.fast.told import MIXED, OUTPUTS, ROW, serve

ID = [(b"x-request-id", b"7")]
SLOWLY = [(b"expect", b"100-continue")]
"""What no lane takes."""


@dataclass
class Got:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def ask(app: Any, path: str, body: bytes, query: str = "", headers: Sequence[tuple[bytes, bytes]] = ()) -> Got:
    """Send a request to an ASGI application."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1:80"), (b"content-length", str(len(body)).encode()), *ID, *headers],
    }
    asyncio.run(app(scope, receive, send))
    return Got(sent[0]["status"], sent[0]["headers"], b"".join(message.get("body", b"") for message in sent[1:]))


async def nowhere(scope: Any, receive: Any, send: Any) -> None:
    """Answers nothing, as what stands behind lanes that answer everything."""
    await send({"type": "http.response.start", "status": 599, "headers": []})


NUMBERS = ("float64", "float32", "int64", "int8", "uint16", "uint64")
PLAIN = {"bool": True, "string": "a", "date": dt.date(2026, 1, 31)} | dict.fromkeys(NUMBERS, 1)


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    kind = draw(st.sampled_from([*NUMBERS, "bool", "string", "categorical", "float64", "float64", "date"]))
    more: dict[str, Any] = {"nullable": draw(st.booleans()), "private": draw(st.integers(0, 5)) == 0}
    if kind == "categorical":
        more["categories"] = draw(st.sampled_from([["a", "b"], [1, 2], [True, False], [1.5]]))
    if draw(st.integers(0, 9)) == 0:
        more["label"] = draw(st.sampled_from([7, ["a", "b"]]))
    return Column(name, kind, kind, **more)


def values(column: Column) -> st.SearchStrategy[Any]:
    """What a client may send for a column, most often something that fits."""
    fitting: dict[str, st.SearchStrategy[Any]] = {
        "bool": st.booleans(),
        "string": st.text(max_size=4),
        "date": st.just("2026-01-31"),
        "categorical": st.sampled_from(column.categories or [0]),
        **dict.fromkeys(("float64", "float32"), st.floats(allow_nan=False, allow_infinity=False)),
    }
    fits = fitting.get(column.type, st.integers(-2, 300))
    odd = st.sampled_from(
        [None, True, "", "a", "1", 0, -1, 2**24 + 1, 2**53 + 1, 2**63, 2**70, 1.0, 2.5, 1e39, [1], {}]
    )
    return st.one_of(fits, fits, fits, fits, odd)


@st.composite
def questions(draw: st.DrawFn) -> tuple[Signature, dict[str, Any], list[dict[str, Any]]]:
    """A signature, a record of it, and records that may fit or not."""
    names = draw(st.lists(st.sampled_from(["x", "y", "zü", "a b"]), min_size=1, max_size=3, unique=True))
    found = [draw(columns(name)) for name in names]
    unknown = draw(st.sampled_from(["ignore", "ignore", "reject"]))
    unseen = draw(st.sampled_from(["reject", "missing"]))
    dims = draw(st.sampled_from([2, 2, 2, 1])) if len(found) == 1 else 2
    signature = Signature("pandas", found, OUTPUTS, dims=dims, unknown=unknown, unseen=unseen)
    sample = {column.name: (column.categories or [PLAIN.get(column.type)])[0] for column in found}
    records = draw(st.lists(st.fixed_dictionaries({c.name: values(c) for c in found}), min_size=1, max_size=3))
    for record in records:
        if draw(st.integers(0, 9)) == 0:
            record.pop(names[0])
        if draw(st.integers(0, 6)) == 0:
            record["more"] = 1
    return signature, sample, records


few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(
    asked=questions(),
    query=st.sampled_from(["", "", "method=lengths", "method=count&method=predict", "method=no"]),
    compiled=st.booleans(),
)
def test_records_are_answered_as_ever(service: Service, asked: Any, query: str, compiled: bool) -> None:
    """Whatever the signature and the records, by a twin and by the version's processes, and refused as ever."""
    signature, sample, records = asked
    serve(service, signature, sample, compiled)
    app = application(service)
    for document in (records, records[0]):
        body = msgspec.json.encode(document)
        usual = ask(app, "/models/told/predict", body, query, SLOWLY)
        assert ask(app, "/models/told/predict", body, query) == usual


@few
@given(
    asked=questions(),
    datatype=st.sampled_from(["FP64", "FP64", "FP32", "INT64", "INT8", "BYTES", "BOOL", "no"]),
    data=st.data(),
)
def test_tensors_are_answered_as_ever(service: Service, asked: Any, datatype: str, data: st.DataObject) -> None:
    """As a matrix, flat or nested, and as columns."""
    signature, sample, records = asked
    serve(service, signature, sample)
    app, names = application(service), signature.names
    rows = [[record.get(name) for name in names] for record in records]
    height, width = len(rows), len(names) - data.draw(st.sampled_from([0, 0, 0, 1]))
    flat = [value for row in rows for value in row]
    kinds = {"string": "BYTES", "bool": "BOOL", "int64": "INT64"}
    per_column = [
        {"name": c.name, "shape": shape, "datatype": kinds.get(c.type, "FP64"), "data": [row[i] for row in rows]}
        for shape in ([height, 1],)
        for i, c in enumerate(signature.columns)
    ]
    matrix = {"name": "input", "shape": [height, width], "datatype": datatype}
    for document in (
        {"id": "7", "inputs": [{**matrix, "data": flat}]},
        {"inputs": [{**matrix, "data": rows}]},
        {"inputs": per_column},
        {"inputs": per_column[:1], "parameters": {"method": "count"}},
    ):
        body = msgspec.json.encode(document)
        usual = ask(app, "/v2/models/told/infer", body, headers=SLOWLY)
        assert ask(app, "/v2/models/told/infer", body) == usual


def raw(document: dict[str, Any], content: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """A body of the binary tensor extension, and the header that says how much of it is JSON."""
    head = msgspec.json.encode(document)
    return head + content, [(b"inference-header-content-length", str(len(head)).encode())]


@few
@given(
    kinds=st.lists(st.sampled_from(["float64"] * 4 + ["float32"]), min_size=1, max_size=3),
    sent=st.sampled_from(["FP64", "FP64", "FP64", "FP32", "INT64"]),
    odd=st.sampled_from([{}] * 4 + [{"shape": [1, 1]}, {"name": "x0"}, {"name": 7}, {"datatype": "no"}]),
    parameters=st.sampled_from([{"binary_data_output": True}] * 4 + [{}, {"method": "count"}, {"no": 1}]),
    more=st.sampled_from([{}] * 4 + [{"id": "7"}, {"outputs": [{"name": "count_0"}]}, {"outputs": [{"name": "no"}]}]),
    cut=st.sampled_from([0] * 6 + [1, 8]),
    compiled=st.booleans(),
    data=st.data(),
)
def test_matrices_are_answered_as_ever(
    service: Service, kinds: Any, sent: str, odd: Any, parameters: Any, more: Any, cut: int, compiled: bool, data: Any
) -> None:
    """As they are in memory, with numbers that are missing or infinite, and with heads that do not fit them."""
    columns = [Column(f"x{i}", kind, kind, nullable=data.draw(st.booleans())) for i, kind in enumerate(kinds)]
    serve(service, Signature("numpy", columns, OUTPUTS), {column.name: 1.5 for column in columns}, compiled)
    width, types = len(kinds), {"FP64": "<f8", "FP32": "<f4", "INT64": "<i8"}
    numbers = st.floats(width=32, allow_nan=False) if sent != "INT64" else st.integers(-9, 9)
    numbers = st.one_of(numbers, numbers, numbers, st.just(float("nan"))) if sent != "INT64" else numbers
    rows = data.draw(st.lists(st.lists(numbers, min_size=width, max_size=width), max_size=4))
    content = np.array(rows, dtype=types[sent]).tobytes()
    tensor = {"name": "input", "shape": [len(rows), width], "datatype": sent, **odd}
    tensor["parameters"] = {"binary_data_size": len(content)}
    body, header = raw({"inputs": [tensor], "parameters": parameters, **more}, content[: len(content) - cut])
    app = application(service)
    usual = ask(app, "/v2/models/told/infer", body, headers=[*header, *SLOWLY])
    assert ask(app, "/v2/models/told/infer", body, headers=header) == usual


@settings(few, max_examples=40)
@given(asked=questions(), query=st.sampled_from(["", "", "method=lengths", "method=count&method=predict"]))
def test_predictions_are_answered_as_ever(service: Service, asked: Any, query: str) -> None:
    """In all the forms that V1 and MLflow have."""
    signature, sample, records = asked
    serve(service, signature, sample)
    app, names = application(service), signature.names
    rows = [[record.get(name) for name in names] for record in records]
    for document in (
        {"instances": records},
        {"instances": rows},
        {"instances": [rows[0], *records]},
        {"instances": rows[0]},
        {"inputs": rows},
        {"inputs": {name: [row[i] for row in rows] for i, name in enumerate(names)}},
        {"dataframe_records": records},
        {"dataframe_split": {"columns": names, "data": rows}},
        {"dataframe_split": {"columns": names[::-1], "data": rows}},
        {"dataframe_split": {"data": records, "index": [1]}},
        {"instances": rows, "parameters": {}},
    ):
        body = msgspec.json.encode(document)
        for path in ("/v1/models/told:predict", "/models/told/invocations", "/invocations"):
            assert ask(app, path, body, query) == ask(app, path, body, query, SLOWLY)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("query", ["", "method=lengths&method=predict"])
def test_plain_records_need_nothing_but_their_lane(service: Service, query: str, compiled: bool) -> None:
    """Behind it, nothing answers."""
    assert serve(service, MIXED, ROW | {"age": 1.5}, compiled) is compiled
    lanes = FastLanes(nowhere, service)
    for path in ("/v1/models/told:predict", "/models/told/invocations", "/invocations"):
        for rows in ([ROW], [[*ROW.values()]]):
            assert ask(lanes, path, msgspec.json.encode({"instances": rows}), query).status == 200
    for rows in (ROW, [ROW], [ROW, ROW | {"age": 7, "extra": 1}]):
        got = ask(lanes, "/models/told/predict", msgspec.json.encode(rows), query)
        assert got == ask(application(service), "/models/told/predict", msgspec.json.encode(rows), query, SLOWLY)


def test_a_request_of_a_trace_takes_no_lane_to_processes(service: Service) -> None:
    """They are told the trace on the usual way; a twin has nobody to tell."""
    trace = [(b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    for compiled, status in ((False, 599), (True, 200)):
        serve(service, MIXED, ROW | {"age": 1.5}, compiled)
        got = ask(FastLanes(nowhere, service), "/models/told/predict", msgspec.json.encode(ROW), headers=trace)
        assert got.status == status


def test_plain_tensors_need_nothing_but_their_lane(service: Service) -> None:
    """As columns, and as a matrix."""
    serve(service, MIXED, ROW | {"age": 1.5})
    kinds = {"age": "FP64", "n": "INT64", "plan": "BYTES", "ok": "BOOL"}
    inputs = [{"name": n, "shape": [1], "datatype": kinds[n], "data": [ROW[n]]} for n in kinds]
    for path in ("/v2/models/told/infer", "/v2/models/told/versions/3/infer"):
        assert ask(FastLanes(nowhere, service), path, msgspec.json.encode({"inputs": inputs})).status == 200


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_matrix_needs_nothing_but_its_lane(service: Service, kind: str) -> None:
    """Unless much comes with it, which would have to be kept before it is known who sends it, and in the log."""
    columns = [Column(name, kind, kind) for name in ("x", "y")]
    serve(service, Signature("numpy", columns, OUTPUTS), {"x": 1.5, "y": 2.5})
    lanes, matrix = FastLanes(nowhere, service), np.array([[1.5, -0.0], [1e30, 7]], dtype=kind)
    tensor = {"name": "input", "shape": [2, 2], "datatype": kind.replace("float", "FP")}
    tensor["parameters"] = {"binary_data_size": matrix.nbytes}
    document: dict[str, Any] = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    for path in ("/v2/models/told/infer", "/v2/models/told/versions/3/infer"):
        body, header = raw(document, matrix.tobytes())
        assert ask(lanes, path, body, headers=header).status == 200
        for long in (9_000, 300_000):
            body, header = raw({**document, "id": "7" * long}, matrix.tobytes())
            assert ask(lanes, path, body, headers=header).status == 599
            service.guard.room.requests = 0  # what answers nothing does not leave either
            assert ask(application(service), path, body, headers=header).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-type", b"text/csv")],
        [(b"accept", b"text/csv")],
        [(b"accept", b"image/png")],
        [(b"content-encoding", b"gzip")],
        [(b"authorization", b"Bearer wrong")],
        [(b"content-type", b"application/json"), (b"content-type", b"text/csv")],
    ],
)
@pytest.mark.parametrize("body", [b'{"age": 1, "n": 3, "plan": "b", "ok": true}', b"{", b"[1]", b"", b"\xff"])
def test_requests_that_are_not_plain_are_answered_as_ever(service: Service, headers: Any, body: bytes) -> None:
    """Whatever makes them so."""
    serve(service, MIXED, ROW | {"age": 1.5})
    app = application(service)
    for path in ("/models/told/predict", "/v2/models/told/infer"):
        assert ask(app, path, body, headers=headers) == ask(app, path, body, headers=[*headers, *SLOWLY])


def test_a_lane_that_fails_leaves_its_request_to_the_usual_way(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same answer, and nothing counted as still under way."""
    serve(service, MIXED, ROW | {"age": 1.5})
    app, body = application(service), msgspec.json.encode(ROW)
    usual = ask(app, "/models/told/predict", body, headers=SLOWLY)
    monkeypatch.setattr(FastLanes, "told", lambda *_: 1 / 0)
    assert ask(app, "/models/told/predict", body) == usual
    assert service.guard.room.requests == 0

"""Bad requests: the right 4xx and a message, and the endpoint goes on serving."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PREDICT, MLFLOW, V1 = "/models/churn/predict", "/models/churn/invocations", "/v1/models/churn:predict"
HEADER = "Inference-Header-Content-Length"
RAW = b'{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"parameters":{"binary_data_size":16}}]}'
INFER = "/v2/models/churn/infer"
ARROW, PARQUET, CSV = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet", "text/csv"
GOOD = b'[{"age": 20, "balance": 0}]'


def oip(**changes: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [1.0, 2.0], **changes}]}


MIXED = {
    "id": "x",
    "inputs": [
        {"name": "plan", "datatype": "BYTES", "shape": [2, 1], "data": [["gold"], ["basic"]]},
        {"name": "tenure", "datatype": "UINT8", "shape": [2], "data": [1, 2]},
        {"name": "balance", "datatype": "FP16", "shape": [2], "data": [1.5, None]},
    ],
    "outputs": [{"name": "prediction", "parameters": {"binary_data": True}}],
}
BAD: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("POST", PREDICT, {"data": b"age: 20"}, 400, "not JSON"),
    ("POST", PREDICT, {"data": b""}, 400, "empty"),
    ("POST", PREDICT, {"data": b"\xff\xfe"}, 400, "not JSON"),
    ("POST", PREDICT, {"data": b'[{"age": NaN, "balance": 0}]'}, 400, "NaN.*null"),
    ("POST", PREDICT, {"data": b'[{"age": -Infinity, "balance": 0}]'}, 400, "Infinity.*null"),
    ("POST", PREDICT, {"data": b'[{"age": 1e999, "balance": 0}]'}, 400, "range"),
    ("POST", PREDICT, {"data": b"[" * 100_000}, 400, "JSON"),
    ("POST", PREDICT, {"json": "text"}, 400, "shape"),
    ("POST", PREDICT, {"json": [1, 2]}, 400, "shape"),
    ("POST", PREDICT, {"json": [[1, 2]]}, 400, "shape"),
    ("POST", PREDICT, {"json": [{"agee": 1, "balance": 0}]}, 400, "missing columns: age; did you mean agee"),
    ("POST", PREDICT, {"json": [{"age": "old", "balance": 0}]}, 400, "row 0, column 'age'.*'old'.*float64"),
    ("POST", PREDICT, {"json": [{"age": None, "balance": 0}]}, 400, "row 0, column 'age'.*missing"),
    ("POST", PREDICT, {"json": [{"age": {"x": 1}, "balance": 0}]}, 400, "age"),
    ("POST", PREDICT, {"json": [{"age": 10**400, "balance": 0}]}, 400, "age"),
    ("POST", "/models/plans/predict", {"json": [{"plan": "silver", "tenure": 1, "balance": 0}]}, 400, "silver"),
    ("POST", PREDICT + "?method=predikt", {"data": GOOD}, 400, "no method 'predikt'; did you mean predict"),
    ("POST", PREDICT, {"data": b"age,balance\nold,1\n", "headers": {"Content-Type": CSV}}, 400, "^line 2, column.*old"),
    (
        "POST",
        PREDICT,
        {"data": b'age,balance\n"1",2\n\n"1\n",2\n3,x\n', "headers": {"Content-Type": CSV}},
        400,
        "^line 6,",
    ),
    ("POST", PREDICT, {"data": b"age,balance\n1,2\n1,2,3\n", "headers": {"Content-Type": CSV}}, 400, "^line 3: "),
    ("POST", PREDICT, {"data": b"age,age\n1,2\n", "headers": {"Content-Type": CSV}}, 400, "age"),
    ("POST", PREDICT, {"data": b"", "headers": {"Content-Type": CSV}}, 400, "empty"),
    (
        "POST",
        PREDICT,
        {"data": b"PAR1....PAR1", "headers": {"Content-Type": PARQUET}},
        400,
        "Parquet",
    ),
    (
        "POST",
        PREDICT,
        {"data": b"ARROW1", "headers": {"Content-Type": ARROW}},
        400,
        "Arrow",
    ),
    ("POST", PREDICT, {"data": GOOD, "headers": {"Content-Type": "image/png"}}, 415, "image/png"),
    ("POST", PREDICT, {"data": GOOD, "headers": {"Accept": "image/png"}}, 406, "image/png"),
    ("POST", PREDICT, {"data": GOOD, "headers": {"Content-Encoding": "gzip"}}, 415, "gzip"),
    ("POST", PREDICT, {"data": b" " * 200_001}, 413, "limit"),
    ("POST", PREDICT, {"data": iter([b" " * 150_000, b" " * 150_000])}, 413, "limit"),
    ("POST", "/models/chorn/predict", {"data": GOOD}, 404, "no deployment 'chorn'; did you mean churn"),
    ("POST", "/models/..%2F..%2Fetc/predict", {"data": GOOD}, 404, ""),
    ("POST", "/v2/models/churn/versions/9/infer", {"json": oip()}, 404, "churn/9.*churn/1"),
    ("POST", "/v2/models/churn/versions/x/infer", {"json": oip()}, 404, ""),
    ("GET", "/v2/models/nobody", {}, 404, "nobody"),
    ("POST", INFER, {"json": {}}, 400, "inputs"),
    ("POST", INFER, {"json": {"inputs": []}}, 400, "no inputs"),
    ("POST", INFER, {"json": oip(shape=[2, 2])}, 400, r"shape \[2, 2\].*2 values"),
    ("POST", INFER, {"json": oip(shape=[1, 3], data=[1, 2, 3])}, 400, r"expected \[rows, 2\].*age, balance"),
    ("POST", INFER, {"json": oip(shape=[-1, 2])}, 400, "negative"),
    ("POST", INFER, {"json": oip(datatype="FP65")}, 400, "FP65.*FP64"),
    ("POST", INFER, {"json": oip(data=[1.0, "x"])}, 400, "value 1: 'x' is not FP64"),
    ("POST", INFER, {"json": oip(data=[[1.0], [2.0]])}, 400, "shape"),
    ("POST", INFER, {"json": {**oip(), "outputs": [{"name": "nothing"}]}}, 400, "no output 'nothing'"),
    ("POST", INFER, {"json": {**oip(), "parameters": {"method": "nothing"}}}, 400, "no method 'nothing'"),
    (
        "POST",
        INFER,
        {"json": {**oip(), "outputs": [{"name": "prediction", "parameters": {"classification": 1}}]}},
        400,
        "classification",
    ),
    ("POST", INFER, {"json": oip(), "headers": {HEADER: "99999"}}, 400, "Content-Length is '99999'"),
    ("POST", INFER, {"json": oip(), "headers": {HEADER: "-1"}}, 400, "Content-Length is '-1'"),
    ("POST", INFER, {"json": oip(), "headers": {HEADER: "9" * 5000}}, 400, "which is no number of the body"),
    ("POST", INFER, {"json": oip(data=None, parameters={"binary_data_size": 16})}, 400, "only 0 bytes are left"),
    ("POST", INFER, {"json": oip(parameters={"binary_data_size": 16})}, 400, "data in the JSON as well"),
    ("POST", INFER, {"json": oip(data=None, parameters={"binary_data_size": "x"})}, 400, "no number of bytes"),
    ("POST", INFER, {"json": oip(data=None)}, 400, "no data"),
    ("POST", INFER, {"data": RAW + bytes(17), "headers": {HEADER: str(len(RAW))}}, 400, "1 bytes after the JSON"),
    ("POST", MLFLOW, {"json": {}}, 400, "exactly one of dataframe_split"),
    ("POST", MLFLOW, {"json": [[1, 2]]}, 400, "shape"),
    ("POST", MLFLOW, {"json": {"instances": [[1, 2]], "inputs": [[1, 2]]}}, 400, "instances and inputs"),
    ("POST", MLFLOW, {"json": {"instances": [[1, 2, 3]]}}, 400, "row 0 has 3 values where 2 belong: age, balance"),
    ("POST", MLFLOW, {"json": {"instances": [1, 2]}}, 400, "row 0 has 1 where 2 belong"),
    ("POST", MLFLOW, {"json": {"instances": [[1, 2]], "params": {"methd": "x"}}}, 400, "'methd'; there is: method"),
    ("POST", MLFLOW, {"json": {"instances": [[1, 2]], "params": {"method": "x"}}}, 400, "no method 'x'"),
    ("POST", MLFLOW, {"json": {"dataframe_split": {"columns": ["age", "age"], "data": [[1, 2]]}}}, 400, "twice"),
    ("POST", MLFLOW, {"json": {"dataframe_split": {"data": [[1, "x"]]}}}, 400, "row 0, column 'balance': 'x'"),
    ("POST", MLFLOW, {"json": {"inputs": {"age": [1, 2], "balance": [1]}}}, 400, "different lengths"),
    ("POST", MLFLOW, {"data": b"age,balance\n1\n", "headers": {"Content-Type": CSV}}, 400, "line 2: .*1 field"),
    ("POST", "/invocations", {"json": {"instances": [[1, 2]]}}, 404, "churn, plans.*--default"),
    ("POST", V1, {"json": {}}, 400, "instances"),
    ("POST", V1, {"json": {"instances": [[1, 2]], "parameters": {"method": 3}}}, 400, "a method's name"),
    ("GET", "/v1/models/nobody", {}, 404, "nobody"),
    ("PUT", "/api/deployments/..%2Fx", {"json": {}}, 404, ""),
    ("PUT", "/api/deployments/Upper", {"json": {"model": "m", "version": 1, "digest": "d"}}, 400, "Upper"),
    ("PUT", "/api/deployments/new", {"json": {"model": "../x", "version": 1, "digest": "d", "new": True}}, 400, "../x"),
    ("PUT", "/api/deployments/new", {"json": {"model": "churn", "version": 1, "digest": "d"}}, 404, "--new"),
    (
        "PUT",
        "/api/deployments/churn",
        {"json": {"model": "churn", "version": 1, "digest": "sha256:0"}},
        409,
        "sha256:0",
    ),
    ("PUT", "/api/deployments/churn", {"json": {"model": "churn", "version": "1", "digest": "d"}}, 400, "shape"),
    ("PUT", "/api/blobs/sha256/xyz", {"data": b"x"}, 400, "SHA-256"),
    ("PUT", "/api/snapshots/sha256:0", {"json": {"content": "e30=", "record": "e30="}}, 422, "record.json"),
    ("PUT", "/api/snapshots/sha256:0", {"json": {"content": "e30="}}, 400, "shape"),
    ("DELETE", "/api/deployments/nobody", {}, 404, "nobody"),
    ("GET", "/nowhere", {}, 404, "no route"),
    ("DELETE", PREDICT, {}, 405, "POST"),
]


@pytest.mark.parametrize(("method", "path", "more", "status", "says"), BAD)
def test_a_bad_request_gets_its_4xx(
    shared: Any, method: str, path: str, more: dict[str, Any], status: int, says: str
) -> None:
    """The error says what was wrong; it is never the endpoint's fault."""
    answer = shared.ask(method, path, **more)
    assert answer.status_code == status, answer.text
    assert re.search(says, answer.json()["error"]), answer.text
    assert shared.ask("POST", PREDICT, data=GOOD).status_code == 200


def test_a_wrong_token_is_refused(shared: Any) -> None:
    """401 says how to enter."""
    answer = shared.ask("POST", PREDICT, token="nbd_wrong", data=GOOD)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "unknown or was revoked" in answer.json()["error"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer " + "x" * 5000, "Bearer ../owner"])
def test_an_odd_authorization_header_is_refused(shared: Any, header: str) -> None:
    """Whatever it holds."""
    answer = shared.ask("GET", "/api/deployments", token=None, headers={"Authorization": header})
    assert answer.status_code == 401, answer.text


@pytest.mark.parametrize("path", ["/v2/models/churn", "/api/deployments", "/metrics", "/models/churn/sample"])
def test_without_a_token_nothing_is_told(shared: Any, path: str) -> None:
    """Only health is open."""
    assert shared.ask("GET", path, token=None).status_code == 401


def damaged(data: st.DataObject, whole: bytes) -> bytes:
    """A body with some bytes changed, and perhaps cut short."""
    body = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    return bytes(body[: data.draw(st.one_of(st.none(), st.integers(0, len(body))))])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_body_is_the_endpoint_s_fault(shared: Any, data: st.DataObject) -> None:
    """Arbitrary bytes, and damaged bodies of every format, are refused or answered."""
    kinds = {"application/json": GOOD, CSV: b"age,balance\n1,2\n"}
    for kind in (ARROW, PARQUET):
        kinds[kind] = shared.ask("GET", "/models/churn/sample", headers={"Accept": kind}).content
    kind = data.draw(st.sampled_from(sorted(kinds)))
    body = damaged(data, kinds[kind])
    answer = shared.ask("POST", PREDICT, data=body, headers={"Content-Type": kind})
    assert answer.status_code in {200, 400, 413}, (body, answer.text)


BODIES: list[tuple[str, bytes]] = [
    (INFER, RAW + bytes(16)),
    (INFER, json.dumps(oip(parameters={"missing": "[1]"})).encode()),
    ("/v2/models/plans/infer", json.dumps(MIXED).encode()),
    (V1, b'{"instances": [[1, "Infinity"], {"age": 1, "balance": NaN}], "parameters": {"method": ["predict"]}}'),
    (V1, b'{"inputs": {"age": [[1], [2]], "balance": [3, null]}}'),
    (
        MLFLOW,
        b'{"dataframe_split": {"index": [0], "columns": ["age", "balance"], "data": [[1, -1e3]]}, "params": null}',
    ),
    (MLFLOW, b'{"dataframe_records": [{"age": 1, "balance": true}], "params": {"method": "predict"}}'),
]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damaged_request_of_a_protocol_is_the_endpoint_s_fault(shared: Any, data: st.DataObject) -> None:
    """Tensors, raw or not, instances and frames."""
    path, whole = data.draw(st.sampled_from(BODIES))
    header = data.draw(st.sampled_from([str(len(RAW)), "0", "17", "x"])) if whole.startswith(RAW) else None
    body = damaged(data, whole)
    answer = shared.ask("POST", path, data=body, headers={HEADER: header} if header else {})
    assert answer.status_code in {200, 400}, (path, header, body, answer.text)


def test_a_large_declared_body_is_refused_before_it_is_sent(shared: Any) -> None:
    """The answer comes on the headers alone."""
    host, _, port = shared.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {shared.connection.token}\r\n"
        connection.sendall(f"{head}Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_failure_of_the_endpoint_tells_a_reference_and_no_more(place: Any) -> None:
    """What went wrong inside stays in the log."""
    inside = place.home / "run" / "metrics"
    (inside / "counter_1.db").write_bytes(b"these are no figures")
    answer = place.ask("GET", "/metrics")
    assert answer.status_code == 500
    assert str(inside) not in answer.text
    reference = answer.json()["error"].rpartition(" ")[2]
    assert reference in place.log.read_text()

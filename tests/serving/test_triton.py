"""Triton's own clients, over HTTP and gRPC."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import grpc
import numpy as np
import polars as pl
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbdeploy.codecs.oip import inputs_of
from nbdeploy.codecs.strict_json import plain_series
from nbdeploy.errors import MissingExtra
from nbdeploy.predictor import Predictor
from nbdeploy.serving.options import Options
from nbdeploy.serving.protocols.oip_grpc.messages import MESSAGES, METHODS, SERVICE
from nbdeploy.store import Store
from tests.serving.conftest import churn_rows, plan_rows
from tests.serving.every_kind import image_rows, kinds_rows

ARRAYS = {"BYTES": object}
ROWS = {"churn": churn_rows, "images": image_rows, "kinds": kinds_rows, "plans": plan_rows}


@pytest.fixture(scope="module", params=["http", "grpc"])
def triton(request: pytest.FixtureRequest, open_place: Any) -> Iterator[tuple[Any, Any]]:
    """A client of each transport, and the module that it came from."""
    module = import_module(f"tritonclient.{request.param}")
    url = open_place.endpoint.grpc if request.param == "grpc" else open_place.url.removeprefix("http://")
    client = module.InferenceServerClient(url)
    yield client, module
    client.close()


def arrays(predictor: Predictor, wire: pl.DataFrame) -> dict[str, tuple[str, np.ndarray[Any, Any]]]:
    """The tensors that the metadata advertises, with these rows in them."""
    told = inputs_of(predictor.signature)
    if len(told) == 1 and len(told[0].shape) == 2:
        return {told[0].name: (told[0].datatype, wire.to_numpy())}
    values = {tensor.name: plain_series(wire[tensor.name]).to_numpy() for tensor in told}
    return {t.name: (t.datatype, values[t.name].astype(ARRAYS.get(t.datatype, values[t.name].dtype))) for t in told}


def ask(triton: tuple[Any, Any], predictor: Predictor, wire: pl.DataFrame, *, binary: bool = True, **more: Any) -> Any:
    client, module = triton
    inputs = []
    is_http = module.__name__.endswith("http")
    for name, (datatype, values) in arrays(predictor, wire).items():
        tensor = module.InferInput(name, list(values.shape), datatype)
        tensor.set_data_from_numpy(values, **({"binary_data": binary} if is_http else {}))
        inputs.append(tensor)
    names = more.pop("outputs", [])
    outputs = [module.InferRequestedOutput(name, **({"binary_data": binary} if is_http else {})) for name in names]
    return client.infer(predictor.manifest["name"], inputs, outputs=outputs or None, **more)


def without_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """What is missing has to be sent as a value by clients that know of no missing ones."""
    return frame.with_columns(pl.col(pl.Int64).fill_null(0))


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("name", ROWS)
def test_tensors_of_every_kind_are_answered_as_predictor_does(
    triton: tuple[Any, Any], predictors: dict[str, Predictor], name: str, binary: bool
) -> None:
    """Raw and in JSON, which gRPC has not; a missing number is NaN, in JSON too, where rapidjson writes it as it is."""
    predictor = predictors[name]
    for height in (1, 9):
        wire = without_gaps(predictor.bind(ROWS[name]())[:height])
        for method in predictor.signature.outputs:
            expected = predictor.outputs(wire, [method])
            answer = ask(triton, predictor, wire, binary=binary, outputs=expected.columns)
            for series in map(plain_series, expected.get_columns()):
                found = answer.as_numpy(series.name)
                if found.dtype == object:
                    assert [v.decode() if isinstance(v, bytes) else v for v in found] == series.to_list()
                else:
                    np.testing.assert_array_equal(found, series.to_numpy(), strict=True)


def test_the_client_learns_what_is_served(triton: tuple[Any, Any], predictors: dict[str, Predictor]) -> None:
    """Health, metadata of server and model, and the index."""
    client, module = triton
    more = {} if module.__name__.endswith("http") else {"as_json": True}
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("churn")
    assert client.is_model_ready("churn", "1")
    assert client.get_server_metadata(**more)["name"] == "nbdeploy"
    assert "binary_tensor_data" in client.get_server_metadata(**more)["extensions"]
    found = client.get_model_metadata("plans", **more)
    assert [(t["name"], t["datatype"]) for t in found["inputs"]] == [
        ("plan", "BYTES"),
        ("tenure", "INT64"),
        ("balance", "FP64"),
    ]
    index = client.get_model_repository_index(**more)
    entries = index["models"] if isinstance(index, dict) else index
    assert {entry["name"]: entry["state"] for entry in entries} == dict.fromkeys(predictors, "READY")


def test_ids_versions_and_parameters_travel(triton: tuple[Any, Any], predictors: dict[str, Predictor]) -> None:
    """The id comes back; a parameter chooses the method; a version may be named."""
    answer = ask(
        triton,
        predictors["churn"],
        predictors["churn"].bind(churn_rows(3)),
        request_id="42",
        model_version="1",
        parameters={"method": "predict_proba"},
    )
    told = answer.get_response()
    identity = told["id"] if isinstance(told, dict) else told.id
    assert identity == "42"
    assert answer.as_numpy("probability_yes").shape == (3,)
    assert answer.as_numpy("prediction") is None


def test_what_is_wrong_is_told_to_the_client(triton: tuple[Any, Any], predictors: dict[str, Predictor]) -> None:
    """With the words of HTTP, and the status of the transport."""
    from tritonclient.utils import InferenceServerException

    client, module = triton
    short = module.InferInput("input", [1, 3], "FP64")
    short.set_data_from_numpy(np.zeros((1, 3)))
    with pytest.raises(InferenceServerException, match=r"shape \[1, 3\]; expected \[rows, 2\]") as error:
        client.infer("churn", [short])
    assert error.value.status() in {"400", "StatusCode.INVALID_ARGUMENT"}
    with pytest.raises(InferenceServerException, match="nobody") as error:
        client.infer("nobody", [short])
    assert error.value.status() in {"404", "StatusCode.NOT_FOUND"}
    with pytest.raises(InferenceServerException, match="token") as error:
        client.unload_model("churn")
    assert error.value.status() in {"401", "StatusCode.UNAUTHENTICATED"}


def test_a_token_opens_the_repository(triton: tuple[Any, Any], open_place: Any) -> None:
    """Unloaded and loaded again by one who may."""
    client, _ = triton
    headers = {"authorization": f"Bearer {open_place.connection.token}"}
    client.unload_model("images", headers=headers)
    assert not client.is_model_ready("images")
    client.load_model("images", headers=headers)
    assert client.is_model_ready("images")


def test_messages_are_those_that_others_generated() -> None:
    """Field by field, as Triton's client has them from the public definition; both live in one process."""
    from tritonclient.grpc import service_pb2

    theirs = service_pb2.DESCRIPTOR.message_types_by_name
    for name, ours in MESSAGES.items():
        compare(ours.DESCRIPTOR, theirs[name])
    methods = service_pb2.DESCRIPTOR.services_by_name[SERVICE.partition(".")[2]].methods_by_name
    for name in METHODS:
        assert methods[name].input_type.name == f"{name}Request"
        assert methods[name].output_type.name == f"{name}Response"


def compare(ours: Any, theirs: Any) -> None:
    assert ours.full_name == theirs.full_name
    for field in ours.fields:
        other = theirs.fields_by_name[field.name]
        for fact in ("number", "type", "is_repeated"):
            assert getattr(field, fact) == getattr(other, fact), (ours.full_name, field.name)
        assert (field.containing_oneof is None) == (other.containing_oneof is None)
        if field.message_type is not None:
            compare(field.message_type, other.message_type)


def test_typed_contents_are_answered_in_kind(open_place: Any, predictors: dict[str, Predictor]) -> None:
    """A client that sends lists of values gets lists of values; bytes that are no message are its own fault."""
    with grpc.insecure_channel(open_place.endpoint.grpc) as channel:
        call = channel.unary_unary(f"/{SERVICE}/ModelInfer")
        asked = MESSAGES["ModelInferRequest"](model_name="plans", id="9")
        frame = without_gaps(predictors["plans"].bind(plan_rows()))[1:3]
        for name, datatype, field in (
            ("plan", "BYTES", "bytes_contents"),
            ("tenure", "INT64", "int64_contents"),
            ("balance", "FP64", "fp64_contents"),
        ):
            tensor = asked.inputs.add(name=name, datatype=datatype, shape=[2, 1])
            values = [v.encode() if isinstance(v, str) else v for v in frame[name].to_list()]
            getattr(tensor.contents, field).extend(values)
        content, done = call.with_call(asked.SerializeToString())
        answer = MESSAGES["ModelInferResponse"].FromString(content)
        assert [*answer.outputs[0].contents.fp64_contents] == predictors["plans"].outputs(frame)["prediction"].to_list()
        assert (
            dict(done.trailing_metadata())["x-nbdeploy-prediction-id"]
            == answer.parameters["prediction_id"].string_param
        )
        with pytest.raises(grpc.RpcError, match="no ModelInferRequest"):
            call(b"\xff\xff")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_message_is_the_endpoint_s_fault(open_place: Any, data: st.DataObject) -> None:
    """Damaged bytes, and messages that make no sense, are refused as their sender's."""
    asked = MESSAGES["ModelInferRequest"](model_name="churn", raw_input_contents=[bytes(16)])
    asked.parameters["method"].string_param = "predict"
    tensor = asked.inputs.add(name="x", datatype="FP64", shape=[1, 2])
    tensor.parameters["missing"].string_param = "[]"
    body = bytearray(asked.SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with grpc.insecure_channel(open_place.endpoint.grpc) as channel:
        answer = channel.unary_unary(f"/{SERVICE}/ModelInfer").future(bytes(body))
        possible = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
        assert answer.code() in possible, (bytes(body), answer.details())


def test_grpc_is_not_there_before_it_is_served() -> None:
    """Its threads would not live on in a process that is forked from this one."""
    source = "import sys, nbdeploy.serving.server; print('grpc' in sys.modules, 'google.protobuf' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_without_its_library_it_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(MissingExtra, match=r"nbdeploy\[grpc\]"):
        Options(grpc_port=0)


def test_every_worker_serves_grpc_on_the_one_port(run: Any, snapshots: Store) -> None:
    """Each of them listens for itself, after it was forked, and answers as the others do."""
    with run(workers=2, grpc_port=0) as place:
        place.target.push(snapshots, snapshots.resolve("churn:1"))
        token = (("authorization", f"Bearer {place.connection.token}"),)
        asked = MESSAGES["ModelInferRequest"](
            model_name="churn", raw_input_contents=[np.array([[50.0, 0.0]]).tobytes()]
        )
        asked.inputs.add(name="x", datatype="FP64", shape=[1, 2])
        port = int(place.endpoint.grpc.rpartition(":")[2])
        family = [psutil.Process(place.endpoint.pid), *psutil.Process(place.endpoint.pid).children(recursive=True)]
        listening = [
            one for one in family if any(c.laddr.port == port for c in one.net_connections() if c.status == "LISTEN")
        ]
        assert len(listening) == 2
        answers = set()
        for _ in range(20):
            # Channels of one process share a connection, unless they are told not to.
            with grpc.insecure_channel(place.endpoint.grpc, [("grpc.use_local_subchannel_pool", 1)]) as channel:
                call = channel.unary_unary(f"/{SERVICE}/ModelInfer")
                content = call(asked.SerializeToString(), metadata=token, timeout=30)
            answers.add(MESSAGES["ModelInferResponse"].FromString(content).raw_output_contents[0])
        assert answers == {b"\3\0\0\0yes"}

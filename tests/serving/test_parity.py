"""The same rows through every protocol, format and size of batch: the answers of Predictor, bit for bit."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from grpc import insecure_channel as channel

from nbdeploy.codecs.oip import raw_tensors, tensors, write_answer
from nbdeploy.predictor import Predictor
from nbdeploy.serving.protocols.oip_grpc.messages import CONTENTS, MESSAGES, SERVICE
from tests.serving.conftest import churn_rows, plan_rows
from tests.serving.every_kind import image_rows, kinds_rows

ARROW, PARQUET, CSV = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet", "text/csv"
ROWS: dict[str, Callable[[], Any]] = {
    "churn": churn_rows,
    "images": image_rows,
    "kinds": kinds_rows,
    "plans": plan_rows,
}
Answers = dict[str, list[Any]] | pl.DataFrame


def post(place: Any, path: str, **more: Any) -> Any:
    answer = place.ask("POST", path, token=None, **more)
    assert answer.status_code == 200, answer.text
    return answer


def written(wire: pl.DataFrame, *, literals: bool = False) -> list[dict[str, Any]]:
    """Records as any program writes them: times as ISO text, null or NaN for what is missing."""

    def value(each: Any) -> Any:
        return each.isoformat() if isinstance(each, datetime) else math.nan if each is None and literals else each

    return [{name: value(each) for name, each in row.items()} for row in wire.to_dicts()]


def records(place: Any, name: str, wire: pl.DataFrame, method: str) -> Answers:
    rows = post(place, f"/models/{name}/predict?method={method}", json=written(wire)).json()
    return {column: [row[column] for row in rows] for column in rows[0]}


def file_format(media_type: str, write: str, read: Callable[[bytes], pl.DataFrame]) -> Callable[..., Answers]:
    def ask(place: Any, name: str, wire: pl.DataFrame, method: str) -> Answers:
        body = io.BytesIO()
        getattr(wire, write)(body)
        headers = {"Content-Type": media_type, "Accept": media_type}
        path = f"/models/{name}/predict?method={method}"
        return read(post(place, path, data=body.getvalue(), headers=headers).content)

    return ask


def csv_out(content: bytes) -> pl.DataFrame:
    return pl.read_csv(content, infer_schema=False)


def oip_json(place: Any, name: str, wire: pl.DataFrame, method: str) -> Answers:
    body = {"inputs": [vars_of(tensor) for tensor in tensors(wire)], "parameters": {"method": method}}
    outputs = post(place, f"/v2/models/{name}/infer", json=body).json()["outputs"]
    return {one["name"]: np.array(one["data"], dtype=object).reshape(one["shape"]).tolist() for one in outputs}


def vars_of(tensor: Any) -> dict[str, Any]:
    return {name: getattr(tensor, name) for name in tensor.__struct_fields__}


def oip_raw(place: Any, name: str, wire: pl.DataFrame, method: str) -> Answers:
    asked = {"parameters": {"method": method, "binary_data_output": True}, "id": "7"}
    body, header = write_answer(asked, raw_tensors(wire))
    body = body.replace(b'"outputs"', b'"inputs"', 1)
    headers = {"Inference-Header-Content-Length": str((header or 0) - 1), "Content-Type": "application/octet-stream"}
    answer = post(place, f"/v2/models/{name}/infer", data=body, headers=headers)
    length = int(answer.headers["inference-header-content-length"])
    document, at = json.loads(answer.content[:length]), length
    assert document["id"] == "7"
    found: dict[str, list[Any]] = {}
    for output in document["outputs"]:
        size = output["parameters"]["binary_data_size"]
        found[output["name"]] = unpacked(output, answer.content[at : at + size])
        at += size
    assert at == len(answer.content)
    return found


def unpacked(output: dict[str, Any], content: bytes) -> list[Any]:
    """Raw data, read without the code that wrote it."""
    kinds = {"BOOL": "?", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "INT8": "i1", "INT64": "<i8", "UINT64": "<u8"}
    if output["datatype"] == "BYTES":
        values: list[Any] = []
        while content:
            size = int.from_bytes(content[:4], "little")
            values.append(content[4 : 4 + size].decode())
            content = content[4 + size :]
    else:
        values = np.frombuffer(content, kinds[output["datatype"]]).reshape(output["shape"]).tolist()
    for at in json.loads(output["parameters"].get("missing", "[]")):
        values[at] = None
    return values


def scored(path: str, form: Callable[[pl.DataFrame], dict[str, Any]], params: str) -> Callable[..., Answers]:
    def ask(place: Any, name: str, wire: pl.DataFrame, method: str) -> Answers:
        body = json.dumps({**form(wire), params: {"method": method}})
        headers = {"Content-Type": "application/json"}
        found = post(place, path.format(m=name), data=body, headers=headers).json()["predictions"]
        return {"": found}

    return ask


def split(wire: pl.DataFrame) -> dict[str, Any]:
    rows = [list(row.values()) for row in written(wire, literals=True)]
    return {"dataframe_split": {"index": list(range(wire.height)), "columns": wire.columns, "data": rows}}


def values(wire: pl.DataFrame) -> list[Any]:
    lists = [list(row.values()) for row in written(wire)]
    return lists if wire.width > 1 else [row[0] for row in lists]


def columns(wire: pl.DataFrame) -> dict[str, Any]:
    rows = written(wire)
    return {name: [row[name] for row in rows] for name in wire.columns}


def grpc(*, raw: bool) -> Callable[..., Answers]:
    def ask(place: Any, name: str, wire: pl.DataFrame, method: str) -> Answers:
        message = MESSAGES["ModelInferRequest"](model_name=name)
        message.parameters["method"].string_param = method
        for tensor in raw_tensors(wire):
            one = message.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
            for key, value in tensor.parameters.items():
                one.parameters[key].string_param = value
            if raw:
                message.raw_input_contents.append(bytes(tensor.data))
            else:
                told = {"datatype": tensor.datatype, "shape": [-1], "parameters": {}}
                items = [v.encode() if isinstance(v, str) else v for v in unpacked(told, bytes(tensor.data))]
                getattr(one.contents, CONTENTS[tensor.datatype]).extend(items)
        with channel(place.endpoint.grpc) as there:
            content = there.unary_unary(f"/{SERVICE}/ModelInfer")(message.SerializeToString())
        answer = MESSAGES["ModelInferResponse"].FromString(content)
        return {one.name: grpc_values(one, answer.raw_output_contents, i) for i, one in enumerate(answer.outputs)}

    return ask


def grpc_values(output: Any, raw: Any, number: int) -> list[Any]:
    parameters = {name: value.string_param for name, value in output.parameters.items()}
    told = {"datatype": output.datatype, "shape": [*output.shape], "parameters": parameters}
    if raw:
        return unpacked(told, raw[number])
    values = [v.decode() if isinstance(v, bytes) else v for v in getattr(output.contents, CONTENTS[output.datatype])]
    for at in json.loads(parameters.get("missing", "[]")):
        values[at] = None
    return np.array(values, dtype=object).reshape(output.shape).tolist()


MLFLOW, V1 = "/models/{m}/invocations", "/v1/models/{m}:predict"
PROTOCOLS: dict[str, Callable[..., Answers]] = {
    "records": records,
    "csv": file_format(CSV, "write_csv", csv_out),
    "arrow": file_format(ARROW, "write_ipc_stream", pl.read_ipc_stream),
    "parquet": file_format(PARQUET, "write_parquet", pl.read_parquet),
    "oip json": oip_json,
    "oip raw": oip_raw,
    "grpc raw": grpc(raw=True),
    "grpc typed": grpc(raw=False),
    "mlflow split": scored(MLFLOW, split, "params"),
    "mlflow records": scored(MLFLOW, lambda wire: {"dataframe_records": written(wire)}, "params"),
    "mlflow instances": scored(MLFLOW, lambda wire: {"instances": values(wire)}, "params"),
    "mlflow inputs": scored(MLFLOW, lambda wire: {"inputs": columns(wire)}, "params"),
    "v1 values": scored(V1, lambda wire: {"instances": values(wire)}, "parameters"),
    "v1 records": scored(V1, lambda wire: {"instances": written(wire)}, "parameters"),
    "v1 columns": scored(V1, lambda wire: {"inputs": columns(wire)}, "parameters"),
}


# A CSV file has no arrays.
PAIRS = [(name, protocol) for name in ROWS for protocol in PROTOCOLS if (name, protocol) != ("images", "csv")]


@pytest.mark.parametrize(("name", "protocol"), PAIRS)
def test_every_protocol_answers_what_predictor_answers(
    open_place: Any, predictors: dict[str, Predictor], name: str, protocol: str
) -> None:
    """One row, a few, and all; every method; nothing is lost on the way in or out."""
    predictor = predictors[name]
    for height in (1, 7, 40):
        wire = predictor.bind(ROWS[name]())[:height]
        for method in predictor.signature.outputs:
            expected = predictor.outputs(wire, [method])
            answered = PROTOCOLS[protocol](open_place, name, wire, method)
            if isinstance(answered, pl.DataFrame) and protocol != "csv":
                assert answered.equals(expected)
                continue
            found = answered if isinstance(answered, dict) else answered.to_dict(as_series=False)
            if list(found) == [""]:
                found = by_column(found[""], expected)
            assert list(found) == expected.columns
            for column in expected.columns:
                assert [read(value, expected[column].dtype) for value in found[column]] == listed(expected[column])


@pytest.mark.parametrize("protocol", ["records", "csv", "arrow", "oip json", "oip raw", "grpc raw", "mlflow split"])
def test_many_rows_are_answered_as_few(open_place: Any, predictors: dict[str, Predictor], protocol: str) -> None:
    """Thousands in one request; whatever answers that many answers as for one row."""
    predictor = predictors["churn"]
    wire = predictor.bind(churn_rows(3_001))
    expected = predictor.outputs(wire, ["predict_proba"])
    answered = PROTOCOLS[protocol](open_place, "churn", wire, "predict_proba")
    found = answered if isinstance(answered, dict) else answered.to_dict(as_series=False)
    found = by_column(found[""], expected) if "" in found else found
    for name in expected.columns:
        assert [read(value, pl.Float64) for value in found[name]] == listed(expected[name])


def by_column(predictions: list[Any], expected: pl.DataFrame) -> dict[str, list[Any]]:
    wide = expected.width > 1
    return {name: [row[i] if wide else row for row in predictions] for i, name in enumerate(expected.columns)}


def listed(series: pl.Series) -> list[Any]:
    """Bits of floats: minus zero is not zero."""
    found = series.to_list()
    return [bits(value) for value in found]


def bits(value: Any) -> Any:
    if isinstance(value, list):
        return [bits(item) for item in value]
    return value.hex() if isinstance(value, float) else value


def read(value: Any, dtype: Any) -> Any:
    """A value as it came, in the type that the answer has."""
    if isinstance(value, list):
        return [read(item, dtype.inner) for item in value]
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(dtype, pl.Array):
        return read(value, dtype.inner)
    if isinstance(dtype, pl.Datetime):
        return datetime.fromisoformat(value)
    if dtype == pl.Boolean:
        return value in (True, "true")
    if dtype.is_float():
        return float(np.float32(value) if dtype == pl.Float32 else value).hex()
    return int(value) if dtype.is_integer() else value


def test_bytes_are_text_in_json_and_bytes_in_raw_data() -> None:
    """A binary column is base64 in JSON, which has no bytes."""
    frame = pl.DataFrame({"content": [b"\xff\x00", None]})
    assert tensors(frame)[0].data == [base64.b64encode(b"\xff\x00").decode(), None]
    assert bytes(raw_tensors(frame)[0].data) == b"\2\0\0\0\xff\0\0\0\0\0"

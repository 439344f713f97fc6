"""What users would pick instead: how each is installed, started and asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks.serving.models import Rows

__all__ = ["FLOOR", "PEERS", "Ask", "Peer", "Start"]

_PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Ask:
    """A request: a path and a JSON document, or bytes."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    @classmethod
    def json(cls, path: str, document: Any) -> Ask:
        """Return a request of a JSON document."""
        return cls(path, msgspec.json.encode(document))


@dataclass(frozen=True)
class Start:
    """What a server is started with: its interpreter, the model's file, its rows, a port, a folder of its own."""

    python: Path
    model: Path
    rows: Rows
    port: int
    folder: Path

    def tool(self, name: str) -> str:
        """Return the path of a program of the environment."""
        return str(self.python.parent / name)

    def program(self, name: str) -> list[str]:
        """Return the command that runs one of our programs there."""
        return [str(self.python), str(_PROGRAMS / name)]


@dataclass(frozen=True)
class Peer:
    """A server.

    Attributes
    ----------
    name : str
        What it is called in the table.
    requirements : sequence of str
        What is installed for it.
    commands : callable
        Makes the commands that it is started with: the last one serves, those before prepare it.
    ask : callable
        Makes a request of rows.
    frames : bool
        Whether it gives its models frames with named columns, also of numbers alone.
    """

    name: str
    requirements: Sequence[str]
    commands: Callable[[Start], list[list[str]]]
    ask: Callable[[Rows], Ask]
    frames: bool = False


def _fastapi(rows: Rows) -> Ask:
    if rows.mixed:
        return Ask.json("/predict-records", {"rows": rows.records()})
    return Ask.json("/predict", {"rows": rows.values})


def _bentoml(rows: Rows) -> Ask:
    if rows.mixed:
        return Ask.json("/predict_records", {"rows": rows.records()})
    return Ask.json("/predict", {"rows": rows.values})


def _mlflow(rows: Rows) -> Ask:
    form = {"dataframe_records": rows.records()} if rows.mixed else {"inputs": rows.values}
    return Ask.json("/invocations", form)


def _v1(rows: Rows) -> Ask:
    return Ask.json("/v1/models/model:predict", {"instances": rows.records() if rows.mixed else rows.values})


def _v2(rows: Rows) -> Ask:
    shape = [len(rows.values), len(rows.names)]
    matrix = [{"name": "input", "shape": shape, "datatype": "FP64", "data": rows.values}]
    if not rows.mixed:
        return Ask.json("/v2/models/model/infer", {"inputs": matrix})
    columns = [
        {
            "name": name,
            "shape": [len(rows.values), 1],
            "datatype": "BYTES" if isinstance(values[0], str) else "FP64",
            "data": list(values),
            **({"parameters": {"content_type": "str"}} if isinstance(values[0], str) else {}),
        }
        for name, values in zip(rows.names, zip(*rows.values, strict=True), strict=True)
    ]
    return Ask.json("/v2/models/model/infer", {"parameters": {"content_type": "pd"}, "inputs": columns})


def _start_mlserver(start: Start) -> list[list[str]]:
    settings = {
        "http_port": start.port,
        "grpc_port": start.port + 1,
        "metrics_port": start.port + 2,
        "host": "127.0.0.1",
    }
    model = {
        "name": "model",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(start.model)},
    }
    start.folder.mkdir(parents=True)
    (start.folder / "settings.json").write_bytes(msgspec.json.encode(settings))
    (start.folder / "model-settings.json").write_bytes(msgspec.json.encode(model))
    return [[start.tool("mlserver"), "start", str(start.folder)]]


def _start_mlflow(start: Start) -> list[list[str]]:
    serve = [start.tool("mlflow"), "models", "serve", "-m", str(start.folder), "-h", "127.0.0.1"]
    return [
        [*start.program("mlflow_save.py"), str(start.folder)],
        [*serve, "-p", str(start.port), "--env-manager", "local"],
    ]


def _start_bentoml(start: Start) -> list[list[str]]:
    serve = [start.tool("bentoml"), "serve", "--host", "127.0.0.1", "--port", str(start.port)]
    return [[*serve, "--working-dir", str(_PROGRAMS), "bentoml_app:Served"]]


FLOOR = Peer(
    "floor",
    ["uvicorn", "httptools", "uvloop", "orjson", "onnxruntime", "skl2onnx", "treelite"],
    lambda start: [start.program("floor_app.py")],
    lambda rows: Ask.json("/", rows.records()),
)
"""The least that a server can be."""

PEERS = (
    Peer("FastAPI + joblib", ["fastapi", "uvicorn", "pandas"], lambda s: [s.program("fastapi_app.py")], _fastapi),
    Peer("MLServer", ["mlserver", "mlserver-sklearn", "uvloop<0.22"], _start_mlserver, _v2),
    Peer("MLflow models serve", ["mlflow", "pandas"], _start_mlflow, _mlflow),
    Peer(
        "vetiver",
        ["vetiver", "pandas"],
        lambda start: [start.program("vetiver_app.py")],
        lambda rows: Ask.json("/predict", rows.records()),
        frames=True,
    ),
    Peer("KServe", ["kserve", "pandas"], lambda start: [start.program("kserve_app.py")], _v1),
    Peer("BentoML", ["bentoml", "pandas"], _start_bentoml, _bentoml),
)

"""Snapshots of small real models, and real endpoints over HTTP on free ports."""

from __future__ import annotations

import atexit
import contextlib
import queue
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from nbdeploy.bundles import Trust
from nbdeploy.connections import Connection, Connections
from nbdeploy.predictor import Predictor, load
from nbdeploy.serving.guard.tokens import Tokens
from nbdeploy.serving.options import Options
from nbdeploy.serving.results import Endpoint
from nbdeploy.serving.server import Server
from nbdeploy.snapshots.snapshot import take_snapshot
from nbdeploy.store import Store
from nbdeploy.targets.nbdeploy_target import NbdeployTarget
from nbdeploy.zygote import NURSERY, Zygote
from tests.serving.every_kind import IMAGES, KINDS, function, image_rows, kinds_rows

TWICE = "def twice(frame):\n    return frame['age'] * 2\n"
SERVED = ("churn", "images", "kinds", "plans")
MOODY = """
held = []

def moody(frame):
    import ctypes, sys, time
    worst = frame["age"].min()
    if worst == -1:
        ctypes.string_at(0)
    if worst == -2:
        time.sleep(600)
    if worst == -3:
        sys.exit(3)
    if worst == -4:
        print("the model prints")
    if worst == -5:
        held.append(bytearray(b"x" * 2**27))
    if worst == -6:
        raise ValueError("not this row")
    if worst <= -10:
        time.sleep(-worst / 1000)
    return frame["age"] * 2
"""
"""Ages below zero are orders: -1 to end by a signal, -2 to hang, -500 to take half a second …"""


def churn_rows(rows: int = 40) -> pd.DataFrame:
    """Two columns of one type."""
    random = np.random.default_rng(7)
    return pd.DataFrame({"age": random.normal(40, 10, rows), "balance": random.normal(0, 1, rows)})


def plan_rows() -> pd.DataFrame:
    """Columns of several types, one with missing values."""
    rows = churn_rows()
    tenure = pd.Series(np.arange(40, dtype="int64"))
    balance = rows.balance.mask(tenure % 7 == 0)
    return pd.DataFrame({"plan": np.where(rows.age > 40, "gold", "basic"), "tenure": tenure, "balance": balance})


def _churn(shift: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    rows = churn_rows()
    return LogisticRegression().fit(rows, np.where(rows.age > 40 + shift, "yes", "no"))


def make_plans() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    from sklearn.tree import DecisionTreeRegressor

    rows = plan_rows()
    steps = [("plan", OneHotEncoder(), ["plan"]), ("rest", SimpleImputer(), ["tenure", "balance"])]
    return make_pipeline(ColumnTransformer(steps), DecisionTreeRegressor(random_state=0)).fit(rows, rows.tenure * 1.5)


@cache
def make_store(folder: Path) -> Store:
    """``churn:1``, ``churn:2``, ``plans:1``, ``twice:1``, and ``moody:1`` and ``moody:2``, which can do harm."""
    store = Store(str(folder / "store"), folder / "cache")
    take_snapshot(store, _churn(0), "churn", churn_rows())
    take_snapshot(store, _churn(5), "churn", churn_rows())
    take_snapshot(store, make_plans(), "plans", plan_rows())
    take_snapshot(store, function(TWICE, "twice"), "twice", churn_rows()[["age"]])
    for source in (MOODY, MOODY.replace("* 2\n", "* 3\n")):
        take_snapshot(store, function(source, "moody"), "moody", churn_rows()[["age"]])
    return store


@dataclass
class Place:
    """A running endpoint and an admin's way in."""

    endpoint: Endpoint
    connection: Connection
    home: Path
    log: Path
    server: Server

    @property
    def url(self) -> str:
        return self.endpoint.url

    @property
    def target(self) -> NbdeployTarget:
        return NbdeployTarget(self.connection)

    def ask(self, method: str, path: str, token: str | None = "", **more: Any) -> requests.Response:
        """Send a request, with the admin's token unless another one or none is given."""
        secret = self.connection.token if token == "" else token
        headers = {**({"Authorization": f"Bearer {secret}"} if secret else {}), **more.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=60, **more)

    def stop(self) -> None:
        self.server.stop()

    def token(self, scope: str, name: str = "other") -> str:
        return Tokens(self.home).create(name, scope)[0]


@cache
def nursery() -> Zygote:
    """What all versions of all endpoints here are forked from: it imports the frameworks once."""
    made = Zygote(NURSERY, {}, patience=10.0).__enter__()
    atexit.register(made.__exit__, None, None, None)
    return made


@contextlib.contextmanager
def run_endpoint(home: Path, **options: Any) -> Iterator[Place]:
    """Serve in a thread, and stop it by the end."""
    connections = Connections(home.parent / "user")
    log = tempfile.NamedTemporaryFile(prefix="workers-", suffix=".log")  # noqa: SIM115 - closed with the server
    server = Server(home, Options(**{"port": 0, **options}), connections, log.fileno(), nursery())
    told: queue.Queue[Endpoint | BaseException] = queue.Queue()

    def run() -> None:
        try:
            server.run(told.put)
        except BaseException as error:
            told.put(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        endpoint = told.get(timeout=60)
        if isinstance(endpoint, BaseException):
            raise endpoint
        yield Place(endpoint, connections.get(endpoint.target), home, Path(log.name), server)
    finally:
        server.stop()
        thread.join(60)
        log.close()


@pytest.fixture(scope="session")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with small snapshots."""
    return make_store(tmp_path_factory.getbasetemp() / "snapshots")


@pytest.fixture(scope="session")
def shared(snapshots: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One endpoint that serves `churn` and `plans`, for tests that change nothing."""
    with run_endpoint(tmp_path_factory.mktemp("shared") / "endpoint", body_limit=200_000) as place:
        for name in ("churn:1", "plans:1"):
            place.target.push(snapshots, snapshots.resolve(name))
        yield place


@pytest.fixture(scope="session")
def everything(snapshots: Store) -> Store:
    """The small snapshots, and two of every kind of value."""
    take_snapshot(snapshots, function(KINDS, "kinds"), "kinds", kinds_rows())
    take_snapshot(snapshots, function(IMAGES, "images"), "images", image_rows())
    return snapshots


@pytest.fixture(scope="session")
def open_place(everything: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An endpoint that lets in those who cannot send a token, and serves all of them."""
    folder = tmp_path_factory.mktemp("clients") / "endpoint"
    with run_endpoint(folder, anonymous="predict", default="plans", grpc_port=0) as place:
        for name in SERVED:
            place.target.push(everything, everything.resolve(f"{name}:1"))
        yield place


@pytest.fixture(scope="session")
def predictors(everything: Store) -> dict[str, Predictor]:
    """The same snapshots here."""
    return {name: load(everything.open(everything.resolve(f"{name}:1")), Trust("always")) for name in SERVED}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty endpoint of the test's own."""
    with run_endpoint(tmp_path / "endpoint") as running:
        yield running


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., contextlib.AbstractContextManager[Place]]:
    """Run an endpoint with options, perhaps again on the same folder."""
    return lambda home=tmp_path / "endpoint", **options: run_endpoint(home, **options)


@pytest.fixture
def churn() -> pd.DataFrame:
    """Rows for `churn`."""
    return churn_rows()


@pytest.fixture
def plans() -> pd.DataFrame:
    """Rows for `plans`."""
    return plan_rows()

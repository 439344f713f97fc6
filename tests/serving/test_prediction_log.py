"""The prediction log of a running endpoint: on by default, asked and told over HTTP, and by every door."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
import requests
from sklearn.linear_model import LinearRegression

import nbdeploy as nd
from nbdeploy.commands.shell import run as type_in
from nbdeploy.connections import Connections
from nbdeploy.database import Database, PredictionRow
from nbdeploy.errors import NotFound, RemoteError, WrongUsage
from nbdeploy.serving import background
from nbdeploy.settings import Settings
from nbdeploy.snapshots.snapshot import take_snapshot
from nbdeploy.store import Store
from nbdeploy.targets import connect
from nbdeploy.wire import routes
from nbdeploy.wire.messages import Truth
from tests.postgresql import Server
from tests.serving.conftest import Place, churn_rows, plan_rows, run_endpoint
from tests.serving.every_kind import image_rows, kinds_rows

ARROW = {"Accept": "application/vnd.apache.arrow.stream"}


@pytest.fixture(scope="module")
def logging(snapshots: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An endpoint of two workers that serves `churn` and `plans`."""
    with run_endpoint(tmp_path_factory.mktemp("logging") / "endpoint", workers=2) as place:
        for name in ("churn:1", "plans:1"):
            place.target.push(snapshots, snapshots.resolve(name))
        yield place


@pytest.fixture
def prod(logging: Place, snapshots: Store, home: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The same, known to the user as `prod`."""
    nd.target_add("prod", logging.url)
    monkeypatch.setenv("NBDEPLOY_TOKEN_PROD", str(logging.connection.token))
    monkeypatch.setenv("NBDEPLOY_STORE", str(snapshots.url))
    return logging


def records(frame: pd.DataFrame) -> Any:
    return pl.from_pandas(frame).to_dicts()


def ask(place: Place, name: str, rows: Any, token: str | None = "") -> str:
    """Ask for predictions, and return the prediction's id."""
    answer = place.ask("POST", f"/models/{name}/predict", token, json=rows)
    return str(answer.headers[routes.HEADER_PREDICTION])


def test_rows_of_every_protocol_are_there_at_once_with_their_types(logging: Place) -> None:
    """Who asked, by which protocol, which version answered; a row of many is found by its number."""
    rows = plan_rows().head(8)
    token = logging.token("predict", "crm")
    key = ask(logging, "plans", records(rows), token)
    tensor = {"name": "tenure", "datatype": "INT64", "shape": [1], "data": [4]}
    others = [{"name": "plan", "datatype": "BYTES", "shape": [1], "data": ["gold"]}]
    others += [{"name": "balance", "datatype": "FP64", "shape": [1], "data": [0.5]}]
    oip = logging.ask("POST", "/v2/models/plans/infer", token, json={"id": "mine", "inputs": [tensor, *others]})
    found = logging.target.requests("plans", id=key).frame
    assert found["row"].to_list() == list(range(8))
    assert found.select("plan", "tenure", "balance").equals(pl.from_pandas(rows))
    assert found["prediction"].to_list() == logging.target.predict("plans", rows).frame["prediction"].to_list()
    assert found.select("caller", "protocol", "version", "method", "outcome").unique().rows() == [
        ("crm", "records", 1, "predict", "ok")
    ]
    one = logging.target.requests("plans", id=oip.headers[routes.HEADER_PREDICTION])
    assert one.frame["protocol"].to_list() == ["oip"]
    assert one.facts.inputs == ["plan", "tenure", "balance"]


def test_what_any_worker_answered_is_read_at_once(logging: Place) -> None:
    """Connections are spread over the workers; whoever is asked for the log knows what the other has answered."""
    for _ in range(5):
        asked = [ask(logging, "churn", [{"age": 30.0, "balance": 0.5}]) for _ in range(8)]
        assert {*asked} <= {*logging.target.requests("churn").frame["id"]}


@pytest.mark.parametrize(("name", "rows"), [("kinds", kinds_rows()), ("images", image_rows())], ids=["kinds", "images"])
def test_values_of_every_kind_come_back_as_they_were(prod: Place, everything: Store, name: str, rows: Any) -> None:
    """As a table of pandas, they are bound and predicted as the rows themselves are."""
    prod.target.push(everything, everything.resolve(f"{name}:1"))
    answers = prod.target.predict(name, rows)
    back = nd.requests(f"prod/{name}", id=answers.prediction).frame.to_pandas()
    model = nd.load(f"{name}:1")
    assert model.bind(back).equals(model.bind(rows))
    assert model.outputs(model.bind(back)).equals(answers.frame)


def test_columns_may_be_called_as_the_log_calls_its_own(prod: Place, everything: Store) -> None:
    """Theirs keep their names; the log's begin with `request_`, and an answer of an input's name with `answer_`."""
    rows = pd.DataFrame({"id": [1.5, 2.5] * 20, "prediction": [3.0, 4.0] * 20})
    model = LinearRegression().fit(rows.to_numpy(), rows["id"])
    model.feature_names_in_ = rows.columns.to_numpy()
    taken = take_snapshot(everything, model, "odd", rows)
    prod.target.push(everything, taken.version)
    answers = prod.target.predict("odd", rows)
    found = nd.requests("prod/odd", condition=f"request_id = '{answers.prediction}' and id > 2").frame
    assert found["id"].to_list() == [2.5] * 20
    assert found["answer_prediction"].to_list() == answers.frame["prediction"].to_list()[1::2]
    assert nd.load("odd:1").bind(found.to_pandas()).equals(nd.load("odd:1").bind(rows[rows["id"] > 2]))
    assert [finding.ok for finding in nd.diagnose("prod/odd").findings] == [True] * 6


def test_what_was_refused_is_there_with_the_reason(logging: Place) -> None:
    """With its rows if they fit the signature, and the model would not have them."""
    for plan in ("platinum", 7):
        logging.ask("POST", "/models/plans/predict", json=[{"plan": plan, "tenure": 1, "balance": 0.0}])
    found = logging.target.requests("plans", where="outcome = 'refused'").frame.head(2)
    assert found["plan"].to_list() == [None, "platinum"]
    assert "column 'plan'" in found["reason"][0]
    assert "platinum" in found["reason"][1]


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({"where": "tenur is null"}, 404, "did you mean tenure"),
        ({"where": "tenure >"}, 400, "is not understood"),
        ({"where": "tenure"}, 400, "is not understood"),
        ({"where": "read_csv('/etc/passwd')"}, 400, "is not understood"),
        ({"where": "tenure in (select 1)"}, 404, "no column"),
        ({"where": "(" * 1500 + "1" + ")" * 400}, 400, "is not understood"),
        ({"where": "plan = 'x' or " * 200 + "true"}, 400, "at most 2000 characters"),
        ({"since": "yesterday"}, 400, "seconds before now"),
        ({"limit": "0"}, 400, "from 1 to"),
        ({"sinze": "3"}, 400, "did you mean since"),
    ],
)
def test_a_question_that_means_nothing_is_refused(
    logging: Place, query: dict[str, str], status: int, message: str
) -> None:
    """The message says what is not understood, and what there is."""
    ask(logging, "plans", records(plan_rows().head(1)))
    answer = logging.ask("GET", "/api/deployments/plans/requests", params=query)
    assert (answer.status_code, message in answer.json()["error"]) == (status, True), answer.text


def test_reading_the_log_and_telling_the_truth_have_their_scopes(logging: Place) -> None:
    """Who may predict may tell what came true, and not see what others asked."""
    token = logging.token("predict", "teller")
    assert logging.ask("GET", "/api/deployments/plans/requests", token).status_code == 403
    assert logging.ask("GET", "/api/deployments/plans/requests", None).status_code == 401
    assert logging.ask("POST", "/models/plans/feedback", token, json=[]).status_code == 200
    assert logging.ask("POST", "/models/plans/feedback", None, json=[]).status_code == 401
    with pytest.raises(NotFound, match="no deployment 'none'"):
        logging.target.requests("none")


def test_truth_is_told_as_json_or_csv_and_joined_by_row(logging: Place) -> None:
    """Again is no more; what belongs to no prediction is named."""
    key = ask(logging, "plans", records(plan_rows().head(3)))
    csv = f"id,row,truth\n{key},0,1.5\n{key},2,4.5\n{key},3,1\n"
    for again in (0, 2):
        answer = logging.ask(
            "POST", "/models/plans/feedback", data=csv.encode(), headers={"Content-Type": "text/csv"}
        ).json()
        assert (answer["matched"], answer["unchanged"], answer["unmatched"]) == (2, again, 1)
    assert answer["first"][0]["reason"].startswith("the prediction has 3 rows")
    one = ask(logging, "plans", records(plan_rows().head(1)))
    assert logging.ask("POST", "/models/plans/feedback", json={"id": one, "truth": 9}).json()["matched"] == 1
    found = logging.target.requests("plans", id=key).frame
    assert found["truth"].to_list() == [1.5, None, 4.5]
    odd = logging.ask("POST", "/models/plans/feedback", json=[{"id": one, "thruth": 9}])
    assert (odd.status_code, "id, truth and perhaps row" in odd.text) == (400, True)


def test_bad_rows_are_predicted_again_in_a_notebook(prod: Place, shell_of: Any) -> None:
    """``bad = %deploy requests …`` is a table that the snapshot takes as it is."""
    ask(prod, "plans", records(plan_rows()))
    cell = "bad = %deploy requests prod/plans --since 24h --where \"balance is null and outcome = 'ok'\""
    bad = shell_of(cell)["bad"]
    assert isinstance(bad, pd.DataFrame)
    assert bad["balance"].isna().all()
    again = nd.load("prod/plans").predict(bad)
    assert again.tolist() == bad["prediction"].tolist()


def test_a_file_of_truths_is_told_from_a_shell(prod: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 3 says that some belong to no prediction; the table comes back with them, as CSV and JSON."""
    key = ask(prod, "churn", records(churn_rows(2)))
    pd.DataFrame({"who": [key, key], "row": [0, 1], "left": ["yes", "no"]}).to_csv(tmp_path / "left.csv")
    words = ["label", "prod/churn", str(tmp_path / "left.csv"), "--id", "who", "--truth", "left"]
    assert type_in(words) == 0
    assert "2 of 2 truths joined" in capsys.readouterr().out
    assert type_in(["requests", "prod/churn", "--id", key]) == 0
    assert pd.read_csv(io.StringIO(capsys.readouterr().out))["truth"].tolist() == ["yes", "no"]
    assert type_in(["requests", "prod/churn", "--id", key, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][1]["truth"] == "no"
    frame = pd.DataFrame({"who": ["nobody"], "left": ["yes"]})
    told = nd.label("prod/churn", frame, id="who", truth="left")
    assert (bool(told), told.answer.first[0].id) == (False, "nobody")
    with pytest.raises(NotFound, match="column 'gone'"):
        nd.label("prod/churn", frame, id="who", truth="gone")


def test_an_endpoint_on_postgresql_goes_on_without_it_and_says_so(
    snapshots: Store, tmp_path: Path, postgresql_server: Server
) -> None:
    """Not one request fails; the log is whole again once the database is."""
    with postgresql_server.database() as url, run_endpoint(tmp_path / "endpoint", db=url) as place:
        place.target.push(snapshots, snapshots.resolve("churn:1"))
        rows = records(churn_rows(1))
        first = ask(place, "churn", rows)
        assert place.target.requests("churn").frame["id"].to_list() == [first]
        assert not list(place.home.glob("nbdeploy.db*"))
        postgresql_server.kill()
        try:
            second = ask(place, "churn", rows)
            with pytest.raises(RemoteError, match=r"prediction log's database .* does not answer"):
                _until(lambda: place.target.requests("churn").frame.height > 9)
            (told,) = place.target.status().notices
            assert "rows wait in memory, and predictions go on" in told
            assert "s3cret" not in told
            assert "nbdeploy_log_up 0.0" in place.ask("GET", "/metrics").text
            third = ask(place, "churn", rows)
        finally:
            postgresql_server.start()
        _until(lambda: place.target.status().log.ok)  # type: ignore[union-attr]
        assert place.target.requests("churn").frame["id"].to_list() == [third, second, first]
        assert place.target.feedback("churn", [Truth(first, "yes")]).matched == 1


def test_a_killed_endpoint_loses_a_second_at_most(snapshots: Store, home: Path) -> None:
    """Every prediction that was answered a second before ``kill -9`` is in its log."""
    settings = Settings.load()
    endpoint = background.start(settings.endpoint_home, settings)
    try:
        connection = Connections(settings.home).get("local")
        connect(connection).push(snapshots, snapshots.resolve("churn:1"))
        headers = {"Authorization": f"Bearer {connection.token}"}
        answered: dict[str, float] = {}
        with requests.Session() as session:
            end = time.monotonic() + 2.5
            while time.monotonic() < end:
                answer = session.post(
                    f"{endpoint.url}/models/churn/predict", json=[{"age": 1.0, "balance": 2.0}], headers=headers
                )
                answered[answer.headers[routes.HEADER_PREDICTION]] = time.monotonic()
        os.kill(endpoint.pid, signal.SIGKILL)
        killed = time.monotonic()
    finally:
        background.stop(settings.endpoint_home)
    with Database(f"sqlite:///{settings.endpoint_home}/nbdeploy.db") as database, database.reading() as session:
        logged = {row.id for row in session.query(PredictionRow)}
    old = {key for key, moment in answered.items() if moment < killed - 1.0}
    assert old
    assert old <= logged


def test_options_of_the_log_are_held_to_what_is_possible(tmp_path: Path) -> None:
    """A share is one, and an address that can be none starts no server; its password goes by no command line."""
    with pytest.raises(Exception, match="a share from 0 to 1"):
        nd.serve(port=0, log_share=3.0)
    with pytest.raises(WrongUsage, match="not a SQLAlchemy URL"):
        nd.serve(port=0, db="nonsense")


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def shell_of(shell: Any) -> Callable[[str], dict[str, Any]]:
    """Run a cell in a real shell, and return its names."""

    def run(cell: str) -> dict[str, Any]:
        shell.run_line_magic("load_ext", "nbdeploy")
        done = shell.run_cell(cell)
        done.raise_error()
        names: dict[str, Any] = shell.user_ns
        return names

    return run

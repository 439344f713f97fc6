"""The commands over the real functions, as a shell runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import requests
from sklearn.linear_model import LinearRegression

from nbdeploy import api
from nbdeploy.commands.shell import run
from nbdeploy.connections import Connections
from nbdeploy.settings import Settings

ROWS = pd.DataFrame({"id": [7, 8, 9], "x": [1.0, 2.0, 3.0]})


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one model that doubles its input."""
    home = tmp_path_factory.mktemp("shared")
    settings = Settings.load(home, {"NBDEPLOY_HOME": str(home)})
    model = LinearRegression().fit(ROWS[["x"]], 2 * ROWS["x"])
    api.snapshot(model, "double", data=ROWS[["x"]], settings=settings)
    return home / "store"


@pytest.fixture
def store(shared_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store, in use, and the rows beside us."""
    monkeypatch.setenv("NBDEPLOY_STORE", str(shared_store))
    ROWS.to_csv("rows.csv", index=False)
    return shared_store


class Shell:
    """Runs command lines."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def __call__(self, *words: str, status: int = 0) -> str:
        got = run(words)
        out, self.err = self._capsys.readouterr()
        assert got == status, self.err
        return out

    def document(self, *words: str, status: int = 0) -> Any:
        return json.loads(self(*words, "--json", status=status))


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.mark.usefixtures("store")
def test_predictions_go_out_as_csv(shell: Shell) -> None:
    """Ids are kept, and the message stays out of the way."""
    lines = shell("predict", "double", "rows.csv").splitlines()
    assert lines[0] == "id,prediction"
    assert [line.partition(",")[0] for line in lines[1:]] == ["7", "8", "9"]
    assert "3 rows predicted by double" in shell.err


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("out", [(), ("--out", "out.parquet")])
def test_predict_has_one_document(shell: Shell, out: tuple[str, ...]) -> None:
    """With a file and without, the same keys."""
    got = shell.document("predict", "double:1", "rows.csv", *out)
    assert {"snapshot", "digest", "input", "output", "rows", "rejected", "seconds"} <= set(got)
    assert (got["snapshot"], got["rows"], got["input"]) == ("double:1", 3, "rows.csv")
    assert got["output"] == (out[1] if out else None)


@pytest.mark.usefixtures("store")
def test_columns_are_kept_and_renamed_as_asked(shell: Shell) -> None:
    """Options reach the function, repeated ones too."""
    shell("predict", "double", "rows.csv", "--out", "o.csv", "--keep", "key", "--keep", "x", "--rename", "key=id")
    assert list(pd.read_csv("o.csv")) == ["key", "x", "prediction"]


@pytest.mark.usefixtures("store")
def test_the_store_is_listed_and_shown(shell: Shell) -> None:
    """Documents have the keys of the contract."""
    (row,) = shell.document("list")
    keys = {"name", "version", "digest", "created", "flavor", "aliases", "metrics", "bytes", "runs_code"}
    assert keys <= set(row)
    shown = shell.document("show", f"double@{row['digest'][:19]}")
    assert keys | {"signature", "environment", "lineage", "rehearsal", "twin"} <= set(shown)


@pytest.mark.usefixtures("store")
def test_an_alias_is_set_and_taken_away(shell: Shell) -> None:
    """Both ways of writing `alias` work."""
    assert shell.document("alias", "double:1", "champion")["version"] == 1
    assert shell.document("show", "double@champion")["aliases"] == ["champion"]
    shell("alias", "rm", "double@champion")
    assert "no alias" in shell.document("show", "double@champion", status=1)["error"]


@pytest.mark.usefixtures("store")
def test_a_bundle_travels(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was exported here is the same snapshot in another store."""
    here = shell.document("export", "double", "--out", "double.zip")
    monkeypatch.setenv("NBDEPLOY_STORE", str(Path("other").absolute()))
    assert shell.document("import", "double.zip")["digest"] == here["digest"]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("show", "treble"), 1, "no snapshot 'treble'; did you mean double?"),
        (("show", "../x"), 1, "is not allowed"),
        (("predict", "double", "none.csv"), 1, "none.csv"),
        (("call", "local"), 2, "write TARGET/DEPLOYMENT"),
        (("push", "double", "--to", "prod"), 1, "no target 'prod'"),
        (("target", "add", "prod", "ftp://x"), 1, "http"),
        (("logs", "x"), 1, "no run 'x'"),
    ],
)
def test_mistakes_say_what_to_do(shell: Shell, words: tuple[str, ...], status: int, message: str) -> None:
    """One line on standard error, and the status that tells the kind."""
    assert shell(*words, status=status) == ""
    assert message in shell.err
    assert "Traceback" not in shell.err


def test_settings_and_overview(shell: Shell, home: Path) -> None:
    """Each setting with its source; the bare command is the overview."""
    assert {entry["name"]: entry["value"] for entry in shell.document("config")}["home"] == str(home)
    assert shell.document() == {"snapshots": [], "targets": [], "running": []}


def test_targets_are_kept(shell: Shell) -> None:
    """Added, listed, found not to answer, and forgotten."""
    shell("target", "add", "prod", "http://127.0.0.1:9/", "--token-env", "PROD_TOKEN")
    (row,) = shell.document("target", "list")
    assert (row["name"], row["url"]) == ("prod", "http://127.0.0.1:9")
    shell("target", "check", "prod", status=3)
    shell("target", "rm", "prod")
    assert shell.document("target", "list") == []


def test_tokens_are_made_and_revoked(shell: Shell) -> None:
    """The secret is shown once."""
    assert "nbd_" in json.dumps(shell.document("token", "create", "app", "--scope", "predict"))
    assert "nbd_" not in shell("token", "list")
    shell("token", "revoke", "app")
    assert (
        "'predict', 'read', 'deploy', 'admin'"
        in shell.document("token", "create", "x", "--scope", "all", status=2)["error"]
    )


def _notebook(path: str, source: str) -> None:
    kernel = {"name": "python3", "display_name": "Python 3"}
    cells = [
        nbformat.v4.new_code_cell("n = 1\nmonth: str = '2026-01'", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(source),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


def test_a_notebook_runs_with_typed_parameters(shell: Shell) -> None:
    """Words are read by the parameters' types; the run is listed, with its log."""
    _notebook("work.ipynb", "print('n', n + 1, month + '!')")
    assert [one["name"] for one in shell.document("parameters", "work.ipynb")] == ["n", "month"]
    done = shell.document("run", "work.ipynb", "out.ipynb", "-p", "n", "5", "-p", "month", "202609")
    assert {"id", "notebook", "status", "output", "seconds", "error"} <= set(done)
    assert [one["id"] for one in shell.document("runs")] == [done["id"]]
    assert "n 6 202609!" in shell("logs", done["id"])
    assert Path("out.ipynb").exists()


def test_a_failed_run_is_a_document_and_a_failure(shell: Shell) -> None:
    """A script learns what failed, and where."""
    _notebook("bad.ipynb", "1 / 0")
    failed = shell.document("run", "bad.ipynb", status=1)
    assert failed["status"] == "failed"
    assert "ZeroDivisionError" in json.dumps(failed["error"])
    assert "ZeroDivisionError" in shell.err


@pytest.mark.usefixtures("store")
def test_the_way_to_an_endpoint(shell: Shell) -> None:
    """Push starts `local`; it answers, is seen, is emptied and stopped."""
    try:
        pushed = shell.document("push", "double")
        assert {"target", "deployment", "snapshot", "digest", "uploaded_bytes", "state", "serving"} <= set(pushed)
        called = shell.document("call", "local/double", "rows.csv")
        assert {"version", "digest", "columns", "rows"} <= set(called)
        assert len(shell("call", "local/double", "rows.csv").splitlines()) == 4
        (status,) = shell.document("status", "local/double")
        assert [one["name"] for one in status["deployments"]] == ["double"]
        assert status["usage"]["double:1"]["memory"] > 2**20
        assert re.search(r"local/double +double:1 .* \d+ MiB +\d+\.\d s", shell("status", "local"))
        assert shell.document("show", "local/double")["version"] == 1
        shell("undeploy", "local/double")
        shell("status", "local/double", status=1)
    finally:
        shell("serve", "--stop")


def test_an_endpoint_in_the_foreground_ends_with_ctrl_c() -> None:
    """It says where it serves as soon as it does, and leaves quietly."""
    words = [sys.executable, "-m", "nbdeploy", "serve", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stderr is not None
            assert "the endpoint serves at http://127.0.0.1:" in process.stderr.readline()
            assert "stop it with Ctrl-C" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (out, err) == ("", "")
    assert process.returncode in {0, 130}


def test_options_of_serve_reach_the_endpoint() -> None:
    """Sizes, spans and rates as they are typed; its log is JSON, and each request is in it."""
    given = "--open-metrics --body-limit 1KiB --blob-limit 2MB --pending-limit 1GiB --row-limit 7 --concurrency 9"
    more = "--timeout 5s --patience 2s --rate 50/s --cors https://app.team --root-path /team --log-format json"
    words = [sys.executable, "-m", "nbdeploy", "serve", "--port", "0", "--access-log", *given.split(), *more.split()]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            url = re.findall(r"http://[\d.:]+", line)[0]
            token = Connections(Settings.load().home).get("local").token
            headers = {"Authorization": f"Bearer {token}", "Origin": "https://app.team"}
            assert requests.get(f"{url}/team/metrics", timeout=30).status_code == 200
            large = requests.put(f"{url}/api/deployments/x", data=b" " * 1025, headers=headers, timeout=30)
            assert (large.status_code, "1024 bytes" in large.text) == (413, True)
            assert large.headers["access-control-allow-origin"] == "https://app.team"
            process.send_signal(signal.SIGINT)
            lines = [json.loads(line) for line in process.communicate(timeout=60)[1].splitlines()]
        finally:
            process.kill()
    seen = [(line["route"], line["status"]) for line in lines if line["logger"] == "nbdeploy.access"]
    assert seen == [("/metrics", 200), ("/api/deployments/{m}", 413)]


@pytest.mark.parametrize(
    ("option", "value", "status", "told"),
    [
        ("--rate", "fast", 1, "100/s"),
        ("--cors", "app.team/x", 1, "https://app.team"),
        ("--body-limit", "big", 2, "64MiB"),
    ],
)
def test_options_of_serve_that_are_not_understood_start_nothing(
    shell: Shell, option: str, value: str, status: int, told: str
) -> None:
    """The message shows how they are written."""
    assert told in shell.document("serve", "--port", "0", option, value, status=status)["error"]

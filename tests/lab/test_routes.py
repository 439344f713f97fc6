"""The panel's routes on a real Jupyter server."""

from __future__ import annotations

import socket
import threading

import pytest
import requests

from nbdeploy.connections import Connection, Connections
from tests.lab.asking import ended, write_notebook
from tests.lab.server import JupyterProcess


@pytest.mark.parametrize("route", ["snapshots", "runs", "targets", "parameters"])
def test_without_the_token_nothing_is_told(jupyter: JupyterProcess, route: str) -> None:
    """Every route asks who is there."""
    answer = requests.get(f"{jupyter.url}nbdeploy/api/{route}", timeout=10)
    assert answer.status_code == 403


def test_an_empty_home_has_no_snapshots_and_no_runs(jupyter: JupyterProcess) -> None:
    """The first look at the panel is empty, not an error."""
    assert jupyter.request("GET", "nbdeploy/api/snapshots").json() == []
    assert isinstance(jupyter.request("GET", "nbdeploy/api/targets").json(), list)


def test_parameters_are_those_of_the_notebook_below_the_root(jupyter: JupyterProcess) -> None:
    """The path is the one that the file browser shows."""
    write_notebook(jupyter.root / "a" / "n.ipynb", "limit: int = 3  # how many")
    [found] = jupyter.request("GET", "nbdeploy/api/parameters", params={"notebook": "a/n.ipynb"}).json()
    assert (found["name"], found["type"], found["default"], found["help"]) == ("limit", "int", 3, "how many")


@pytest.mark.parametrize("path", ["../home/n.ipynb", "a/../../n.ipynb", "/../n.ipynb", ".."])
def test_a_path_that_leaves_the_root_is_refused(jupyter: JupyterProcess, path: str) -> None:
    """Nothing outside the server's folder can be named."""
    answer = jupyter.request("GET", "nbdeploy/api/parameters", params={"notebook": path})
    assert answer.status_code == 400
    assert "not below the server's root folder" in answer.json()["error"]


def test_a_run_reads_texts_by_the_declared_types_and_its_output_opens(jupyter: JupyterProcess) -> None:
    """A form gives texts; the notebook gets the number it declares."""
    write_notebook(jupyter.root / "a" / "run.ipynb", "limit: int = 3", "assert limit + 1 == 42")
    order = {"notebook": "a/run.ipynb", "parameters": {"limit": "41"}, "output": "done.ipynb"}
    begun = jupyter.request("POST", "nbdeploy/api/runs", json=order).json()
    run = ended(jupyter, begun["id"])
    assert (run["status"], run["opens"]) == ("succeeded", "a/done.ipynb")


def test_a_value_of_the_wrong_type_is_refused_before_anything_runs(jupyter: JupyterProcess) -> None:
    """The message names the parameter and what it is declared as."""
    write_notebook(jupyter.root / "b" / "n.ipynb", "limit: int = 3")
    before = jupyter.request("GET", "nbdeploy/api/runs").json()
    answer = jupyter.request(
        "POST", "nbdeploy/api/runs", json={"notebook": "b/n.ipynb", "parameters": {"limit": "many"}}
    )
    assert answer.status_code == 400
    assert "limit: int = 3" in answer.json()["error"]
    assert jupyter.request("GET", "nbdeploy/api/runs").json() == before


@pytest.mark.parametrize(
    "body", [b"no JSON", b"[]", b'{"notebook": 1}', b'{"notebook": "n.ipynb", "more": 1}', b"\xff"]
)
def test_a_body_that_is_not_understood_is_refused(jupyter: JupyterProcess, body: bytes) -> None:
    """Wrong requests never become server errors."""
    answer = jupyter.request("POST", "nbdeploy/api/runs", data=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("the request is not understood")


def test_a_refused_push_says_why_in_one_line(jupyter: JupyterProcess) -> None:
    """The panel shows the same sentence as the commands."""
    answer = jupyter.request("POST", "nbdeploy/api/push", json={"ref": "nobody:3"})
    assert answer.status_code == 404
    assert "nobody" in answer.json()["error"]


def test_the_settings_are_those_of_the_notebooks_folder(jupyter: JupyterProcess) -> None:
    """A project's nbdeploy.toml is in force for its notebooks, as it is in their kernels."""
    write_notebook(jupyter.root / "c" / "n.ipynb", "")
    (jupyter.root / "c" / "nbdeploy.toml").write_text("wrong = 1")
    answer = jupyter.request("GET", "nbdeploy/api/snapshots", params={"notebook": "c/n.ipynb"})
    assert answer.status_code == 400
    assert "nbdeploy.toml has unknown settings: wrong" in answer.json()["error"]


def test_a_target_that_hangs_holds_up_nothing_else(jupyter: JupyterProcess) -> None:
    """Waiting is done off the server's event loop."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        Connections(jupyter.home).add(Connection("slow", f"http://127.0.0.1:{silent.getsockname()[1]}"))
        waiting = threading.Thread(target=jupyter.request, args=("GET", "nbdeploy/api/targets"))
        waiting.start()
        held, _ = silent.accept()
        assert jupyter.request("GET", "nbdeploy/api/snapshots").ok
        assert waiting.is_alive()
        Connections(jupyter.home).remove("slow")
        held.close()
    waiting.join(30)
    assert not waiting.is_alive()

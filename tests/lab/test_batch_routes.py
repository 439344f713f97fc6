"""The panel's routes of runs and schedules on a real Jupyter server."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.lab.asking import ended, write_notebook
from tests.lab.server import JupyterProcess

PARAMETERS = "where: str = 'Leon'\nlimit: int = 3"
WORK = """
import time
from pathlib import Path
import nbdeploy as nd

print(f"π of {where}", flush=True)
while not Path("go").exists():
    time.sleep(0.05)
print("over", flush=True)
Path("scores.html").write_text("<h1>scores</h1>")
nd.output("scores.html", metrics={"auc": 0.87})
"""


def get(jupyter: JupyterProcess, route: str, **query: str) -> Any:
    return jupyter.request("GET", f"nbdeploy/api/{route}", params=query).json()


def post(jupyter: JupyterProcess, route: str, **order: Any) -> requests.Response:
    return jupyter.request("POST", f"nbdeploy/api/{route}", json=order)


def until(jupyter: JupyterProcess, run: str, text: str, position: int = 0) -> dict[str, Any]:
    """Read on until the log says something."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        part: dict[str, Any] = get(jupyter, "runs/log", run=run, position=str(position))
        if text in part["text"]:
            return part
        time.sleep(0.1)
    raise AssertionError(f"the log does not say {text!r}: {part}")


@pytest.mark.parametrize("route", ["runs/log", "runs/output", "runs/report", "schedules", "schedules/preview"])
def test_without_the_token_nothing_is_told(jupyter: JupyterProcess, route: str) -> None:
    """Every route asks who is there."""
    assert requests.get(f"{jupyter.url}nbdeploy/api/{route}", timeout=10).status_code == 403


def test_a_run_is_followed_and_what_it_published_opens(jupyter: JupyterProcess) -> None:
    """Only what is new of the log is sent; outputs and report are shown without a part in the session."""
    write_notebook(jupyter.root / "d" / "work.ipynb", PARAMETERS, WORK)
    run = post(jupyter, "runs", notebook="d/work.ipynb", parameters={"where": "Cádiz"}).json()["id"]
    first = until(jupyter, run, "π of Cádiz")
    assert not first["final"]
    (jupyter.root / "d" / "go").touch()
    after = until(jupyter, run, "over", first["end"])
    assert (after["begin"], "π" in after["text"]) == (first["end"], False)
    found = ended(jupyter, run)
    assert (found["metrics"], found["links"], found["reports"]) == ({"auc": 0.87}, {"scores": None}, True)
    last = get(jupyter, "runs/log", run=run, position="0")
    assert (last["final"], last["begin"], len(last["text"].encode())) == (True, 0, last["end"])
    shown = jupyter.request("GET", "nbdeploy/api/runs/output", params={"run": run, "name": "scores"})
    assert (shown.text, shown.headers["Content-Type"]) == ("<h1>scores</h1>", "text/html; charset=utf-8")
    assert shown.headers["Content-Security-Policy"] == "sandbox allow-scripts"
    report = jupyter.request("GET", "nbdeploy/api/runs/report", params={"run": run})
    assert (report.status_code, "π of Cádiz" in report.text) == (200, True)
    nothing = jupyter.request("GET", "nbdeploy/api/runs/output", params={"run": run, "name": "../log.txt"})
    assert (nothing.status_code, "scores" in nothing.json()["error"]) == (404, True)
    for position in ("-1", "many"):
        assert jupyter.request("GET", f"nbdeploy/api/runs/log?run={run}&position={position}").status_code == 400


def test_a_run_is_stopped_as_asked_and_gone_on_with(jupyter: JupyterProcess) -> None:
    """What is stopped can be resumed; what has succeeded cannot."""
    write_notebook(jupyter.root / "e" / "work.ipynb", PARAMETERS, WORK)
    run = post(jupyter, "runs", notebook="e/work.ipynb").json()["id"]
    until(jupyter, run, "π")
    assert post(jupyter, "runs/stop", run=run, ends_as="green").status_code == 400
    assert post(jupyter, "runs/stop", run=run, ends_as="failed").json()["status"] == "failed"
    (jupyter.root / "e" / "go").touch()
    again = post(jupyter, "runs/resume", run=run).json()["id"]
    assert ended(jupyter, again)["status"] == "succeeded"
    assert "has succeeded" in post(jupyter, "runs/resume", run=again).json()["error"]


def test_a_schedule_is_previewed_added_changed_and_removed(jupyter: JupyterProcess) -> None:
    """Its notebook's folder is where its relative paths are meant, and its settings are in force."""
    write_notebook(jupyter.root / "f" / "nightly.ipynb", PARAMETERS, "print(where)")
    preview = get(jupyter, "schedules/preview", cron="0 6 * * 1", timezone="Europe/Madrid")
    first = datetime.fromisoformat(preview["next"][0])
    assert (first.weekday(), first.hour, len(preview["next"])) == (0, 6, 10)
    assert preview["words"]["ds"] == f"{first:%Y-%m-%d}"
    order = {
        "name": "nightly",
        "notebook": "f/nightly.ipynb",
        "cron": "0 6 * * 1",
        "timezone": "Europe/Madrid",
        "missed": "skip",
        "parameters": {"where": "{{ month }}", "limit": "5"},
        "output": "out-{{ ds }}.ipynb",
    }
    added = post(jupyter, "schedules", **order).json()
    assert (added["next"], added["missed"]) == (preview["next"], "skip")
    assert added["runs"] == "nightly.ipynb where={{ month }} limit=5"
    assert Path(added["job"]["at"]["cwd"]) == jupyter.root / "f"
    assert post(jupyter, "schedules", **order).status_code == 409
    assert post(jupyter, "schedules/pause", name="nightly").json()["next"] == []
    assert post(jupyter, "schedules/resume", name="nightly").json()["next"] == preview["next"]
    run = post(jupyter, "schedules/trigger", name="nightly").json()["run"]["id"]
    done = ended(jupyter, run)
    assert (done["status"], done["schedule"], done["parameters"]["limit"]) == ("succeeded", "nightly", 5)
    assert done["opens"] == f"f/out-{datetime.now(first.tzinfo):%Y-%m-%d}.ipynb"
    [listed] = get(jupyter, "schedules")
    assert (listed["last"]["run"]["status"], listed["name"]) == ("succeeded", "nightly")
    assert post(jupyter, "schedules/remove", name="nightly").status_code == 200
    assert get(jupyter, "schedules") == []


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"cron": "61 * * * *"}, 400, "minute"),
        ({"timezone": "Europe/Atlantis"}, 404, "time zone 'Europe/Atlantis'"),
        ({"missed": "perhaps"}, 400, "perhaps"),
        ({"parameters": {"limit": "many"}}, 400, "limit"),
        ({"parameters": {"where": "{{ moon }}"}}, 400, "{{ moon }} is no word"),
        ({"output": "../../out.ipynb"}, 400, "not below the server's root folder"),
        ({"name": "../n"}, 400, "is not allowed"),
    ],
)
def test_a_wrong_schedule_is_refused_and_not_kept(
    jupyter: JupyterProcess, wrong: dict[str, Any], status: int, said: str
) -> None:
    """With the sentence of the command."""
    write_notebook(jupyter.root / "f" / "wrong.ipynb", PARAMETERS, "print(where)")
    order = {"name": "wrong", "notebook": "f/wrong.ipynb", "cron": "0 6 * * 1", **wrong}
    answer = post(jupyter, "schedules", **order)
    assert (answer.status_code, said in answer.json()["error"]) == (status, True), answer.text
    assert "wrong" not in [each["name"] for each in get(jupyter, "schedules")]

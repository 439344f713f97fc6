"""Runs that tell how they ended: of a notebook, of a schedule, and of processes that could say nothing."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbdeploy as nd
from nbdeploy.batch.ledger import Ledger
from nbdeploy.errors import NotFound, RunFailed
from nbdeploy.settings import Settings
from tests.batch.notifying.conftest import Hook, posting


def log_of(run: Any) -> str:
    return (Path(run.folder) / "log.txt").read_text()


def until(found: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return result


def test_a_failed_run_tells_whom_it_was_asked_to(
    notebook: Any, hook: Hook, table: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A webhook by the settings, an e-mail by an option; what cannot be told stands in the log and nowhere else."""
    notebook(Path("a.ipynb"), "1 / n", parameters="n: int = 0")
    monkeypatch.setenv("OPS_URL", hook.url)
    table(
        '[notify.ops]\nurl = "env:OPS_URL"\non = ["failure"]\n'
        '[notify.gone]\nurl = "env:NOWHERE"\non = ["always"]\n'
        '[notify.glad]\nurl = "env:OPS_URL"\non = ["success"]\n'
    )
    with posting() as mail:
        monkeypatch.setenv("NBDEPLOY_SMTP", f"smtp://{mail.server}")
        with pytest.raises(RunFailed) as failed:
            nd.run("a.ipynb", notify=["me@example.org"])
    run: Any = failed.value.run
    ((headers, body),) = hook.got
    told = json.loads(body)
    assert (told["event"], told["run"]["id"], told["run"]["error"]["name"]) == ("failure", run.id, "ZeroDivisionError")
    assert headers["Nbdeploy-Delivery"] == f"{run.id}-failure"
    assert mail.got[0]["Subject"] == "a.ipynb failed"
    log = log_of(run)
    assert "— told ops of failure\n" in log
    assert "— told e-mail to me@example.org of failure\n" in log
    why = "its url is to come from the environment variable NOWHERE, which is not set"
    assert f"— could not tell gone of failure: {why}\n" in log
    assert "glad" not in log
    kept = "".join(path.read_text() for path in Path(run.folder).iterdir() if path.is_file())
    assert hook.url not in kept
    assert nd.run("a.ipynb", {"n": 1}).status == "succeeded"
    assert json.loads(hook.got[-1][1])["event"] == "success"
    assert len(hook.got) == 2
    count = len(nd.runs().items)
    with pytest.raises(NotFound, match="did you mean ops"):
        nd.run("a.ipynb", notify=["opz"])
    assert len(nd.runs().items) == count


def test_a_run_that_is_killed_is_told_as_lost(notebook: Any, hook: Hook) -> None:
    """By whoever finds out, once, with the reason."""
    notebook(Path("b.ipynb"), "import time; time.sleep(120)")
    begun = nd.run("b.ipynb", wait=False, notify=[f"{hook.url}:lost"])
    with Ledger(Settings.load().db) as ledger:
        until(lambda: ledger.get(begun.id).status == "running")
        until(lambda: ledger.get(begun.id).progress)
        os.kill(ledger.worker(begun.id).pid, signal.SIGKILL)
        until(lambda: ledger.get(begun.id).status == "lost")
    until(lambda: "— told" in log_of(begun))
    for _ in range(3):
        nd.runs()
    ((_, body),) = hook.got
    told = json.loads(body)
    assert (told["event"], told["run"]["status"]) == ("lost", "lost")
    assert "killed by signal 9" in told["run"]["error"]["message"]


def test_a_schedule_tells_of_its_predictions(stock: Path, hook: Hook, table: Callable[[str], None]) -> None:
    """Its places are kept with it."""
    added = nd.schedule_add(
        "weekly", predict=("lr", "not there.csv"), out="scored/", cron="0 6 * * 1", notify=[f"{hook.url}:always"]
    )
    assert added.schedule.job.notify == [f"{hook.url}:always"]
    nd.schedule_trigger("weekly")
    until(lambda: hook.got)
    told = json.loads(hook.got[0][1])
    assert (told["event"], told["run"]["schedule"], told["run"]["notebook"]) == ("failure", "weekly", None)
    with pytest.raises(NotFound, match="give an https:// address"):
        nd.schedule_add("b", predict=("lr", "x.csv"), out="scored/", cron="0 6 * * 1", notify=["nobody"])

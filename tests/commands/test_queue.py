"""The commands of the queue, in a shell and in a notebook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import nbdeploy as nd
from nbdeploy.commands.shell import run
from nbdeploy.magics import load
from nbdeploy.settings import Settings
from tests.batch.conftest import write_notebook
from tests.batch.waiting import ended

WAIT = "from pathlib import Path\nimport time\nprint('begun')\nwhile not Path('go').exists(): time.sleep(0.05)"


def document(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    """What a command answers as JSON."""
    capsys.readouterr()
    assert run([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_queue_in_a_shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Queue and return; see what waits for what; follow a log; stop what is not wanted any more."""
    monkeypatch.setenv("NBDEPLOY_RUNS_AT_ONCE", "1")
    write_notebook(Path("first.ipynb"), WAIT)
    write_notebook(Path("next.ipynb"), "1")
    first = document(capsys, "run", "first.ipynb", "--no-wait")["id"]
    after, turn = (document(capsys, "run", "next.ipynb", "--no-wait", *more)["id"] for more in (["--after", first], []))
    waiting = {each["id"]: each for each in document(capsys, "runs", "--status", "queued")}
    assert waiting[after]["waits"] == f"run {first}"
    assert waiting[turn]["waits"] == "its turn: 1 run at once on this machine"
    assert [each["id"] for each in document(capsys, "runs", "--limit", "1")] == [turn]
    assert run(["runs"]) == 0
    assert f"waits for run {first}" in capsys.readouterr().out
    stopped = document(capsys, "stop", turn, "--as", "failed")
    assert (stopped["status"], stopped["error"]["name"]) == ("failed", "Stopped")
    Path("go").touch()
    assert run(["logs", first, "--follow"]) == 0
    assert "begun" in capsys.readouterr().out
    assert ended(Settings.load(), nd.runs()[1]).status == "succeeded"
    assert run(["run", "next.ipynb", "--after", "none"]) == 1
    assert "no run 'none'" in capsys.readouterr().err
    assert run(["runs", "--status", "dead"]) == 2


def test_a_queue_in_a_notebook(shell: InteractiveShell) -> None:
    """A run that is queued is an object; other commands take it."""
    write_notebook(Path("first.ipynb"), WAIT)
    load(shell)
    first = shell.run_line_magic("deploy", "run first.ipynb --no-wait")
    shell.user_ns["first"] = first
    follower = shell.run_line_magic("deploy", "run first.ipynb --no-wait --after $first")
    assert follower.after == (first.id,)
    stopped = shell.run_line_magic("deploy", "stop $first")
    assert (stopped.id, stopped.status) == (first.id, "stopped")
    assert "was stopped" in ended(Settings.load(), follower).line

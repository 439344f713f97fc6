from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbdeploy.cards import Card, Result, Table
from nbdeploy.commands.answers import TableAnswer
from nbdeploy.commands.door import Door
from nbdeploy.commands.shell import run
from nbdeploy.commands.syntax import Group, argument, command, group, option, pass_door
from nbdeploy.errors import Conflict, RunFailed, WrongUsage
from nbdeploy.types import Progress


@dataclass
class Answer(Result):
    ok: bool = True
    failed: bool = False

    @property
    def line(self) -> str:
        return "found 2 rows; next: more"

    def card(self) -> Card:
        return Card("rows", table=Table(("a", "b"), [(1, "x")]), next="more")

    def document(self) -> dict[str, Any]:
        return {"rows": np.int64(2), "score": float("nan"), "name": "Zoë"}


class Rows(TableAnswer):
    line = "1 row"

    def document(self) -> list[dict[str, Any]]:
        return self.records()


@pytest.fixture
def tree() -> Group:
    @group("root", invoke_without_command=True)
    def root() -> None:
        """Commands of the tests."""

    answers: dict[str, Any] = {
        "answer": lambda: Answer(),
        "doubt": lambda: Answer(ok=False),
        "partly": lambda: Answer(ok=False, failed=True),
        "nothing": lambda: None,
        "pandas": lambda: Rows(pd.DataFrame({"a": [1]})),
        "polars": lambda: Rows(pl.DataFrame({"a": [1]})),
        "conflict": lambda: _raise(Conflict("it is there already")),
        "usage": lambda: _raise(WrongUsage("not like this")),
        "failed-run": lambda: _raise(RunFailed("cell 3 failed", run=Answer())),
        "defect": lambda: 1 // 0,
        "interrupt": lambda: _raise(KeyboardInterrupt("nothing was stored")),
        "pipe": lambda: _raise(BrokenPipeError()),
    }
    for name, answer in answers.items():
        root.add_command(command(name)(answer))

    @command("long")
    @argument("count", type=int, help="How many.")
    @option("--fast", is_flag=True, help="Quickly.")
    @pass_door
    def long(door: Door, count: int, fast: bool) -> Answer:
        """Take a while."""
        door.report(Progress(count, count, "rows"))
        return Answer()

    root.add_command(long)
    return root


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["answer"], 0),
        (["nothing"], 0),
        (["--help"], 0),
        (["answer", "--help"], 0),
        (["long", "3", "--fast"], 0),
        (["conflict"], 1),
        (["failed-run"], 1),
        (["partly"], 1),
        (["defect"], 1),
        (["usage"], 2),
        (["answr"], 2),
        (["answer", "--nope"], 2),
        (["long"], 2),
        (["long", "many"], 2),
        (["doubt"], 3),
        (["interrupt"], 130),
    ],
)
def test_the_exit_status_tells_what_happened(tree: Group, words: list[str], status: int) -> None:
    """0 done, 1 refused or failed, 2 wrong usage, 3 a condition was false, 130 interrupted."""
    assert run(words, tree) == status


def test_the_card_goes_out_and_the_line_to_the_side(tree: Group, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output holds the answer; messages stay out of its way."""
    run(["answer"], tree)
    out, err = capsys.readouterr()
    assert out == "rows\n  a  b\n  1  x\n"
    assert err == "found 2 rows; next: more\n"


@pytest.mark.parametrize("words", [["answer", "--json"], ["--json", "answer"], ["doubt", "--json"]])
def test_json_is_one_document(tree: Group, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """It may be asked for anywhere on the line; NumPy's numbers are numbers, and NaN is null."""
    run(words, tree)
    assert json.loads(capsys.readouterr().out) == {"rows": 2, "score": None, "name": "Zoë"}


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_table_is_csv_or_its_document(tree: Group, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """A shell gets CSV without an index."""
    run([kind], tree)
    assert capsys.readouterr().out == "a\n1\n"
    run([kind, "--json"], tree)
    assert json.loads(capsys.readouterr().out) == [{"a": 1}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["conflict"], "nbdeploy: it is there already\n"),
        (["answr"], "nbdeploy: No such command 'answr'. Did you mean 'answer'?; see: nbdeploy --help\n"),
        (["long"], "nbdeploy: Missing argument 'COUNT'; see: nbdeploy long --help\n"),
        (["defect"], "nbdeploy: ZeroDivisionError: integer division or modulo by zero (a defect of nbdeploy? "),
        (["interrupt"], "nbdeploy: interrupted: nothing was stored"),
        (["pipe"], ""),
    ],
)
def test_errors_are_one_line(
    tree: Group, capfd: pytest.CaptureFixture[str], words: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback, nothing on standard output; an interrupt says what became of it."""
    monkeypatch.setattr("nbdeploy.commands.shell._forget_output", lambda: None)
    run(words, tree)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(message)
    assert len(err.splitlines()) == bool(message)


def test_debug_shows_the_traceback(tree: Group, capsys: pytest.CaptureFixture[str]) -> None:
    """Only for those who ask."""
    run(["conflict", "--debug"], tree)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "document"),
    [
        (["conflict", "--json"], {"error": "it is there already", "type": "Conflict"}),
        (["long", "many", "--json"], None),
        (["failed-run", "--json"], {"rows": 2, "score": None, "name": "Zoë"}),
    ],
)
def test_errors_are_documents_too(
    tree: Group, capsys: pytest.CaptureFixture[str], words: list[str], document: dict[str, Any] | None
) -> None:
    """A script that asked for JSON gets JSON, and the message still goes to standard error."""
    run(words, tree)
    out, err = capsys.readouterr()
    got = json.loads(out)
    assert document is None or got == document
    assert document is not None or got["type"] == "BadParameter"
    assert err.startswith("nbdeploy: ")


def _program(*words: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nbdeploy", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        **more,
    )


def test_the_program_runs() -> None:
    """``python -m nbdeploy`` is the console script."""
    with _program("--version") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("nbdeploy ")


def test_a_reader_who_leaves_is_no_error() -> None:
    """A broken pipe is quiet."""
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(
        [sys.executable, "-m", "nbdeploy", "--help"], stdout=writer, stderr=subprocess.PIPE, text=True
    ) as process:
        os.close(writer)
        _, err = process.communicate(timeout=60)
    assert err == ""
    assert process.returncode == 128 + signal.SIGPIPE


def test_a_shell_can_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """click's own completion script works for the console script."""
    more = {"_NBDEPLOY_COMPLETE": "bash_complete", "COMP_WORDS": "nbdeploy ex", "COMP_CWORD": "1"}
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    with _program() as process:
        out, err = process.communicate(timeout=60)
    assert (out.split(), err) == (["plain,export"], "")


def test_an_output_that_is_full_is_an_error_in_words() -> None:
    """Standard output on a full device: one line, exit status 1, no traceback."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "nbdeploy", "config", "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("could not be written to standard output: No space left on device")
    assert "Traceback" not in done.stderr

"""What commands are told of a run."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from nbdeploy.batch import Secret, Text, Variable
from nbdeploy.batch.parameters import WORDS
from nbdeploy.commands import cli
from nbdeploy.commands.orders import order_options, today
from nbdeploy.commands.syntax import command
from nbdeploy.errors import WrongUsage


def asked(*words: str) -> dict[str, Any]:
    """What a command with these options gets."""
    got: dict[str, Any] = {}

    @command("take")
    @order_options
    def take(**given: Any) -> None:
        got.update(given)

    result = CliRunner().invoke(take, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return got


def test_where_parameters_come_from() -> None:
    """Typed texts, raw texts, variables and secrets are told apart until the notebook's types are known."""
    got = asked("-p", "n", "7", "-r", "zip", "007", "--from-env", "month", "MONTH", "--secret", "token=env:TOKEN")
    assert got["parameters"] == {"n": "7", "month": Variable("MONTH"), "token": Secret("env:TOKEN")}
    assert isinstance(got["parameters"]["n"], Text)
    assert got["raw"] == {"zip": "007"}


def test_a_text_is_never_taken_for_a_source() -> None:
    """Only its own option makes something of ``env:``."""
    assert asked("-p", "a", "env:HOME", "-p", "b", "$HOME")["parameters"] == {"a": "env:HOME", "b": "$HOME"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "a", "1", "--secret", "a=env:A"], "'a' is given twice"),
        (["--from-env", "a", "A", "-p", "a", "1"], "'a' is given twice"),
        (["--secret", "hunter2"], "written as KEY=env:VARIABLE"),
        (["--secret", "token=hunter2"], "write env:VARIABLE or file:PATH"),
    ],
)
def test_refused(words: list[str], message: str) -> None:
    """What is ambiguous or no source is refused, without telling what may be a secret."""
    with pytest.raises(WrongUsage, match=message) as refused:
        asked(*words)
    assert "hunter2" not in str(refused.value)


def test_words_in_what_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words mean this moment, or the one that another program names; objects stay as they are."""
    monkeypatch.setenv("NBDEPLOY_DUE", "2026-10-01T03:00:00")
    given = {"month": Text("{{ previous_month }}"), "object": "{{ ds }}", "n": 1}
    assert today(given, raw={"day": "{{ ds }}"}, output="{{ ds_nodash }}.ipynb", files=(), kernel=None) == {
        "parameters": {"month": "2026-09", "object": "{{ ds }}", "n": 1},
        "raw": {"day": "2026-10-01"},
        "output": "20261001.ipynb",
        "files": [],
        "kernel": None,
    }
    with pytest.raises(WrongUsage, match="did you mean month"):
        today({"month": Text("{{ mnth }}")})


@pytest.mark.parametrize("path", [["run"], ["sweep"], ["schedule", "add"]])
def test_the_help_page_lists_every_word(path: list[str]) -> None:
    """What a parameter may hold is to be found where parameters are given."""
    page = CliRunner().invoke(cli, [*path, "--help"]).output
    assert [word for word in WORDS if f"{{{{ {word} }}}}" not in page] == []

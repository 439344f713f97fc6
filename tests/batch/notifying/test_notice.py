"""Whom to tell: what settings and ``--notify`` may say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nbdeploy.batch.notifying import NotTold, choose, place
from nbdeploy.errors import InvalidData, NbdeployError, NotFound, WrongUsage
from nbdeploy.settings import Settings

TABLES = """
[notify.ops]
url = "env:OPS_URL"
key = "env:OPS_KEY"
on = ["failure", "lost"]

[notify.team]
to = ["team@example.org"]
server = "smtp://robot@mail.example.org"
subject = "{{ subject }}: {{ error }}"
"""


@pytest.mark.parametrize(
    ("word", "name", "kind", "on"),
    [
        ("ops", "ops", "webhook", ["failure", "lost"]),
        ("ops:success", "ops", "webhook", ["success"]),
        ("team", "team", "email", ["failure", "lost"]),
        ("team:success,lost,stopped", "team", "email", ["success", "lost", "stopped"]),
        ("me@example.org:always", "e-mail to me@example.org", "email", ["always"]),
        ("https://chat.example.org/hooks/T0P", "webhook at chat.example.org", "webhook", ["failure", "lost"]),
        ("http://chat.example.org:8080/x:y:success", "webhook at chat.example.org", "webhook", ["success"]),
        ("http://chat.example.org:8080", "webhook at chat.example.org", "webhook", ["failure", "lost"]),
    ],
)
def test_places_and_events(word: str, name: str, kind: str, on: list[str], table: Callable[[str], None]) -> None:
    """A name, an address or a URL; without events it is told of what went wrong."""
    table(TABLES)
    found = place(word, Settings.load())
    assert (found.name, found.kind, found.on) == (name, kind, on)


def test_settings_tell_of_every_run(table: Callable[[str], None]) -> None:
    """Those with events; a run may say it differently, or want none of them."""
    table(TABLES)

    def told(*words: str) -> list[tuple[str, list[str]]]:
        return [(notice.name, notice.on) for notice in choose(words, Settings.load())]

    assert told() == [("ops", ["failure", "lost"])]
    assert told("team:success") == [("team", ["success"]), ("ops", ["failure", "lost"])]
    assert told("ops:always") == [("ops", ["always"])]
    assert told("none") == []
    assert told("none", "team") == [("team", ["failure", "lost"])]


@pytest.mark.parametrize(
    ("text", "word", "error", "message"),
    [
        ("", "opz", NotFound, r"place to notify 'opz'.*\[notify.opz\]|give an https:// address"),
        (TABLES, "opz", NotFound, "did you mean ops"),
        (TABLES, "team:succes", WrongUsage, "nobody is told of 'succes'; did you mean success"),
        (TABLES, "ftp://example.org/x", NotFound, "give an https:// address"),
        ("[notify.a]\nurl = 'https://u:pw@example.org/'", "a", InvalidData, "holds a password"),
        ("[notify.a]\nurl = 'https://'", "a", InvalidData, "begins with https:// and a host"),
        ("[notify.a]\nurl = 'https://example.org'\nkey = 'hunter2'", "a", InvalidData, 'key is a secret.*"env:NAME"'),
        ("[notify.a]\nto = 'x@y.org'\npassword = 'hunter2'", "a", InvalidData, "password is a secret"),
        (
            "[notify.a]\nto = 'x@y.org'\nserver = 'smtp://u:hunter2@y.org'",
            "a",
            InvalidData,
            "its password in the address",
        ),
        ("[notify.a]\nto = 'x@y.org'\nserver = 'y.org'", "a", InvalidData, "smtp://user@host:587"),
        ("[notify.a]\nto = ['x']", "a", InvalidData, "'x' is no e-mail address"),
        ("[notify.a]\nto = ['x@y.org\\nBcc: z@y.org']".replace("'", '"'), "a", InvalidData, "is no e-mail address"),
        ("[notify.a]\non = 'failure'", "a", InvalidData, "needs a receiver"),
        ("[notify.a]\nto = 'x@y.org'\nsever = 'y.org'", "a", InvalidData, "'sever'; did you mean server"),
        ("[notify.a]\nto = 'x@y.org'\non = ['fail']", "a", WrongUsage, "nobody is told of 'fail'"),
        ("[notify.a]\nto = 'x@y.org'\non = 3", "a", InvalidData, "on is a list of events"),
        ("[notify.a]\nkind = 'pigeon'", "a", NotFound, "notifier 'pigeon'"),
        ("[notify.a]\nto = 'x@y.org'\nbody = '{{ eror }}'", "a", WrongUsage, "{{ eror }}.*did you mean error"),
    ],
)
def test_what_could_not_be_told_is_refused_before_a_run(
    text: str, word: str, error: type[NbdeployError], message: str, table: Callable[[str], None]
) -> None:
    """With what was written, and what may be; no secret is in the message."""
    table(text)
    with pytest.raises(error, match=message) as refused:
        choose([word], Settings.load())
    assert "hunter2" not in str(refused.value)


def test_secrets_are_read_when_they_are_needed(table: Callable[[str], None]) -> None:
    """A variable that is not set is named."""
    table(TABLES)
    notice = place("ops", Settings.load())
    assert notice.values({"OPS_URL": "https://x/s3cret", "OPS_KEY": "k"})["url"] == "https://x/s3cret"
    assert notice.hidden({"OPS_URL": "https://x/s3cret"}) == ["https://x/s3cret"]
    with pytest.raises(NotTold, match="environment variable OPS_URL, which is not set"):
        notice.values({})
    assert Path("nbdeploy.toml").is_file()

"""Secrets: where they are read, and that they are shown nowhere."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.batch.parameters import Mask, Pieces, Secret, check_secrets, secrets_of
from nbdeploy.errors import WrongUsage

SECRETS = st.text(st.characters(codec="utf-8"), min_size=4, max_size=12)
SHORT = st.text("ab", min_size=4, max_size=6)
"""Of two letters, so that secrets overlap themselves, each other and the text around them."""


def test_where_secrets_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable's text as it is, a file's without its line end; other values are none."""
    monkeypatch.setenv("TOKEN", " hunter2\n")
    monkeypatch.chdir(tmp_path)
    Path("key").write_text("one\ntwo\n")
    secret = Secret("file:key")
    assert secret.source == f"file:{tmp_path}/key"
    found = secrets_of({"token": Secret("env:TOKEN"), "key": secret, "n": 1})
    assert found == {"token": " hunter2\n", "key": "one\ntwo"}


@pytest.mark.parametrize("source", ["hunter2", "env:", "vault:hunter2", ""])
def test_source_that_is_none(source: str) -> None:
    """Somebody who writes the secret itself does not read it again."""
    with pytest.raises(WrongUsage, match="write env:VARIABLE or file:PATH") as refused:
        Secret(source)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("env:NOWHERE", "in the variable NOWHERE, which is not set here"),
        ("file:/none", "in the file /none, which cannot be read: No such file"),
        ("env:PIN", "has 3 characters"),
    ],
)
def test_secret_that_is_not_there(monkeypatch: pytest.MonkeyPatch, source: str, message: str) -> None:
    """What cannot be read, or not be kept, is refused without telling it."""
    monkeypatch.setenv("PIN", "987")
    with pytest.raises(WrongUsage, match=message) as refused:
        check_secrets({"pin": Secret(source)})
    assert "987" not in str(refused.value)


@given(SECRETS, st.text(), st.text())
def test_no_form_of_a_secret_is_left(secret: str, before: str, after: str) -> None:
    """As it is, as Python, JSON, HTML and addresses write it, in a document and in colours."""
    mask = Mask([secret])
    whole = before + secret + after
    forms = [secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], html.escape(secret), quote(secret, safe="")]
    written = [whole, repr(whole), json.dumps(whole), html.escape(whole), quote(whole, safe="")]
    for form, text in zip(forms, written, strict=True):
        assert form not in mask.text(text).replace("[secret]", "\N{LOCK}")
    [(key, (first, _, (last,)))] = mask.document({whole: [whole, 1, (whole,)]}).items()
    assert not any(secret in text.replace("[secret]", "\N{LOCK}") for text in (key, first, last))


@given(st.text(st.characters(codec="utf-8"), min_size=9), st.text(max_size=5), st.text(max_size=5))
def test_base64_of_a_longer_text(secret: str, before: str, after: str) -> None:
    """The header of a login is no way out either."""
    coded = base64.b64encode(f"{before}{secret}{after}".encode(errors="replace")).decode()
    assert "[secret]" in Mask([secret]).text(f"Basic {coded}")


def test_colours_within_a_secret() -> None:
    """A traceback colours names: what is left without its colours has no secret."""
    assert Mask(["hunter2"]).text("KeyError: \x1b[31mhunter\x1b[0m2") == "KeyError: [secret]"
    assert Mask(["hunter2"]).text("\x1b[31mred\x1b[0m") == "\x1b[31mred\x1b[0m"


@given(st.lists(SHORT, min_size=1, max_size=3), st.lists(st.text("abc", max_size=8), max_size=8))
def test_secrets_in_pieces(secrets: list[str], texts: list[str]) -> None:
    """However a stream is cut, no secret is left in what is shown, and nothing else is lost or held forever."""
    mask = Mask(secrets)
    pieces = Pieces(mask)
    shown = "".join(pieces.add("stdout", text) for text in texts) + pieces.rest().get("stdout", "")
    assert shown == mask.text("".join(texts))
    assert pieces.rest() == {}


def test_pieces_of_two_streams() -> None:
    """What one stream says between two pieces of a secret in the other changes nothing."""
    pieces = Pieces(Mask(["hunter2"]))
    assert [pieces.add("stdout", "hun"), pieces.add("stderr", "…"), pieces.add("stdout", "ter2")] == [
        "",
        "…",
        "[secret]",
    ]


def test_no_secrets() -> None:
    """A run without secrets says what it says."""
    assert not Mask()
    assert Mask().text("a") == "a"
    assert Pieces(Mask()).add("stdout", "a") == "a"

"""What the commands of endpoints and tokens answer."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from nbdeploy.cards import Result
from nbdeploy.serving.guard.token_commands import create_token, list_tokens, revoke_token
from nbdeploy.serving.results import Endpoint, Stopped


def check(result: Result, *says: str) -> None:
    """One line, a card in both forms, and a JSON document."""
    assert "\n" not in result.line
    for text in says:
        assert text in result.line
    assert result.card().text()
    assert "<div" in result.card().html()
    json.dumps(result.document(), allow_nan=False)
    assert result


def test_an_endpoint_says_where_it_answers() -> None:
    """And how to push to it when it is not the usual one."""
    check(Endpoint("http://127.0.0.1:1", 7, "/home", "local"), "serves at http://127.0.0.1:1", "push NAME")
    check(Endpoint("http://127.0.0.1:1", 7, "/home", "local-1", started=False), "runs already", "--to local-1")


def test_stopping_says_what_stopped() -> None:
    """Or that there was nothing to stop."""
    check(Stopped("/home", "http://127.0.0.1:1", 7), "has stopped", "/home")
    check(Stopped("/home", None, None), "no endpoint ran on /home")


def test_a_new_token_is_shown_once(tmp_path: Path) -> None:
    """It is in the line, the card and the document of `create`, and in none of the others."""
    created = create_token(tmp_path, "crm", "predict", timedelta(days=1))
    check(created, created.secret, "shown only now")
    assert created.secret in created.card().text()
    assert created.document()["token"] == created.secret
    listed = list_tokens(tmp_path)
    check(listed, "1 token")
    assert created.secret not in listed.card().text() + json.dumps(listed.document())
    check(revoke_token(tmp_path, "crm"), "crm", "revoked")
    check(list_tokens(tmp_path), "no tokens")


def test_the_banner_says_what_is_served_where_and_how_to_try_and_stop_it() -> None:
    """Without a secret in it."""
    banner = Endpoint("http://127.0.0.1:1", 7, "/home", "local", serves=(("churn", "churn:3"),)).banner
    for part in (
        "serves at http://127.0.0.1:1",
        "churn (churn:3): http://127.0.0.1:1/models/churn/predict",
        'curl -s -H "Authorization: Bearer $TOKEN" http://127.0.0.1:1/models/churn/sample |',
        "serve --stop",
    ):
        assert part in banner

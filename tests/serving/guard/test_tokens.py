"""Tokens: made, listed, revoked, and what each scope allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.errors import Conflict, InvalidData, InvalidName, NotFound, Unauthenticated, WrongUsage
from nbdeploy.serving.guard.token_commands import create_token, list_tokens, revoke_token, rotate_token
from nbdeploy.serving.guard.tokens import Scope, Tokens

ROUTES = {
    "predict": ("POST", "/models/churn/predict", {"json": [{"age": 1, "balance": 0}]}),
    "read": ("GET", "/api/deployments", {}),
    "deploy": ("PUT", "/api/deployments/Upper", {"json": {"model": "m", "version": 1, "digest": "d"}}),
}
ALLOWED = {
    "predict": {"predict"},
    "read": {"read"},
    "deploy": {"predict", "read", "deploy"},
    "admin": {"predict", "read", "deploy"},
}


def test_the_secret_is_kept_nowhere(tmp_path: Path) -> None:
    """Only its hash is on the disk, readable by the owner."""
    created = create_token(tmp_path, "crm", "predict")
    files = list((tmp_path / "tokens").glob("*.json"))
    assert created.secret.startswith("nbd_")
    assert created.secret not in repr(created)
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600]
    assert created.secret not in files[0].name + files[0].read_text()


def test_the_list_has_names_and_scopes(tmp_path: Path) -> None:
    """And no secrets."""
    create_token(tmp_path, "crm", "predict")
    create_token(tmp_path, "admin", "admin")
    documents = list_tokens(tmp_path).document()
    assert [(d["name"], d["scope"]) for d in documents] == [("admin", "admin"), ("crm", "predict")]


def test_a_name_is_given_once(tmp_path: Path) -> None:
    """Revoking by name has to mean one token."""
    create_token(tmp_path, "crm", "predict")
    with pytest.raises(Conflict, match="crm"):
        create_token(tmp_path, "crm", "read")


@pytest.mark.parametrize(("name", "scope", "error"), [("../x", "read", InvalidName), ("x", "root", InvalidData)])
def test_bad_names_and_scopes_are_refused(tmp_path: Path, name: str, scope: str, error: type[Exception]) -> None:
    """The message has the rule."""
    with pytest.raises(error):
        create_token(tmp_path, name, scope)
    assert list_tokens(tmp_path).tokens == ()


def test_a_token_expires(tmp_path: Path) -> None:
    """After its lifetime it is worth nothing."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    tokens = Tokens(tmp_path, lambda: now[0])
    secret, _ = tokens.create("crm", Scope.READ, timedelta(hours=1))
    assert tokens.find(secret).name == "crm"
    now[0] += timedelta(hours=1)
    with pytest.raises(Unauthenticated, match="expired"):
        tokens.find(secret)


def test_revoking_an_unknown_token_names_the_known(tmp_path: Path) -> None:
    """A slip of the keyboard revokes nothing."""
    create_token(tmp_path, "crm", "predict")
    with pytest.raises(NotFound, match="crm"):
        revoke_token(tmp_path, "crn")


def test_a_running_endpoint_sees_new_and_revoked_tokens_at_once(shared: Any) -> None:
    """No restart is needed."""
    secret = create_token(shared.home, "passing", "read").secret
    assert shared.ask("GET", "/api/deployments", token=secret).status_code == 200
    revoke_token(shared.home, "passing")
    answer = shared.ask("GET", "/api/deployments", token=secret)
    assert (answer.status_code, "revoked" in answer.json()["error"]) == (401, True)


@pytest.mark.parametrize("scope", list(ALLOWED))
def test_a_scope_allows_what_it_says(shared: Any, scope: str) -> None:
    """403 names what the token has and what was needed."""
    secret = create_token(shared.home, f"has-{scope}", scope).secret
    for needed, (method, path, more) in ROUTES.items():
        answer = shared.ask(method, path, token=secret, **more)
        assert (answer.status_code != 403) == (needed in ALLOWED[scope]), (scope, needed, answer.text)
        if answer.status_code == 403:
            assert f"has scope {scope}, and this needs {needed}" in answer.json()["error"]


def test_anonymous_clients_may_predict_and_read_only(run: Any) -> None:
    """And only programs of this machine: a page that was led here under a foreign name may not."""
    with run(anonymous="predict") as place:
        assert place.ask("GET", "/api/deployments", token=None).status_code == 200
        assert place.ask("POST", "/models/churn/predict", token=None, json=[]).status_code == 404
        assert place.ask("DELETE", "/api/deployments/churn", token=None).status_code == 401
        assert place.ask("GET", "/api/deployments", token="nbd_wrong").status_code == 401
        foreign = {"Host": "evil.example"}
        assert place.ask("GET", "/api/deployments", token=None, headers=foreign).status_code == 401


def test_open_metrics_need_no_token(run: Any) -> None:
    """Where the operator says so."""
    with run(open_metrics=True) as place:
        assert place.ask("GET", "/metrics", token=None).status_code == 200


def test_a_rotated_token_has_two_secrets_for_a_while(tmp_path: Path) -> None:
    """The new one keeps scope, models, rate and length of life; the old one ends with the grace, or at once."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    tokens = Tokens(tmp_path, lambda: now[0])
    first, made = tokens.create("crm", Scope.READ, timedelta(days=10), ["churn*"], "5/s")
    now[0] += timedelta(days=1)
    second, _ = tokens.rotate("crm", timedelta(hours=1))
    assert [(token.name, token.rotated) for token in tokens.all()] == [("crm", False), ("crm", True)]
    assert tokens.find(first).name == "crm"
    now[0] += timedelta(hours=1)
    with pytest.raises(Unauthenticated, match="expired"):
        tokens.find(first)
    found = tokens.find(second)
    assert (found.scope, found.models, found.rate) == (made.scope, made.models, made.rate)
    assert found.expires == datetime(2026, 1, 12, tzinfo=UTC)
    third, _ = tokens.rotate("crm")
    with pytest.raises(Unauthenticated, match="revoked"):
        tokens.find(second)
    tokens.rotate("crm", timedelta(hours=1))
    tokens.revoke("crm")
    with pytest.raises(Unauthenticated, match="revoked"):
        tokens.find(third)
    assert tokens.all() == []


@pytest.mark.parametrize(("models", "rate"), [(["../x"], ""), (["Churn"], ""), ([""], ""), ([], "fast"), ([], "0/s")])
def test_a_pattern_or_rate_that_is_not_understood_makes_no_token(tmp_path: Path, models: list[str], rate: str) -> None:
    """The message shows how it is written."""
    with pytest.raises(InvalidData, match=r"churn\*|100/s"):
        Tokens(tmp_path).create("crm", "predict", None, models, rate)
    assert Tokens(tmp_path).all() == []


def test_a_token_for_some_models_sees_no_others(shared: Any) -> None:
    """Whether they exist or not; lists and refusals name only its own."""
    secret = create_token(shared.home, "churn-only", "deploy", models=["churn*"]).secret
    rows = [{"age": 1, "balance": 0}]

    def ask(method: str, path: str, **more: Any) -> Any:
        return shared.ask(method, path, token=secret, **more)

    assert ask("POST", "/models/churn/predict", json=rows).status_code == 200
    assert [d["name"] for d in ask("GET", "/api/deployments").json()["deployments"]] == ["churn"]
    refused = [ask("POST", f"/models/{name}/predict", json=rows) for name in ("plans", "nobody")]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert "is for models churn*, not for 'plans'" in refused[0].json()["error"]
    missing = ask("POST", "/models/churn-eu/predict", json=rows)
    assert (missing.status_code, "plans" in missing.text) == (404, False)
    assert ask("PUT", "/api/deployments/plans", json={}).status_code == 403
    assert ask("GET", "/metrics").status_code == 403


def test_a_running_endpoint_takes_both_secrets_of_a_rotation_until_it_is_revoked(shared: Any) -> None:
    """No answer is refused in between, and both are refused at once afterwards."""
    first = create_token(shared.home, "turning", "read").secret
    assert shared.ask("GET", "/api/deployments", token=first).status_code == 200
    second = rotate_token(shared.home, "turning", timedelta(hours=1)).secret
    assert [shared.ask("GET", "/api/deployments", token=s).status_code for s in (first, second)] == [200, 200]
    revoke_token(shared.home, "turning")
    assert [shared.ask("GET", "/api/deployments", token=s).status_code for s in (first, second)] == [401, 401]


def test_pages_from_elsewhere_are_no_programs_of_this_machine(run: Any) -> None:
    """A browser sends a form to 127.0.0.1 for any page, and says for which."""
    with run(anonymous="predict", cors=["https://app.team"]) as place:
        status = {
            origin: place.ask("GET", "/api/deployments", token=None, headers={"Origin": origin}).status_code
            for origin in ("https://evil.example", "null", "http://[", "http://localhost:8888", "https://app.team")
        }
    assert list(status.values()) == [401, 401, 401, 200, 200]


def test_a_secret_in_a_file_is_let_in_while_the_endpoint_is_started_with_it(run: Any, tmp_path: Path) -> None:
    """As containers give it; one that is too short, or is not there, is refused."""
    file = tmp_path / "secret"
    file.write_text("0123456789abcdef" * 2 + "\n")
    secret, scope = file.read_text().strip(), f"read={file}"
    with run(host="0.0.0.0", token_files=[scope]) as place:
        assert place.ask("GET", "/api/deployments", token=secret).status_code == 200
        assert place.ask("DELETE", "/api/deployments/x", token=secret).status_code == 403
    with run() as place:
        assert place.ask("GET", "/api/deployments", token=secret).status_code == 401
    file.write_text("short")
    for wrong, reason in ((scope, "32 printable"), (f"root={file}", "32 printable"), ("read=/nowhere", "No such file")):
        with pytest.raises((InvalidData, WrongUsage), match=reason), run(token_files=[wrong]):
            pass

"""The model repository: what there is, loading and unloading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from grpc import RpcError, insecure_channel

from nbdeploy.serving.guard.tokens import Tokens
from nbdeploy.serving.protocols.oip_grpc.messages import MESSAGES, SERVICE
from nbdeploy.store import Store

ROW = {"age": 43, "balance": 0}


def index(place: Any, **body: Any) -> list[tuple[str, str, str]]:
    found = place.ask("POST", "/v2/repository/index", json=body).json()
    return [(entry["name"], entry["version"], entry["state"]) for entry in found]


def test_what_is_unloaded_stays_so_until_it_is_loaded(run: Callable[..., Any], snapshots: Store) -> None:
    """Also over a restart; what it served is remembered, and answers again."""
    with run() as place:
        place.target.push(snapshots, snapshots.resolve("churn:1"))
        place.target.push(snapshots, snapshots.resolve("plans:1"))
        assert place.ask("POST", "/v2/repository/models/churn/unload").status_code == 200
        assert index(place) == [("churn", "1", "UNAVAILABLE"), ("plans", "1", "READY")]
        assert index(place, ready=True) == [("plans", "1", "READY")]
        assert place.ask("GET", "/v2/health/ready", token=None).json() == {"ready": True}  # as it is meant to be
        refused = place.ask("POST", "/models/churn/predict", json=ROW)
        assert refused.status_code == 404
        assert "unloaded by owner; load it by POST /v2/repository/models/churn/load" in refused.json()["error"]
    with run() as place:
        assert place.ask("GET", "/v2/models/churn/ready", token=None).status_code == 503
        assert place.ask("POST", "/v2/repository/models/churn/load", json={}).json()["state"] == "serving"
        assert place.ask("POST", "/v2/repository/models/churn/load").json()["state"] == "unchanged"
        assert place.ask("POST", "/models/churn/predict", json=ROW).status_code == 200
        assert len(place.ask("GET", "/api/deployments/churn").json()["history"]) == 0


def test_a_stored_model_is_loaded_by_its_name(place: Any, snapshots: Store) -> None:
    """The newest version that is stored here."""
    for ref in ("churn:1", "churn:2"):
        place.target.push(snapshots, snapshots.resolve(ref))
    place.ask("DELETE", "/api/deployments/churn")
    assert index(place) == [("churn", "2", "UNAVAILABLE")]
    place.ask("POST", "/v2/repository/models/churn/load")
    assert index(place) == [("churn", "2", "READY")]


def test_changing_needs_the_right_to_deploy(place: Any) -> None:
    """Reading the index needs the right to read; parameters that would change a model are refused."""
    reader = place.token("read")
    assert place.ask("POST", "/v2/repository/index", token=reader).json() == []
    assert place.ask("POST", "/v2/repository/models/churn/load", token=reader).status_code == 403
    assert place.ask("POST", "/v2/repository/models/churn/unload", token=reader).status_code == 403
    assert place.ask("POST", "/v2/repository/models/nobody/load").status_code == 404
    assert place.ask("POST", "/v2/repository/models/nobody/unload").status_code == 404
    body = {"parameters": {"config": "{}"}}
    assert place.ask("POST", "/v2/repository/models/nobody/load", json=body).status_code == 400


def test_who_is_let_to_one_model_learns_of_no_other(open_place: Any) -> None:
    """By no list, no page, no default and no error; over gRPC neither."""
    secret = Tokens(open_place.home).create("crm", "read", models=["churn*"])[0]
    caller = Tokens(open_place.home).create("crm-asks", "predict", models=["churn*"])[0]

    def ask(method: str, path: str, token: str = secret, **more: Any) -> Any:
        return open_place.ask(method, path, token=token, **more)

    assert [entry["name"] for entry in ask("POST", "/v2/repository/index").json()] == ["churn"]
    assert ask("GET", "/v1/models").json() == {"models": ["churn"]}
    assert ask("GET", "/models/churn/docs", headers={"Accept": "text/html"}).status_code == 200
    assert ask("GET", "/models/plans/openapi.json").status_code == 403
    hidden = ask("GET", "/models/plans/docs", headers={"Accept": "text/html"})
    assert (hidden.status_code, "tenure" in hidden.text) == (403, False)
    refused = ask("POST", "/invocations", caller, json={"instances": [[1, 2]]})
    assert refused.status_code == 403
    with insecure_channel(open_place.endpoint.grpc) as channel:

        def call(kind: str, **fields: Any) -> Any:
            asked = MESSAGES[f"{kind}Request"](**fields).SerializeToString()
            answer = channel.unary_unary(f"/{SERVICE}/{kind}")(asked, metadata=(("authorization", f"Bearer {secret}"),))
            return MESSAGES[f"{kind}Response"].FromString(answer)

        assert [entry.name for entry in call("RepositoryIndex").models] == ["churn"]
        assert call("ModelMetadata", name="churn").name == "churn"
        with pytest.raises(RpcError, match="PERMISSION_DENIED"):
            call("ModelMetadata", name="plans")
        with pytest.raises(RpcError) as unknown:
            call("ModelMetadata", name="churn-eu")
        assert "plans" not in str(unknown.value)

"""Deploying: uploaded, proven, swapped, kept."""

from __future__ import annotations

import base64
import io
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import polars as pl
import pytest

import nbdeploy as nd
from nbdeploy.bundles.keys import Keys
from nbdeploy.bundles.signing import sign
from nbdeploy.errors import Forbidden, NbdeployError
from nbdeploy.manifest import SIGNATURE, Manifest, canonical_json, file_entry, sha256
from nbdeploy.serving.guard.tokens import Tokens
from nbdeploy.serving.supervisor.running import Running
from nbdeploy.store import Store


def upload(place: Any, store: Store, ref: str) -> None:
    manifest = store.manifest(store.resolve(ref))
    for digest in manifest.blobs:
        assert place.ask("PUT", f"/api/blobs/sha256/{digest}", data=store.blob(digest)).status_code == 201
    assert place.ask("PUT", f"/api/snapshots/{manifest.digest}", json=manifest.to_wire()).json()["stored"]


def order(store: Store, ref: str) -> dict[str, Any]:
    version = store.resolve(ref)
    return {"model": version.name, "version": version.number, "digest": version.digest}


def altered(real: Manifest, version: int, path: str, content: bytes) -> Manifest:
    """The same snapshot with another file in it, as another version."""
    documents = [json.loads(real.content), {**real.record_document, "version": version}]
    for document in documents:
        if path in document.get("files", {}):
            document["files"][path] = {"sha256": sha256(content), "size": len(content)}
    return Manifest.sealed(canonical_json(documents[0]), documents[1])


def answered(place: Any) -> str:
    return place.ask("POST", "/models/churn/predict", json={"age": 43, "balance": 0}).headers["x-nbdeploy-version"]


def test_a_version_that_cannot_be_given_all_its_processes_is_tried_anew(
    run: Any, snapshots: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was started is not taken for all of it."""
    fork, tries = Running.fork, itertools.count(1)

    def second_fails(self: Running) -> Any:
        if next(tries) == 2:
            raise NbdeployError("there is no room for another process")
        return fork(self)

    with run(processes=2) as place:
        with monkeypatch.context() as patched:
            patched.setattr(Running, "fork", second_fails)
            with pytest.raises(NbdeployError, match="no room for another process"):
                place.target.push(snapshots, snapshots.resolve("moody:1"))
        assert place.ask("POST", "/models/moody/predict", json={"age": 21}).status_code == 404
        place.target.push(snapshots, snapshots.resolve("moody:1"))
        assert place.ask("POST", "/models/moody/predict", json={"age": 21}).status_code == 200


def test_an_offer_is_answered_with_what_is_missing(place: Any, snapshots: Store) -> None:
    """Then only that is sent."""
    manifest = snapshots.manifest(snapshots.resolve("churn:1"))
    path = f"/api/snapshots/{manifest.digest}"
    first = place.ask("PUT", path, json=manifest.to_wire()).json()
    assert first["stored"] is False
    assert set(first["missing"]) == set(manifest.blobs) - {sha256(manifest.content)}
    upload(place, snapshots, "churn:1")
    assert place.ask("PUT", path, json=manifest.to_wire()).json() == {"missing": [], "stored": True}


def test_a_blob_with_one_byte_changed_is_refused(place: Any, snapshots: Store) -> None:
    """And is not there afterwards."""
    manifest = snapshots.manifest(snapshots.resolve("churn:1"))
    digest = max(manifest.blobs, key=lambda key: manifest.blobs[key])
    content = bytearray(snapshots.blob(digest))
    content[len(content) // 2] ^= 1
    answer = place.ask("PUT", f"/api/blobs/sha256/{digest}", data=bytes(content))
    assert (answer.status_code, digest in answer.json()["error"]) == (422, True)
    assert place.ask("HEAD", f"/api/blobs/sha256/{digest}").status_code == 404
    assert place.ask("PUT", f"/api/blobs/sha256/{digest}", data=snapshots.blob(digest)).status_code == 201
    assert place.ask("HEAD", f"/api/blobs/sha256/{digest}").status_code == 200
    assert not list(place.home.glob(".upload-*"))


def test_a_blob_over_the_limit_is_refused(run: Any) -> None:
    """Also when its size is not declared."""
    with run(blob_limit=1000) as place:
        for body in (b"x" * 1001, iter([b"x" * 600] * 2)):
            assert place.ask("PUT", f"/api/blobs/sha256/{'0' * 64}", data=body).status_code == 413


def test_deploying_answers_what_serves(place: Any, snapshots: Store) -> None:
    """It serves as soon as the answer is there."""
    upload(place, snapshots, "churn:1")
    state = place.ask("PUT", "/api/deployments/churn", json=order(snapshots, "churn:1")).json()
    assert (state["name"], state["state"], state["by"]) == ("churn", "serving", "owner")
    assert state["serving"] == [{**order(snapshots, "churn:1"), "share": 100}]
    assert state["author"] == snapshots.resolve("churn:1").author
    assert answered(place) == "1"


def test_replacing_keeps_what_served_before_in_the_history(place: Any, snapshots: Store) -> None:
    """The name stays, the version changes."""
    for ref in ("churn:1", "churn:2"):
        upload(place, snapshots, ref)
        state = place.ask("PUT", "/api/deployments/churn", json=order(snapshots, ref)).json()
    assert answered(place) == "2"
    assert [past["version"] for past in state["history"]] == [1]


def test_deploying_what_serves_changes_nothing(place: Any, snapshots: Store) -> None:
    """It says so and succeeds."""
    upload(place, snapshots, "churn:1")
    first, second = (place.ask("PUT", "/api/deployments/churn", json=order(snapshots, "churn:1")) for _ in range(2))
    assert second.json() == {**first.json(), "state": "unchanged"}


def test_a_snapshot_that_answers_differently_is_refused(place: Any, snapshots: Store) -> None:
    """The old version serves on, also after the refusal."""
    upload(place, snapshots, "churn:1")
    place.ask("PUT", "/api/deployments/churn", json=order(snapshots, "churn:1"))
    real = snapshots.manifest(snapshots.resolve("churn:1"))
    expected = pl.read_parquet(snapshots.blob(real.files["expected.parquet"].sha256))
    buffer = io.BytesIO()
    expected.with_columns(prediction=pl.lit("perhaps")).write_parquet(buffer)
    place.ask("PUT", f"/api/blobs/sha256/{sha256(buffer.getvalue())}", data=buffer.getvalue())
    manifest = altered(real, 2, "expected.parquet", buffer.getvalue())
    assert place.ask("PUT", f"/api/snapshots/{manifest.digest}", json=manifest.to_wire()).json()["stored"]
    asked = {"model": "churn", "version": 2, "digest": manifest.digest}
    answer = place.ask("PUT", "/api/deployments/churn", json=asked)
    assert answer.status_code == 422
    assert "row 0: prediction 'perhaps' became 'no'" in answer.json()["error"]
    assert answered(place) == "1"


def test_a_snapshot_that_cannot_be_loaded_is_refused(place: Any, snapshots: Store) -> None:
    """Its flavor is not known here, for example."""
    real = snapshots.manifest(snapshots.resolve("churn:1"))
    content = canonical_json({**json.loads(real.content), "flavor": "abacus"})
    manifest = Manifest.sealed(content, {**real.record_document, "version": 7, "flavor": "abacus"})
    for digest in real.blobs:
        place.ask("PUT", f"/api/blobs/sha256/{digest}", data=snapshots.blob(digest))
    assert place.ask("PUT", f"/api/snapshots/{manifest.digest}", json=manifest.to_wire()).json()["stored"]
    asked = {"model": "churn", "version": 7, "digest": manifest.digest}
    answer = place.ask("PUT", "/api/deployments/churn", json=asked)
    assert (answer.status_code, "abacus" in answer.json()["error"]) == (422, True)


@pytest.mark.parametrize(
    "files",
    [
        {"../../x": {"sha256": "0" * 64, "size": 1}},
        {"/etc/x": {"sha256": "0" * 64, "size": 1}},
        {"x": {"sha256": "../../x", "size": 1}},
        {"x": 1},
        1,
    ],
)
def test_a_manifest_that_leads_outside_is_refused(place: Any, snapshots: Store, files: Any) -> None:
    """Paths and digests become places on the disk."""
    real = snapshots.manifest(snapshots.resolve("churn:1"))
    record = canonical_json({**real.record_document, "files": files})
    offer = {"content": real.to_wire()["content"], "record": base64.b64encode(record).decode()}
    answer = place.ask("PUT", f"/api/snapshots/{real.digest}", json=offer)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error"]


def test_another_snapshot_under_a_taken_number_is_refused(place: Any, snapshots: Store) -> None:
    """Both digests and authors are named, and what to do."""
    upload(place, snapshots, "churn:1")
    two = snapshots.manifest(snapshots.resolve("churn:2"))
    posing = Manifest.sealed(two.content, {**two.record_document, "version": 1, "author": "grace"})
    answer = place.ask("PUT", f"/api/snapshots/{posing.digest}", json=posing.to_wire())
    message = answer.json()["error"]
    assert answer.status_code == 409
    for part in (snapshots.resolve("churn:1").digest[:19], posing.digest[:19], "grace", 'store = "s3://'):
        assert part in message


def test_undeploying_forgets_the_deployment_and_keeps_the_snapshot(place: Any, snapshots: Store) -> None:
    """It can be deployed again without an upload."""
    upload(place, snapshots, "churn:1")
    place.ask("PUT", "/api/deployments/churn", json=order(snapshots, "churn:1"))
    assert place.ask("DELETE", "/api/deployments/churn").json()["state"] == "removed"
    assert place.ask("GET", "/api/deployments").json()["deployments"] == []
    assert place.ask("GET", "/v2/models/churn/ready").status_code == 404
    assert place.ask("PUT", "/api/deployments/churn", json=order(snapshots, "churn:1")).status_code == 200


def test_deployments_survive_a_restart(run: Any, snapshots: Store, churn: pd.DataFrame) -> None:
    """With their answers and history."""
    with run() as place:
        place.target.push(snapshots, snapshots.resolve("churn:1"))
        before = place.ask("GET", "/api/deployments/churn").json()
        answers = place.ask("POST", "/models/churn/predict", json=churn.to_dict("records")).json()
    with run() as place:
        assert place.ask("GET", "/api/deployments/churn").json() == before
        assert place.ask("POST", "/models/churn/predict", json=churn.to_dict("records")).json() == answers


def test_a_deployment_that_cannot_be_restored_is_shown_and_the_rest_serves(
    run: Any, snapshots: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One damaged file does not keep the endpoint from starting, and is what the diagnosis says."""
    with run() as place:
        for ref in ("churn:1", "plans:1"):
            place.target.push(snapshots, snapshots.resolve(ref))
        (place.home / "deployments" / "other.json").write_text("{")
        digest = snapshots.resolve("churn:1").digest[7:]
    damaged = place.home / "store/blobs/sha256" / digest[:2] / digest
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with run() as place:
        states = {d["name"]: d for d in place.ask("GET", "/api/deployments").json()["deployments"]}
        assert {name: state["state"] for name, state in states.items()} == {
            "churn": "failed",
            "other": "failed",
            "plans": "serving",
        }
        assert "damaged" in states["churn"]["reason"]
        for path in ("/v2/models/churn/ready", "/v2/models/churn/versions/1/ready", "/v2/health/ready"):
            assert place.ask("GET", path, token=None).status_code == 503
        for path in ("/v2/models/plans/ready", "/v2/health/live"):
            assert place.ask("GET", path, token=None).status_code == 200
        assert place.ask("POST", "/models/churn/predict", json=[]).status_code == 503
        assert place.target.status().healthy is False
        monkeypatch.setenv("NBDEPLOY_TOKEN_PROD", str(place.connection.token))
        nd.target_add("prod", place.url)
        for name, why in (("churn", "damaged"), ("other", "its state in")):
            found = nd.diagnose(f"prod/{name}")
            assert not found
            assert why in found.verdict


def test_captured_code_runs_on_loopback_only(run: Any, snapshots: Store) -> None:
    """An endpoint that others can reach refuses it before anything is sent, and after a restart."""
    with run() as place:
        place.target.push(snapshots, snapshots.resolve("twice:1"))
        assert place.ask("POST", "/models/twice/predict", json={"age": 4}).json() == [{"prediction": 8}]
    with run(host="0.0.0.0") as place:
        assert "code from the notebook" in place.ask("GET", "/api/deployments/twice").json()["reason"]
        manifest = snapshots.manifest(snapshots.resolve("twice:1"))
        answer = place.ask("PUT", f"/api/snapshots/{manifest.digest}", json=manifest.to_wire())
        assert (answer.status_code, "127.0.0.1" in answer.json()["error"]) == (403, True)


def test_an_endpoint_that_trusts_keys_takes_only_what_they_signed(run: Any, snapshots: Store, tmp_path: Path) -> None:
    """Unsigned and foreign snapshots are refused before anything is sent; signed code may run for others too."""
    Tokens(tmp_path / "endpoint").create("admin", "admin")
    keys = Keys(tmp_path / "keys")
    ours, foreign = keys.create("ours"), keys.create("foreign")
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    for name, key in (("mine", ours), ("theirs", foreign)):
        source = snapshots.resolve("twice:1")
        folder = Path(shutil.copytree(snapshots.open(source), tmp_path / name))
        manifest = Manifest.read(folder)
        signature = sign(manifest.content, manifest.parsed, key.private)
        store.put_blob(sha256(signature), signature)
        for digest in manifest.blobs:
            store.put_blob(digest, snapshots.blob(digest))
        files = {**manifest.record_document["files"], SIGNATURE: msgspec.to_builtins(file_entry(signature))}
        store.adopt(Manifest.sealed(manifest.content, {**manifest.record_document, "name": name, "files": files}))
    with run(host="0.0.0.0", trust=[str(ours.public)]) as place:
        for name, why in (("churn:1", "is not signed"), ("theirs:1", "a key that is not trusted here")):
            where = snapshots if name == "churn:1" else store
            with pytest.raises(Forbidden, match=why):
                place.target.push(where, where.resolve(name))
        place.target.push(store, store.resolve("mine:1"))
        assert place.ask("POST", "/models/mine/predict", json={"age": 4}).json() == [{"prediction": 8}]
    with run(host="0.0.0.0", trust=[str(foreign.public)]) as place:
        assert "not trusted here" in place.ask("GET", "/api/deployments/mine").json()["reason"]
    with run(allow_code="never") as place, pytest.raises(Forbidden, match="allow_code is never"):
        place.target.push(snapshots, snapshots.resolve("twice:1"))


def test_a_full_disk_keeps_the_old_version_serving(
    place: Any, snapshots: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State is kept before it is swapped."""
    for ref in ("churn:1", "churn:2"):
        upload(place, snapshots, ref)
    place.ask("PUT", "/api/deployments/churn", json=order(snapshots, "churn:1"))
    kept = (place.home / "deployments" / "churn.json").read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("nbdeploy.files.sync", full)
        answer = place.ask("PUT", "/api/deployments/churn", json=order(snapshots, "churn:2"))
    assert (answer.status_code, "No space left" in answer.json()["error"]) == (507, True)
    assert (place.home / "deployments" / "churn.json").read_bytes() == kept
    assert answered(place) == "1"
    assert msgspec.json.decode(kept)["serving"][0]["version"] == 1

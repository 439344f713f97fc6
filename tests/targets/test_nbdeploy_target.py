"""Pushing to, asking and clearing a real endpoint."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbdeploy.bundles import Trust
from nbdeploy.connections import Connection
from nbdeploy.errors import (
    Conflict,
    Corrupted,
    Forbidden,
    InvalidData,
    InvalidName,
    NotFound,
    Unauthenticated,
    Unreachable,
)
from nbdeploy.manifest import Manifest
from nbdeploy.predictor import load
from nbdeploy.store import Store
from nbdeploy.targets import connect
from nbdeploy.types import Progress


def test_push_uploads_and_serves(place: Any, snapshots: Store) -> None:
    """It returns when the version answers."""
    version = snapshots.resolve("churn:1")
    pushed = place.target.push(snapshots, version)
    document = pushed.document()
    assert {"target", "deployment", "snapshot", "digest", "uploaded_bytes", "state", "serving"} <= set(document)
    assert (document["target"], document["deployment"], document["state"]) == ("local", "churn", "serving")
    assert document["serving"] == [{"model": "churn", "version": 1, "digest": version.digest, "share": 100}]
    assert "local/churn" in pushed.line
    assert place.target.predict("churn", [{"age": 20, "balance": 0}]).version == 1


def test_pushing_again_sends_nothing_and_says_so(place: Any, snapshots: Store) -> None:
    """It succeeds."""
    version = snapshots.resolve("churn:1")
    first, second = place.target.push(snapshots, version), place.target.push(snapshots, version)
    assert first.uploaded_bytes > 0
    assert (second.uploaded_bytes, second.state, bool(second)) == (0, "unchanged", True)
    assert "serves already" in second.line


def test_only_what_is_missing_is_sent(place: Any, snapshots: Store) -> None:
    """Two versions that share files share them on the target too."""
    one, two = snapshots.manifest(snapshots.resolve("churn:1")), snapshots.manifest(snapshots.resolve("churn:2"))
    place.target.push(snapshots, snapshots.resolve("churn:1"))
    lacking = {digest: size for digest, size in two.blobs.items() if digest not in one.blobs}
    content = two.digest.removeprefix("sha256:")
    pushed = place.target.push(snapshots, snapshots.resolve("churn:2"))
    assert pushed.uploaded_bytes == sum(size for digest, size in lacking.items() if digest != content)


def test_progress_counts_bytes(place: Any, snapshots: Store) -> None:
    """Up to the total that was uploaded."""
    told: list[Progress] = []
    pushed = place.target.push(snapshots, snapshots.resolve("churn:1"), progress=told.append)
    sent = [step for step in told if step.unit == "bytes"]
    assert [step.done for step in sent] == sorted(step.done for step in sent)
    assert (sent[-1].done, sent[-1].total) == (pushed.uploaded_bytes, pushed.uploaded_bytes)


def test_another_new_deployment_needs_new(place: Any, snapshots: Store) -> None:
    """A misspelt name is no deployment by accident; nothing is sent."""
    version = snapshots.resolve("churn:1")
    with pytest.raises(NotFound, match=r"local/churn-eu.*--new"):
        place.target.push(snapshots, version, "churn-eu")
    assert not (place.home / "store" / "blobs").exists()
    assert place.target.push(snapshots, version, "churn-eu", new=True).deployment == "churn-eu"
    assert place.target.push(snapshots, snapshots.resolve("churn:2"), "churn-eu").serving[0].version == 2


def test_a_taken_number_is_refused_with_both_digests(place: Any, snapshots: Store, tmp_path: Path) -> None:
    """Two stores may both have a churn:1."""
    place.target.push(snapshots, snapshots.resolve("churn:1"))
    other = Store(str(tmp_path / "other"), tmp_path / "cache")
    two = snapshots.manifest(snapshots.resolve("churn:2"))
    for digest in two.blobs:
        other.put_blob(digest, snapshots.blob(digest))
    posing = other.adopt(Manifest.sealed(two.content, {**two.record_document, "version": 1}))
    with pytest.raises(Conflict) as refused:
        place.target.push(other, posing)
    for part in (snapshots.resolve("churn:1").digest[:19], posing.digest[:19], "nbdeploy.toml"):
        assert part in str(refused.value)
    assert place.target.status().deployments[0].serving[0].digest == snapshots.resolve("churn:1").digest


def test_a_damaged_file_is_not_sent(place: Any, snapshots: Store, tmp_path: Path) -> None:
    """What leaves the store is checked as it is read."""
    version = snapshots.resolve("churn:1")
    manifest = snapshots.manifest(version)
    mine = Store(str(tmp_path / "mine"), tmp_path / "cache")
    for digest in manifest.blobs:
        mine.put_blob(digest, snapshots.blob(digest))
    mine.adopt(manifest)
    digest = manifest.files["sample.parquet"].sha256
    path = tmp_path / "mine" / "blobs" / "sha256" / digest[:2] / digest
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(Corrupted, match="damaged"):
        place.target.push(mine, version)
    assert place.target.status().deployments == ()


@pytest.mark.parametrize("kind", ["pandas", "polars", "records", "columns", "arrow"])
def test_predict_takes_any_container(place: Any, snapshots: Store, plans: pd.DataFrame, kind: str) -> None:
    """And answers as the snapshot does here."""
    frame = pl.from_pandas(plans)
    data = {
        "pandas": plans,
        "polars": frame,
        "records": frame.to_dicts(),
        "columns": frame.to_dict(as_series=False),
        "arrow": frame.to_arrow(),
    }[kind]
    place.target.push(snapshots, snapshots.resolve("plans:1"))
    here = load(snapshots.open(snapshots.resolve("plans:1")), Trust()).predict(plans)
    there = place.target.predict("plans", data)
    assert np.array_equal(there.frame["prediction"].to_numpy(), here)
    assert there.digest == snapshots.resolve("plans:1").digest


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_predict_takes_a_file(place: Any, snapshots: Store, plans: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    """Text is parsed by the signature, at the endpoint."""
    frame = pl.from_pandas(plans)
    path = tmp_path / f"rows.{suffix}"
    if suffix == "parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="," if suffix == "csv" else "\t")
    place.target.push(snapshots, snapshots.resolve("plans:1"))
    here = load(snapshots.open(snapshots.resolve("plans:1")), Trust()).predict(plans)
    assert np.array_equal(place.target.predict("plans", path).frame["prediction"].to_numpy(), here)


def test_a_call_s_document_is_json(place: Any, snapshots: Store, churn: pd.DataFrame) -> None:
    """With columns and rows."""
    place.target.push(snapshots, snapshots.resolve("churn:1"))
    document = place.target.predict("churn", churn[:2], "predict_proba").document()
    assert document["columns"] == ["probability_no", "probability_yes"]
    assert [len(row) for row in json.loads(json.dumps(document, allow_nan=False))["rows"]] == [2, 2]


def test_the_sample_can_be_called(place: Any, snapshots: Store) -> None:
    """For a call without an input."""
    place.target.push(snapshots, snapshots.resolve("plans:1"))
    sample = place.target.sample("plans")
    assert sample.equals(load(snapshots.open(snapshots.resolve("plans:1")), Trust()).sample)
    assert place.target.predict("plans", sample).frame.height == sample.height


def test_bad_rows_are_named(place: Any, snapshots: Store) -> None:
    """The endpoint's refusal arrives as the same error."""
    place.target.push(snapshots, snapshots.resolve("churn:1"))
    with pytest.raises(InvalidData, match=r"row 0, column 'age'.*'old'"):
        place.target.predict("churn", [{"age": "old", "balance": 0}])
    with pytest.raises(NotFound, match="did you mean churn"):
        place.target.predict("chorn", [{"age": 1, "balance": 0}])
    with pytest.raises(InvalidName):
        place.target.predict("../churn", [{"age": 1, "balance": 0}])


def test_status_tells_what_serves(place: Any, snapshots: Store) -> None:
    """Name, state and digest of every deployment."""
    place.target.push(snapshots, snapshots.resolve("churn:1"))
    document = place.target.status().document()
    assert (document["target"], document["url"], document["healthy"]) == ("local", place.url, True)
    assert [(d["name"], d["state"], d["serving"][0]["version"]) for d in document["deployments"]] == [
        ("churn", "serving", 1)
    ]


def test_undeploy_ends_a_deployment(place: Any, snapshots: Store) -> None:
    """Once."""
    place.target.push(snapshots, snapshots.resolve("churn:1"))
    assert place.target.undeploy("churn").document()["state"] == "removed"
    assert place.target.status().deployments == ()
    with pytest.raises(NotFound, match="churn"):
        place.target.undeploy("churn")


def test_a_target_that_is_away_is_not_healthy(run: Any) -> None:
    """That is an answer of status, and an error of push, with what to do."""
    with run() as place:
        connection = place.connection
    status = connect(connection).status()
    assert (status.healthy, status.deployments) == (False, ())
    assert "nothing answers" in status.reason
    with pytest.raises(Unreachable, match="nbdeploy serve --home"):
        connect(connection).predict("churn", [{"age": 1}])
    with pytest.raises(Unreachable, match="nbdeploy target check prod"):
        connect(replace(connection, name="prod", home=None)).undeploy("churn")


def test_a_refused_token_says_where_to_put_another(place: Any, snapshots: Store) -> None:
    """The variable is named; the environment's token wins over the file's."""
    stranger = replace(place.connection, name="prod-eu", token="nbd_wrong")
    with pytest.raises(Unauthenticated, match=r"prod-eu.*NBDEPLOY_TOKEN_PROD_EU"):
        connect(stranger).push(snapshots, snapshots.resolve("churn:1"))
    assert connect(stranger).status().healthy is False
    reader = replace(stranger, token=place.token("read"))
    with pytest.raises(Forbidden, match="scope read, and this needs deploy"):
        connect(reader).push(snapshots, snapshots.resolve("churn:1"))


def test_requests_during_a_swap_are_answered(place: Any, snapshots: Store) -> None:
    """By the old version or the new one, each with its own answer."""
    push = [snapshots.resolve("churn:1"), snapshots.resolve("churn:2")]
    place.target.push(snapshots, push[0])
    row = pl.DataFrame({"age": [42.0], "balance": [0.0]})
    right = {v.number: load(snapshots.open(v), Trust()).outputs(row)["prediction"][0] for v in push}
    done, answers, target = threading.Event(), [], place.target

    def ask() -> None:
        while not done.is_set():
            answers.append(target.predict("churn", row))

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for version in [*reversed(push), *reversed(push)]:
        place.target.push(snapshots, version)
    done.set()
    for asker in askers:
        asker.join()
    assert answers
    assert right[1] != right[2]
    assert all(answer.frame["prediction"][0] == right[answer.version] for answer in answers)


def test_an_unknown_kind_is_refused() -> None:
    """With the kinds there are."""
    with pytest.raises(NotFound, match="nbdeploy"):
        connect(Connection("prod", "http://127.0.0.1:1", kind="nbdeplay"))

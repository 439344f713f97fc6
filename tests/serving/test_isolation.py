"""Versions that want other packages than their endpoint has, beside versions that do not."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nbdeploy.bundles import Bundle, Trust
from nbdeploy.environments.wanted import HERE
from nbdeploy.errors import Forbidden, RehearsalFailed
from nbdeploy.manifest import Manifest, canonical_json, sha256
from nbdeploy.serving.model_process import Prove, to_process
from nbdeploy.serving.supervisor.isolation import Isolation
from nbdeploy.serving.twins import prepare_trial
from nbdeploy.snapshots.snapshot import take_snapshot
from nbdeploy.store import Store
from nbdeploy.zygote import Zygote
from tests.serving.conftest import Place, churn_rows, nursery
from tests.serving.every_kind import function
from tests.serving.test_survival import models, until

OTHER = {"scikit-learn": "1.8.0", "joblib": "1.4.2"}
WHICH = """
def which(frame):
    import joblib
    return frame["age"] * 0 + int(joblib.__version__.split(".")[1])
"""


def proven_elsewhere(
    store: Store, source: Store, ref: str, wants: dict[str, str], expected: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    """The snapshot that a machine with other versions of packages would have made."""
    real = source.manifest(source.resolve(ref))
    folder = source.open(source.resolve(ref))
    lines = [line.partition("==") for line in (folder / "requirements.txt").read_text().splitlines()]
    answers = io.BytesIO()
    expected(pl.read_parquet(folder / "expected.parquet")).write_parquet(answers)
    files = {
        "requirements.txt": "".join(f"{n}{eq}{wants.get(n, v)}\n" for n, eq, v in lines).encode(),
        "expected.parquet": answers.getvalue(),
    }
    content, record = json.loads(real.content), dict(real.record_document)
    packages = content["environment"]["packages"]
    packages |= {name: version for name, version in wants.items() if name in packages}
    for path, written in files.items():
        store.put_blob(sha256(written), written)
        for document in (content, record):
            if path in document.get("files", {}):
                document["files"][path] = {"sha256": sha256(written), "size": len(written)}
    manifest = Manifest.sealed(canonical_json(content), record)
    store.put_blob(sha256(manifest.content), manifest.content)
    for digest in manifest.blobs:
        if not store.has_blob(digest):
            store.put_blob(digest, source.blob(digest))
    store.adopt(manifest)


@pytest.fixture(scope="module")
def elsewhere(snapshots: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """As other packages made them: `churn:1`, and `which:1` and `gone:1`, which answer joblib's minor version."""
    folder = tmp_path_factory.mktemp("elsewhere")
    store = Store(str(folder / "store"), folder / "cache")
    for name in ("which", "gone"):
        take_snapshot(snapshots, function(WHICH.replace("which", name), name), name, churn_rows()[["age"]])
    proven_elsewhere(store, snapshots, "churn:1", OTHER, lambda answers: answers)
    four = lambda answers: answers.with_columns(pl.all() * 0 + 4)  # noqa: E731
    proven_elsewhere(store, snapshots, "which:1", OTHER, four)
    proven_elsewhere(store, snapshots, "gone:1", {"joblib": "0.0.0.1"}, four)
    return store


def certified(place: Place, store: Store, ref: str) -> bool:
    """Whether the sample is answered, row by row, bit for bit as the certificate has it."""
    folder, name = store.open(store.resolve(ref)), ref.partition(":")[0]
    sample, expected = (pl.read_parquet(folder / f"{part}.parquet") for part in ("sample", "expected"))
    answers = [place.target.predict(name, sample[row : row + 1]).frame for row in range(sample.height)]
    found = pl.concat([*answers, place.target.predict(name, sample).frame])
    return found.equals(pl.concat([expected, expected])[found.columns])


def test_a_version_runs_with_the_packages_that_it_was_proven_with(
    elsewhere: Store, snapshots: Store, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While others on the same port run with the endpoint's; and again after a restart that finds no environment."""
    with run() as place, pytest.raises(RehearsalFailed, match=r"answers its own sample differently.*--isolate"):
        place.target.push(elsewhere, elsewhere.resolve("which:1"))
    monkeypatch.setattr("nbdeploy.serving.supervisor.isolation.GLANCE_SECONDS", 0.05)  # the packages may be here
    with run(isolate=True) as place:
        said: list[str] = []
        for store, ref in ((elsewhere, "churn:1"), (elsewhere, "which:1"), (snapshots, "plans:1")):
            place.target.push(store, store.resolve(ref), progress=lambda step: said.append(step.message))
            assert certified(place, store, ref)
        assert "scikit-learn 1.9.1 here, not ==1.8.0" in "".join(m for m in said if "is being built" in m)
        versions = {
            place.server.supervisor.versions.running[key].loaded.python for key in ("churn:1", "which:1", "plans:1")
        }
        assert len(versions) == 3
        (process,) = models(place, "churn:1")
        maps = Path(f"/proc/{process}/maps").read_text()
        assert "/environments/" in maps
        assert f"{sys.prefix}/lib/python" not in maps
        os.kill(process, signal.SIGSTOP)  # its twin was proven to be the same with the packages here
        try:
            assert place.ask("POST", "/models/churn/predict", json=[{"age": 1, "balance": 3}]).status_code == 200
        finally:
            os.kill(process, signal.SIGCONT)
        refused(place, elsewhere, snapshots, monkeypatch)
        place.target.undeploy("churn")
        acts = [act for act in (place.home / "audit.jsonl").read_text().splitlines() if "PUT /api/deployments" in act]
        assert len(acts) == 5  # not one for each time that somebody asked how far it is
    shutil.rmtree(place.home / "environments")
    with run(isolate=True) as place:
        until(lambda: certified_again(place, elsewhere))


def refused(place: Place, elsewhere: Store, snapshots: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be had is refused, with the package; nothing changes, and nothing of it is left."""
    before = place.ask("GET", "/api/deployments").json()["deployments"]
    with monkeypatch.context() as patch:
        patch.setenv("UV_OFFLINE", "1")
        with pytest.raises(RehearsalFailed, match=r"cannot be built here: joblib==0\.0\.0\.1 cannot be installed"):
            place.target.push(elsewhere, elsewhere.resolve("gone:1"))
    assert place.ask("GET", "/api/deployments").json()["deployments"] == before
    assert len([*(place.home / "environments").glob("[!.]*")]) == 2
    assert not [*(place.home / "environments").glob(".part*")]


def certified_again(place: Place, store: Store) -> bool:
    states = {d["name"]: d for d in place.ask("GET", "/api/deployments").json()["deployments"]}
    if states["which"]["state"] == "failed":
        assert "an environment is being built for it" in states["which"]["reason"]
        assert states["plans"]["state"] == "serving"
        return False
    return certified(place, store, "which:1")


def test_packages_are_code_that_a_snapshot_brings(elsewhere: Store, tmp_path: Path) -> None:
    """They are installed only where code of snapshots may run."""
    for allowed, why in (("never", "allow_code is never"), ("signed", "only a signed snapshot may")):
        isolation = Isolation(tmp_path / "environments", Trust(allowed), on=True)
        bundle = Bundle.open(elsewhere.open(elsewhere.resolve("churn:1")))
        with pytest.raises(Forbidden, match=f"churn:1 wants packages that are not installed here.*{why}"):
            isolation.prepare(bundle.digest, lambda bundle=bundle: bundle)
    assert not (tmp_path / "environments").exists()


def test_a_twin_stays_where_it_is_unless_it_answers_the_same_here(snapshots: Store, tmp_path: Path) -> None:
    """Other packages may make something else of its bytes, and another Python reads other code."""
    bundle = Bundle.open(snapshots.open(snapshots.resolve("churn:1")))
    twin = tmp_path / "twin"
    arguments = {"bundle": bundle.path, "digest": bundle.digest, "name": "churn:1"}
    with Zygote("nbdeploy.serving.model_process:prepare", arguments, parent=nursery()) as zygote:
        link = to_process(zygote.fork().connection)
        link.send(Prove(str(twin), "2.7"))
        assert "code for Python" in link.receive()[0].why_not
        link.send(Prove(str(twin), HERE))
        proof = link.receive()[0].proof
        link.close()
    prepare_trial(twin, bundle.path, proof)
    with pytest.raises(RehearsalFailed, match="answers differently"):
        prepare_trial(twin, bundle.path, "0" * 64)

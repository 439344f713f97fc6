"""An endpoint's folder in an archive, and made of it again."""

from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.errors import Conflict, Corrupted, NotFound
from nbdeploy.serving.backup import back_up, restore
from nbdeploy.store import Store


def test_a_running_endpoint_is_backed_up_and_serves_again_elsewhere(run: Any, snapshots: Store, tmp_path: Path) -> None:
    """Deployments, snapshots, tokens, and what was logged until then; only its owner can read the archive."""
    archive, folder = tmp_path / "backup.zip", tmp_path / "other" / "endpoint"
    row = [{"age": 43, "balance": 0}]
    with run() as place:
        place.target.push(snapshots, snapshots.resolve("churn:1"))
        secret = place.token("predict", "crm")
        answer = place.ask("POST", "/models/churn/predict", json=row)
        place.ask("GET", "/models/churn/requests")  # the log is written before it is read
        made = back_up(place.home, archive)
        assert place.ask("POST", "/models/churn/predict", json=row).json() == answer.json()
    assert archive.stat().st_mode & 0o777 == 0o600
    assert restore(archive, folder).files == made.files
    with run(folder) as place:
        assert place.ask("POST", "/models/churn/predict", token=secret, json=row).json() == answer.json()
    with sqlite3.connect(folder / "nbdeploy.db") as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)


def test_a_folder_in_use_is_never_overwritten(tmp_path: Path) -> None:
    """Nor is anything made of what is no backup; and there has to be something to back up."""
    with pytest.raises(NotFound, match="--home"):
        back_up(tmp_path / "none", tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("nbdeploy-endpoint", b"1")
        archive.writestr("store/../../outside", b"x")
    with pytest.raises(Corrupted, match="no archive of an endpoint"):
        restore(tmp_path / "bad.zip", tmp_path / "new")
    assert not (tmp_path / "outside").exists()
    with pytest.raises(Conflict, match="is not empty"):
        restore(tmp_path / "bad.zip", tmp_path)
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(Corrupted, match="cannot be read"):
        restore(tmp_path / "text.zip", tmp_path / "new")

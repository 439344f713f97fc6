"""What is uploaded stays bytes until it is whole, of the right digest, signed where it must be, and allowed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.errors import Forbidden
from nbdeploy.store import Store


def kept(home: Path) -> list[str]:
    """Files of the endpoint's store."""
    return [path.name for path in (home / "store").rglob("*") if path.is_file()]


def test_of_a_snapshot_that_policy_refuses_not_one_byte_is_taken(run: Any, snapshots: Store) -> None:
    """It is refused by its documents, so that none of its code is ever here."""
    with run(allow_code="never") as place:
        with pytest.raises(Forbidden, match="allow_code is never"):
            place.target.push(snapshots, snapshots.resolve("twice:1"))
        assert kept(place.home) == []


def test_what_does_not_arrive_as_announced_is_not_kept(run: Any) -> None:
    """A wrong digest, one byte too many, or an end too early; and nothing is left of the attempt."""
    body = b"x" * 5000
    digest, wrong = hashlib.sha256(body).hexdigest(), "0" * 64
    with run(blob_limit=4000) as place:
        for path, data, status in (
            (f"/api/blobs/sha256/{wrong}", body[:3000], 422),
            (f"/api/blobs/sha256/{digest}", body, 413),
            (f"/api/blobs/sha256/{digest}", iter([body[:3000], body[3000:]]), 413),
            ("/api/blobs/sha256/..%2F..%2Fescape", body[:10], 404),
            (f"/api/blobs/sha256/{digest.upper()}", body[:10], 400),
        ):
            assert place.ask("PUT", path, data=data).status_code == status
        assert kept(place.home) == []
        assert [path.name for path in place.home.glob(".upload-*")] == []
        assert not (place.home.parent / "escape").exists()

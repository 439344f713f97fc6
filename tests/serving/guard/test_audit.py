"""Who did what, from where, and whether it was done."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from nbdeploy.serving.guard.audit import STRANGER, Audit
from nbdeploy.serving.guard.token_commands import create_token, revoke_token, rotate_token
from nbdeploy.store import Store
from tests.serving.conftest import Place


def acts(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "audit.jsonl").read_text().splitlines()]


def test_every_act_is_written_down_whether_it_was_done_or_refused(place: Place, snapshots: Store) -> None:
    """With the token's name, the address and the snapshot; reading is no act."""
    place.target.push(snapshots, snapshots.resolve("churn:1"))
    secret = create_token(place.home, "crm", "predict", models=["churn*"]).secret
    place.ask("PUT", "/api/deployments/churn", token=secret, json={}, headers={"X-Forwarded-For": "10.1.2.3"})
    place.ask("DELETE", "/api/deployments/churn", token="nbd_wrong")
    place.ask("GET", "/api/deployments")
    place.target.undeploy("churn")
    rotate_token(place.home, "crm")
    revoke_token(place.home, "crm")
    found = acts(place.home)
    digest = snapshots.resolve("churn:1").digest[:19]
    assert {act["action"].split()[0] for act in found} == {"PUT", "DELETE", "token"}
    told = [(act["who"], act["action"], act["subject"]) for act in found if "blobs" not in act["action"]]
    assert told[-3:][0] == ("owner", "DELETE /api/deployments/{m}", "churn")
    assert ("owner", "PUT /api/deployments/{m}", f"churn as churn:1 {digest}") in told
    refused = [(act["who"], act["from"], act["outcome"][:3]) for act in found if act["outcome"] != "done"]
    assert refused == [("crm", "127.0.0.1 for 10.1.2.3", "403"), (STRANGER, "127.0.0.1", "401")]
    assert [(act["action"], act["subject"]) for act in found if act["who"].startswith("user ")] == [
        ("token create", "crm predict churn*"),
        ("token rotate", "crm"),
        ("token revoke", "crm"),
    ]
    assert secret not in (place.home / "audit.jsonl").read_text()
    assert (place.home / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_strangers_cannot_fill_the_disk(tmp_path: Path) -> None:
    """Some of each minute are written down; whoever has a token always is."""
    now = [1000.0]
    audit = Audit(tmp_path, clock=lambda: now[0])
    for _ in range(500):
        audit.record(STRANGER, "PUT", "x", "10.0.0.1", "401")
    audit.record("crm", "PUT", "x", "10.0.0.1", "403")
    assert [act["who"] for act in acts(tmp_path)] == [STRANGER] * 20 + ["crm"]
    now[0] += 61
    audit.record(STRANGER, "PUT", "x", "10.0.0.1", "401")
    assert len(acts(tmp_path)) == 22


def test_lines_of_many_writers_stay_whole(tmp_path: Path) -> None:
    """Workers and commands append to one file; the table gets the same, and may fail."""
    rows: list[tuple[str, ...]] = []

    def table(*act: str) -> None:
        rows.append(act)
        raise OSError("no space left on device")

    def write(number: int) -> None:
        for _ in range(20):
            Audit(tmp_path, table).record(f"w{number}", "PUT", "é" * 600, "here", "done")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(acts(tmp_path)) == len(rows) == 80

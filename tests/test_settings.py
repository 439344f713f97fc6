"""Settings and targets: where values come from, and what a wrong one says."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from nbdeploy import api
from nbdeploy.connections import Connection, Connections, token_variable
from nbdeploy.errors import Conflict, InvalidData, InvalidName, NotFound, NotWritable
from nbdeploy.files import replacing, write_atomically
from nbdeploy.settings import Settings


def test_environment_wins_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    """Each value says where it came from; the file is found upward, and its paths are relative to it."""
    (tmp_path / "nbdeploy.toml").write_text('store = "shared"\ntarget = "prod"\ndb = "sqlite:///runs.db"\n')
    below = tmp_path / "notebooks" / "deep"
    below.mkdir(parents=True)
    found = Settings.load(below, {"NBDEPLOY_HOME": "/data", "NBDEPLOY_TARGET": "staging"})
    assert (found.store, found.target, str(found.home)) == (str(tmp_path / "shared"), "staging", "/data")
    assert found.db == f"sqlite:///{tmp_path / 'runs.db'}"
    assert found.sources == {
        "home": "environment variable NBDEPLOY_HOME",
        "store": str(tmp_path / "nbdeploy.toml"),
        "db": str(tmp_path / "nbdeploy.toml"),
        "target": "environment variable NBDEPLOY_TARGET",
        "allow_code": "default",
        "trusted_keys": "default",
        "scheduler": "default",
        "keep_runs": "default",
        "reports": "default",
        "runs_at_once": "default",
    }
    assert found.runs_at_once == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "stor = 'x'",
            "unknown settings: stor; there are: allow_code, db, home, keep_runs, notify, reports, runs_at_once, ",
        ),
        ("runs_at_once = 0", "runs_at_once is '0' .*nbdeploy.toml.*: give a whole number from 1"),
        ("store =", "cannot be read as TOML"),
        ("notify = 'team@example.org'", r"notify is made of tables: \[notify.team\]"),
        ("[notify]\nteam = 'team@example.org'", r"notify is made of tables: \[notify.team\]"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    """A misspelt key is not ignored."""
    (tmp_path / "nbdeploy.toml").write_text(text)
    with pytest.raises(InvalidData, match=message):
        Settings.load(tmp_path, {})


def test_config_shows_no_password() -> None:
    """The database's password stays out of what is shown."""
    settings = Settings.load(environ={"NBDEPLOY_DB": "postgresql://me:secret@db/x"})
    assert "secret" not in str(api.config(settings=settings)) + str(api.config(settings=settings).document())


def test_targets_are_kept_for_their_owner_only(home: Path) -> None:
    """The file is readable by its owner only, and tokens are in no repr."""
    connections = Connections(home)
    connections.add(Connection("prod", "https://ml.team:8080", token="nbd_secret"))
    assert stat.S_IMODE(connections.path.stat().st_mode) == 0o600
    assert connections.get("prod").bearer({}) == "nbd_secret"
    assert "nbd_secret" not in repr(connections.get("prod"))
    assert connections.get("prod").bearer({token_variable("prod"): "other"}) == "other"


def test_a_target_keeps_its_address_and_token(home: Path) -> None:
    """The same address again keeps the token; another is refused, as the token belongs to the old one."""
    Connections(home).add(Connection("prod", "https://a.team", token="nbd_secret"))
    api.target_add("prod", "https://a.team")
    with pytest.raises(Conflict, match=r"target prod is https://a.team already"):
        api.target_add("prod", "https://b.team")
    assert Connections(home).get("prod").bearer({}) == "nbd_secret"


def test_wrong_targets_are_refused() -> None:
    """Names, addresses and kinds are checked before anything is written."""
    with pytest.raises(InvalidName):
        api.target_add("../x", "https://a.team")
    for url in ("ftp://x", "a.team", "https://me:secret@a.team", "http://[::1"):
        with pytest.raises(InvalidData):
            api.target_add("prod", url)
    with pytest.raises(NotFound, match="no kind of target 'kserv'"):
        api.target_add("prod", "https://a.team", kind="kserv")
    with pytest.raises(NotFound, match="no target 'prod'"):
        api.target_rm("prod")


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    """What was there stays, and no part file is left."""
    path = tmp_path / "folder" / "file"
    write_atomically(path, b"old", 0o600)

    def fail() -> None:
        with replacing(path) as part:
            part.write_bytes(b"half of the new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(NotWritable, match="nothing was changed"):
        write_atomically(path / "below", b"x")

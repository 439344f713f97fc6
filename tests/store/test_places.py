"""The same store on a folder, on one without hard links, and on S3 over HTTP; GCS and Azure by what they send."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import pytest

from nbdeploy.buckets.addresses import opened
from nbdeploy.commands.shell import run
from nbdeploy.errors import Conflict, Corrupted, InvalidData, NotWritable, Unreachable
from nbdeploy.manifest import sha256
from nbdeploy.store import Store, blobs, exclusive
from nbdeploy.store.objects import Objects
from tests.s3_server import S3
from tests.store.making import bundle


def refuse_links() -> None:
    """Behave as a file system without hard links."""

    def link(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    os.link = link  # type: ignore[assignment]


def add(url: str, cache: Path, payload: str) -> tuple[int, bool]:
    """Store a bundle in a process of its own."""
    version, created = Store(url, cache).add("churn", *bundle(payload))
    return version.number, created


@pytest.fixture(params=["folder", "no links", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty store."""
    if request.param == "s3":
        return str(request.getfixturevalue("s3"))
    if request.param == "no links":
        monkeypatch.setattr(os, "link", None)  # restored afterwards
        refuse_links()
    return str(tmp_path / "store")


def test_a_store_is_the_same_everywhere(place: str, tmp_path: Path) -> None:
    """Versions, aliases, files, removal, garbage: one code, whatever keeps the objects."""
    store = Store(place, tmp_path / "cache")
    assert store.names() == []
    first, _ = store.add("churn", *bundle("a", shared="s" * 100))
    assert store.add("churn", *bundle("a", shared="s" * 100)) == (first, False)
    second, _ = store.add("churn", *bundle("b", shared="s" * 100))
    store.set_alias("churn", "champion", 1)
    store.set_alias("churn", "champion", 2)
    assert (store.names(), store.aliases("churn")) == (["churn"], {"champion": 2})
    assert (store.open(second) / "model" / "model.bin").read_bytes() == b"b"
    store.check(second)
    store.remove("churn", 1)
    later = datetime.now(UTC) + timedelta(days=2)
    assert store.collect(clock=later).blobs == 2  # its own file and its content.json; the shared one is the other's
    store.check(second)
    assert [str(version) for version in store.versions("churn")] == ["churn:2"]


@pytest.mark.parametrize("kind", ["no links", "s3"])
def test_eight_processes_get_eight_numbers_and_the_same_model_one(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Concurrent writers never overwrite each other, and losers find what the winner stored."""
    url = str(tmp_path / "store") if kind == "no links" else str(request.getfixturevalue("s3"))
    first = refuse_links if kind == "no links" else None
    with ProcessPoolExecutor(8, mp_context=multiprocessing.get_context("spawn"), initializer=first) as pool:
        different = list(pool.map(add, [url] * 8, [tmp_path] * 8, [f"model {i}" for i in range(8)]))
        same = list(pool.map(add, [url] * 8, [tmp_path] * 8, ["the model"] * 8))
    assert sorted(different) == [(number, True) for number in range(1, 9)]
    assert {number for number, _ in same} == {9}
    assert sum(created for _, created in same) == 1


def test_the_commands_work_on_a_bucket(
    s3: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copied there from a folder, listed, aliased, exported, removed, swept: by the address alone."""

    def document(*words: str) -> Any:
        assert run([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    here = Store(str(home / "store"), tmp_path)
    here.add("churn", *bundle("a"))
    assert document("copy", "churn", s3)["files"] == 2
    monkeypatch.setenv("NBDEPLOY_STORE", s3)
    (row,) = document("list")
    assert (row["name"], row["version"], row["digest"]) == ("churn", 1, here.resolve("churn").digest)
    document("alias", "churn:1", "champion")
    document("export", "churn@champion", "--out", "churn.zip")
    assert document("import", "churn.zip")["aliases"] == ["champion"]
    document("alias", "rm", "churn@champion")
    document("rm", "churn:1", "--yes")
    assert document("gc", "--grace", "0")["deleted"] == 2
    assert [event["event"] for event in document("history", "churn")] == ["stored", "alias", "alias removed", "removed"]
    assert document("list") == []


def test_a_large_file_that_ends_with_its_name_becomes_the_blob_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is copied where there are links; what was damaged there is mended; nothing half-written is left."""
    monkeypatch.setattr(blobs, "_LARGE", 2**20)
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    content = os.urandom(2**20) * 2
    digest = sha256(content)
    for name in ("first", "second"):
        large = tmp_path / name
        large.write_bytes(content)
        store.put_blob(digest, large, link=True)
        blob = tmp_path / "store" / "blobs" / "sha256" / digest[:2] / digest
        assert blob.stat().st_ino == large.stat().st_ino
        assert [path.name for path in blob.parent.iterdir()] == [digest]
        large.unlink()
        assert store.blob(digest) == content
        blob.write_bytes(b"damaged")


def test_a_large_file_goes_to_s3_and_back_in_pieces(s3: str, tmp_path: Path) -> None:
    """Nothing holds it whole: a multipart upload from the disk, and a stream back onto it."""
    objects = Objects(s3)
    large = tmp_path / "large"
    large.write_bytes(os.urandom(2**20) * 12)
    objects.replace("large", large)
    with (tmp_path / "back").open("wb") as file:
        digest = objects.digest("large", file)
    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    store = Store(s3, tmp_path / "cache")
    store.put_blob(digest, large)
    assert store.has_blob(digest)
    with pytest.raises(Corrupted, match="send it again"):
        store.put_blob("0" * 64, large)


def test_a_store_that_goes_away_midway_leaves_no_version(mortal_s3: tuple[S3, str], tmp_path: Path) -> None:
    """The error says that nothing answers; what was stored before is whole, and the number is still free."""
    server, url = mortal_s3
    store = Store(url, tmp_path / "cache")
    put, done = store._blobs.put, []

    def put_then_die(digest: str, source: bytes | Path, link: bool) -> None:
        put(digest, source, link)
        done.append(digest)
        server.stop()

    store._blobs.put = put_then_die  # type: ignore[method-assign]
    with pytest.raises(Unreachable, match=r"s3://.* could not (write|be read)|cannot be read"):
        store.add("churn", *bundle("a"))
    assert len(done) == 1


def test_a_server_that_is_gone_is_said_in_our_words_and_soon(mortal_s3: tuple[S3, str], tmp_path: Path) -> None:
    """Whatever is asked of the store: where nothing answers and what to do, without another library's story."""
    server, url = mortal_s3
    store = Store(url, tmp_path / "cache")
    version, _ = store.add("churn", *bundle("a"))
    server.stop()
    message = (
        rf"the store {url} c.* (read|write).*: nothing answers at {server.endpoint}; see that it runs .* try again$"
    )
    for ask in (
        *(store.names, store.collect, lambda: store.resolve("churn"), lambda: store.open(version)),
        *(lambda: store.add("churn", *bundle("b")), lambda: store.put_blob(sha256(b"x"), b"x")),
        *(lambda: store.set_alias("churn", "champion", 1), lambda: store.remove("churn", 1)),
    ):
        started = time.monotonic()
        with pytest.raises(Unreachable, match=message):
            ask()
        assert time.monotonic() - started < 10
    assert not list((tmp_path / "cache").rglob("*.bin"))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "keys in the environment .* AWS_ACCESS_KEY_ID"),
        (403, "keys in the environment .* AWS_ACCESS_KEY_ID"),
        (404, "no such bucket|the store s3"),
        (418, "answered with HTTP status 418; try again later"),
    ],
)
def test_what_a_server_refuses_is_said_in_our_words(
    recorder: tuple[str, type[Recorder]], monkeypatch: pytest.MonkeyPatch, status: int, message: str
) -> None:
    """Reading, listing and writing."""
    url, handler = recorder
    handler.refusal = handler.always = status
    for name, value in {
        "ENDPOINT_URL": url,
        "ALLOW_HTTP": "true",
        "ACCESS_KEY_ID": "a",
        "SECRET_ACCESS_KEY": "b",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    objects = Objects("s3://bucket/prefix")
    for ask in (lambda: objects.listed("models"), lambda: objects.create("a", b""), lambda: objects.folders("models")):
        with pytest.raises((Unreachable, NotWritable), match=message) as caught:
            ask()
        assert "retries" not in str(caught.value)


def test_a_write_that_was_killed_takes_nothing_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hard links a killed writer may leave an empty record: it means nothing, and its number stays taken."""
    monkeypatch.setattr(os, "link", None)
    refuse_links()
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    store.add("churn", *bundle("a"))

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            store._model("churn").facts.create(2, b"{}")
    assert [str(version) for version in store.versions("churn")] == ["churn:1"]
    assert store.resolve("churn").number == 1
    assert store.add("churn", *bundle("b"))[0].number == 3
    with pytest.raises(Conflict, match="never ended"):
        store.adopt(
            store.manifest(store.resolve("churn:3")).sealed(bundle("b")[0].content, {"name": "churn", "version": 2})
        )


def test_hard_links_are_probed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is kept: a store writes many files."""
    probed = []
    monkeypatch.setattr(exclusive, "links_work", lambda folder: probed.append(folder) or True)
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    store.add("churn", *bundle("a"))
    store.add("churn", *bundle("b"))
    assert len(probed) == 1


class Recorder(BaseHTTPRequestHandler):
    """Takes the first write of each path, and refuses the next as GCS and Azure do."""

    seen: ClassVar[dict[str, dict[str, str]]] = {}
    refusal = 412
    always = 0

    def do_GET(self) -> None:
        self._answer(self.always)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        path = self.path.partition("?")[0]
        known = path in self.seen
        self.seen.setdefault(path, {name.lower(): value for name, value in self.headers.items()})
        self._answer(self.refusal if known else self.always or 201)  # the next write may come at once

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def recorder() -> Iterator[tuple[str, type[Recorder]]]:
    handler = type("Handler", (Recorder,), {"seen": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


def test_gcs_is_asked_to_create_only_what_is_absent(
    recorder: tuple[str, type[Recorder]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A write carries GCS's own condition, and its refusal means that somebody was faster."""
    url, handler = recorder
    account = {"gcs_base_url": url, "disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(tmp_path / "account.json"))
    monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
    objects = Objects("gs://bucket/some/prefix")
    assert [objects.create("a", b"1"), objects.create("a", b"2")] == [True, False]
    ((path, sent),) = handler.seen.items()
    assert unquote(path) == "/bucket/some/prefix/a"
    assert sent["x-goog-if-generation-match"] == "0"


def test_azure_is_asked_to_create_only_what_is_absent(
    recorder: tuple[str, type[Recorder]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write carries Azure's own condition, and its refusal means that somebody was faster."""
    url, handler = recorder
    handler.refusal = 409
    settings = {"STORAGE_ENDPOINT": url, "STORAGE_ACCOUNT_NAME": "acc", "SKIP_SIGNATURE": "true", "ALLOW_HTTP": "true"}
    for name, value in settings.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    objects = Objects("az://container/some/prefix")
    assert [objects.create("a", b"1"), objects.create("a", b"2")] == [True, False]
    (sent,) = handler.seen.values()
    assert sent["if-none-match"] == "*"


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("gs://bucket/models/team", "models/team"),
        ("az://container/models", "models"),
        ("abfss://container@acc.dfs.core.windows.net/models", "models"),
        ("s3://bucket/models", "models"),
        ("s3://bucket", None),
    ],
)
def test_an_address_names_a_bucket_and_a_folder_in_it(
    url: str, prefix: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything of ours is below the folder; a stalled connection is given up, a large file is not."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "acc")
    folder, store = opened(url)
    assert (folder, store.prefix) == (None, prefix)
    assert store.client_options["read_timeout"] == "60s"


@pytest.mark.parametrize("url", ["ftp://host/x", "https://host/x", "s3://", "S4://bucket"])
def test_an_address_of_another_kind_says_what_there_is(url: str) -> None:
    """The message has an example of each."""
    with pytest.raises(InvalidData, match="s3://bucket/prefix"):
        Objects(url)


def test_a_bucket_that_does_not_exist_is_said(s3: str, tmp_path: Path) -> None:
    """Reading and writing name the store."""
    store = Store("s3://no-such-bucket/prefix", tmp_path)
    with pytest.raises((NotWritable, Unreachable), match="s3://no-such-bucket/prefix"):
        store.add("churn", *bundle("a"))

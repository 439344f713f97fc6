"""A bundle from elsewhere is checked before anything of it is used, and a bad one leaves nothing behind."""

from __future__ import annotations

import io
import json
import os
import stat
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nbdeploy import api
from nbdeploy.bundles import unpacked
from nbdeploy.errors import Conflict, Corrupted, NewerFormat, NotABundle, NotFound
from nbdeploy.manifest import PROTOCOL, Manifest, canonical_json, sha256
from nbdeploy.store import Store
from tests.store.making import bundle

Entry = tuple[zipfile.ZipInfo, bytes]


def entries(payload: str = "the model") -> list[Entry]:
    """What an exported archive has in it."""
    manifest, files = bundle(payload)
    found = {"content.json": manifest.content, "record.json": manifest.record, **files}
    return [(zipfile.ZipInfo(name), content) for name, content in found.items()]


def archive(path: Path, content: list[Entry]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for info, data in content:
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, data)
    return path


def folder(path: Path, payload: str = "the model") -> Path:
    for info, data in entries(payload):
        (path / info.filename).parent.mkdir(parents=True, exist_ok=True)
        (path / info.filename).write_bytes(data)
    return path


def special(name: str, kind: int) -> Entry:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info, b"/etc/passwd"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything that is unpacked on the way is seen here."""
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


@pytest.mark.parametrize("make", [lambda p: archive(p / "x.zip", entries()), lambda p: folder(p / "x")])
def test_a_sound_bundle_is_read_and_leaves_nothing(
    make: Callable[[Path], Path], tmp_path: Path, temporary: Path
) -> None:
    """Folder and archive are the same bundle; the copy is gone with the block."""
    with unpacked(make(tmp_path)) as found:
        assert {name: path.read_bytes() for name, path in found.files().items()} == {"model/model.bin": b"the model"}
    assert list(temporary.iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([(zipfile.ZipInfo("../x"), b"")], "outside of itself"),
        ([(zipfile.ZipInfo("model/../../x"), b"")], "outside of itself"),
        ([(zipfile.ZipInfo("/etc/x"), b"")], "outside of itself"),
        ([(zipfile.ZipInfo("C:/x"), b"")], "outside of itself"),
        ([(zipfile.ZipInfo("model\\..\\x"), b"")], "outside of itself"),
        ([special("model/link", stat.S_IFLNK)], "is a link"),
        ([special("model/pipe", stat.S_IFIFO)], "no regular file"),
        ([special("model/device", stat.S_IFCHR)], "no regular file"),
        ([(zipfile.ZipInfo("model/model.bin"), b"another one")], "twice"),
    ],
    ids=["dots", "dots inside", "absolute", "drive", "backslash", "link", "pipe", "device", "twice"],
)
def test_an_archive_that_leads_out_of_itself_is_refused(
    more: list[Entry], message: str, tmp_path: Path, temporary: Path, home: Path
) -> None:
    """Whether the documents list it or not; nothing is written, here or elsewhere."""
    path = archive(tmp_path / "x.zip", [*entries(), *more])
    with pytest.raises(Corrupted, match=message):
        api.import_(path)
    assert list(temporary.iterdir()) == []
    assert [p for p in (home / "store").rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("kind", ["file link", "folder link", "listed link", "pipe"])
def test_a_folder_with_a_link_is_refused(kind: str, tmp_path: Path, home: Path) -> None:
    """A link could read anything of this machine into the store; a pipe never ends."""
    path = folder(tmp_path / "x")
    (tmp_path / "model.bin").write_bytes(b"the model")
    if kind == "pipe":
        os.mkfifo(path / "model" / "pipe")
    elif kind == "listed link":
        (path / "model" / "model.bin").unlink()
        (path / "model" / "model.bin").symlink_to(tmp_path / "model.bin")
    else:
        (path / "more").symlink_to(tmp_path if kind == "folder link" else tmp_path / "model.bin")
    with pytest.raises(Corrupted, match="plain files only"):
        api.import_(path)
    assert [p for p in (home / "store").rglob("*") if p.is_file()] == []


def bomb(size: int, listed: int) -> list[Entry]:
    """An archive with one file of zeros whose documents say that it is shorter or longer."""
    manifest, _ = bundle("x")
    content = json.loads(manifest.content)
    zeros = bytes(size)
    content["files"]["model/model.bin"] = {"sha256": sha256(zeros), "size": listed}
    forged = Manifest.sealed(canonical_json(content), {"name": "churn", "version": 1})
    documents = [("content.json", forged.content), ("record.json", forged.record), ("model/model.bin", zeros)]
    return [(zipfile.ZipInfo(name), data) for name, data in documents]


def test_a_file_is_never_read_beyond_its_listed_size(tmp_path: Path, temporary: Path) -> None:
    """Neither where the archive admits the size, nor where its own headers lie."""
    path = archive(tmp_path / "x.zip", bomb(50 * 2**20, 10))
    with pytest.raises(Corrupted, match="another size"):
        api.import_(path)
    whole = path.read_bytes()
    size = (50 * 2**20).to_bytes(4, "little")
    assert size in whole
    path.write_bytes(whole.replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(Corrupted):
        api.import_(path)
    assert list(temporary.iterdir()) == []


def test_a_bomb_that_says_so_is_refused_before_it_is_unpacked(tmp_path: Path, temporary: Path) -> None:
    """Honest sizes and digests do not help: a gigabyte out of a megabyte is no model."""
    content = bomb(0, 3 * 2**30)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for info, data in content:
            file.writestr(info, data)
    raw = bytearray(buffer.getvalue())
    place = raw.rindex(b"PK\x01\x02")
    raw[place + 24 : place + 28] = (3 * 2**30).to_bytes(4, "little")
    (tmp_path / "x.zip").write_bytes(raw)
    with pytest.raises(Corrupted, match=r"unpack from \d+ to 3221225472 bytes.*zip bomb.*unzip it"):
        api.import_(tmp_path / "x.zip")
    assert list(temporary.iterdir()) == []


def test_a_bundle_of_a_later_format_says_what_to_do(tmp_path: Path) -> None:
    """Even where all its fields are others: the format is read first."""
    content = canonical_json({"protocol": PROTOCOL + 1, "flavour": ["new"], "everything": {"is": "other"}})
    record = canonical_json({"later": True})
    path = tmp_path / "x"
    path.mkdir()
    (path / "content.json").write_bytes(content)
    (path / "record.json").write_bytes(record)
    for place in (
        path,
        archive(tmp_path / "x.zip", [(zipfile.ZipInfo(p.name), p.read_bytes()) for p in path.iterdir()]),
    ):
        with pytest.raises(NewerFormat, match=rf"format {PROTOCOL + 1}, .* reads up to {PROTOCOL}: upgrade"):
            api.import_(place)


def test_what_is_something_else_is_told_from_what_is_damaged(tmp_path: Path) -> None:
    """So that other kinds of models can be tried."""
    with pytest.raises(NotFound):
        api.import_(tmp_path / "nothing")
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    archive(tmp_path / "y.zip", [(zipfile.ZipInfo("MLmodel"), b"flavors: {}")])
    for path in (tmp_path, tmp_path / "x.zip", tmp_path / "y.zip"):
        with pytest.raises(NotABundle):
            api.import_(path)
    truncated = archive(tmp_path / "z.zip", [entry for entry in entries() if entry[0].filename != "model/model.bin"])
    with pytest.raises(Corrupted, match=r"model/model\.bin is missing"):
        api.import_(truncated)


def test_a_removed_number_comes_back_as_a_new_one(tmp_path: Path, home: Path) -> None:
    """The error says how, and that works."""
    path = archive(tmp_path / "x.zip", entries())
    assert api.import_(path).ref == "churn:1"
    Store(str(home / "store"), tmp_path).remove("churn", 1)
    with pytest.raises(Conflict, match=r"removed .* by .* on .*nbdeploy import PATH --renumber"):
        api.import_(path)
    assert api.import_(path, renumber=True).ref == "churn:2"


def test_copies_between_stores_keep_everything_and_conflicts_are_said(tmp_path: Path, home: Path) -> None:
    """Name, number and record travel; a number that means something else there is refused, naming both."""
    api.import_(folder(tmp_path / "x"))
    there = tmp_path / "there"
    copied = api.copy("churn", there)
    assert (copied.files, str(copied.version)) == (2, "churn:1")
    assert api.copy("churn:1", there).line.endswith("all its files were there")
    here = Store(str(home / "store"), tmp_path).resolve("churn")
    found = Store(str(there), tmp_path).resolve("churn")
    assert (found, found.record) == (here, here.record)
    other = Store(str(tmp_path / "other"), tmp_path)
    other.add("churn", *bundle("another"))
    with pytest.raises(
        Conflict, match=rf"{other.resolve('churn').digest[:19]} by .*{here.digest[:19]}.*share one store"
    ):
        api.copy("churn", tmp_path / "other")


def test_a_name_of_another_kind_takes_no_import(tmp_path: Path, home: Path) -> None:
    """Numbers under the name of labels are refused as a snapshot is, and nothing is written."""
    store = Store(str(home / "store"), tmp_path)
    manifest, files = bundle("labels", "string")
    store.adopt(Manifest.sealed(manifest.content, {"name": "churn", "version": 7}), files)
    manifest, files = bundle("numbers", "float64")
    path = archive(
        tmp_path / "x.zip",
        [
            (zipfile.ZipInfo(name), data)
            for name, data in {"content.json": manifest.content, "record.json": manifest.record, **files}.items()
        ],
    )
    with pytest.raises(Conflict, match="models of another kind"):
        api.import_(path)
    assert [str(version) for version in store.versions("churn")] == ["churn:7"]


def test_an_export_has_the_files_of_the_bundle_only_and_is_the_same_each_time(tmp_path: Path) -> None:
    """Whatever a cache folder has beside them stays there; two archives of one bundle are equal."""
    with unpacked(folder(tmp_path / "x")) as found:
        (tmp_path / "x" / "stray.pyc").write_bytes(b"")
        out = found.export(tmp_path / "out")
        assert {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} == set(found.names)
        first = found.export(tmp_path / "1.zip").read_bytes()
        os.utime(tmp_path / "x" / "model" / "model.bin", (0, 0))
        assert found.export(tmp_path / "2.zip").read_bytes() == first
    with unpacked(tmp_path / "1.zip") as again:
        assert again.digest == found.digest

"""The store: numbered facts that are never changed, safe under concurrent writers."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.errors import Conflict, Corrupted, InvalidName, NotFound, NotWritable, Unreachable
from nbdeploy.snapshots.catalog import list_versions
from nbdeploy.store import Store
from nbdeploy.types import Ref
from tests.store.making import bundle


def add(folder: Path, payload: str) -> tuple[int, bool]:
    """Store a bundle in a process of its own."""
    version, created = Store(str(folder / "store"), folder / "cache").add("churn", *bundle(payload))
    return version.number, created


def test_versions_count_from_one_and_the_same_content_is_one_version(store: Store) -> None:
    """New content is the next number; known content is the number it has."""
    assert str(store.add("churn", *bundle("a"))[0]) == "churn:1"
    assert str(store.add("churn", *bundle("b"))[0]) == "churn:2"
    assert store.add("churn", *bundle("a")) == (store.resolve("churn:1"), False)


def test_eight_processes_storing_different_models_get_eight_numbers(tmp_path: Path) -> None:
    """Concurrent writers never overwrite each other, and no number is left out."""
    with ProcessPoolExecutor(8, mp_context=multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(add, [tmp_path] * 8, [f"model {i}" for i in range(8)]))
    assert sorted(results) == [(number, True) for number in range(1, 9)]


def test_eight_processes_storing_the_same_model_get_one_number(tmp_path: Path) -> None:
    """Losers of the race find that the winner stored what they wanted to."""
    with ProcessPoolExecutor(8, mp_context=multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(add, [tmp_path] * 8, ["the model"] * 8))
    assert {number for number, _ in results} == {1}
    assert sum(created for _, created in results) == 1


def test_every_kind_of_reference_resolves(store: Store) -> None:
    """Latest, number, alias, digest, MLflow's spelling."""
    first, _ = store.add("churn", *bundle("a"))
    second, _ = store.add("churn", *bundle("b"))
    store.set_alias("churn", "champion", 1)
    for ref, version in [
        ("churn", second),
        ("churn:1", first),
        ("churn@champion", first),
        (f"churn@{second.digest}", second),
        (f"churn@{second.digest[:19]}", second),
        ("models:/churn@champion", first),
        ("models:/churn/2", second),
    ]:
        assert store.resolve(ref) == version, ref


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("chrun", "no snapshot 'chrun'; did you mean churn?"),
        ("churn:7", "no snapshot 'churn:7'; did you mean churn:1"),
        ("churn@chmpion", "did you mean churn@champion"),
        ("churn@sha256:000000000000", "no snapshot 'churn@sha256:000000000000'"),
    ],
)
def test_unknown_references_say_what_there_is(store: Store, ref: str, message: str) -> None:
    """A reference that means nothing is answered with what was probably meant."""
    store.add("churn", *bundle("a"))
    store.set_alias("churn", "champion", 1)
    with pytest.raises(NotFound) as caught:
        store.resolve(ref)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["../x", "a/b", "Churn", "", "-x", "x" * 64, ".hidden", "a b"])
def test_names_that_could_leave_the_store_are_refused(store: Store, name: str) -> None:
    """The naming rule is in the message."""
    with pytest.raises(InvalidName, match=r"\[a-z0-9\]"):
        store.add(name, *bundle("a"))


def test_aliases_move_and_go(store: Store) -> None:
    """An alias means its last move; a removed one means nothing."""
    store.add("churn", *bundle("a"))
    store.add("churn", *bundle("b"))
    store.set_alias("churn", "champion", 1)
    store.set_alias("churn", "champion", 2)
    assert store.aliases("churn") == {"champion": 2}
    store.remove_alias("churn", "champion")
    assert store.aliases("churn") == {}
    with pytest.raises(NotFound):
        store.set_alias("churn", "champion", 9)


def test_a_changed_blob_is_found(store: Store, tmp_path: Path) -> None:
    """One byte changed in the store is an error that names the digest, not a wrong answer."""
    version, _ = store.add("churn", *bundle("a model"))
    digest = next(iter(store.manifest(version).parsed.files.values())).sha256
    blob = tmp_path / "store" / "blobs" / "sha256" / digest[:2] / digest
    blob.write_bytes(b"b model")
    with pytest.raises(Corrupted, match=digest):
        store.open(version)


def test_storing_again_mends_a_damaged_blob(store: Store, tmp_path: Path) -> None:
    """What the message advises works: the same content stored again makes the store whole."""
    version, _ = store.add("churn", *bundle("a model"))
    digest = next(iter(store.manifest(version).parsed.files.values())).sha256
    (tmp_path / "store" / "blobs" / "sha256" / digest[:2] / digest).write_bytes(b"")
    assert digest in store.missing(store.manifest(version))
    assert store.add("churn", *bundle("a model")) == (version, False)
    store.check(version)
    assert store.missing(store.manifest(version)) == []


def test_leftovers_and_strange_files_take_nothing_down(store: Store, tmp_path: Path) -> None:
    """Empty folders and files of killed writes, files of the system, a lost fact: everything else goes on."""
    store.add("churn", *bundle("a"))
    models = tmp_path / "store" / "models"
    for folder in ("churn/aliases/empty", "half/versions", "Thumbs", "churn/aliases/champion"):
        (models / folder).mkdir(parents=True)
    (models / "churn" / "versions" / ".DS_Store").write_bytes(b"x")
    (models / "churn" / "aliases" / "champion" / "00000002.json").write_text('{"version": 1}')
    assert (store.names(), store.aliases("churn")) == (["churn"], {"champion": 1})
    store.add("churn", *bundle("b"))
    store.set_alias("churn", "champion", 2)
    assert store.resolve("churn@champion") == store.resolve("churn")
    (models / "churn" / "aliases" / "champion" / "00000004.json").write_text("")
    assert store.resolve("churn@champion").number == 2
    (models / "churn" / "aliases" / "champion" / "00000005.json").write_text("{")
    with pytest.raises(Corrupted, match="churn@champion"):
        store.aliases("churn")


def test_one_damaged_record_takes_nothing_else_down(store: Store, tmp_path: Path) -> None:
    """It is told where it is asked for, and the others are listed, and added to."""
    for payload in "abc":
        store.add("churn", *bundle(payload))
    (tmp_path / "store" / "models" / "churn" / "versions" / "00000003.json").write_text("{")
    told: list[Corrupted] = []
    assert [version.number for version in store.versions("churn", told.append)] == [1, 2]
    assert "record 3 of the versions of churn is damaged" in str(told[0])
    assert store.newest("churn") == store.resolve("churn:2")
    with pytest.raises(Corrupted, match="record 3 of the versions of churn"):
        store.resolve("churn")
    assert store.add("churn", *bundle("a"))[0].number == 1
    assert store.add("churn", *bundle("d"))[0].number == 4


@pytest.mark.parametrize("damage", [b"{", b"[1]", b'{"version": "1"}', b"{}"])
def test_a_damaged_move_takes_nothing_else_down_and_can_be_made_anew(
    store: Store, tmp_path: Path, damage: bytes
) -> None:
    """The alias means nothing until then, and never again what it meant before."""
    store.add("churn", *bundle("a"))
    store.add("churn", *bundle("b"))
    store.set_alias("churn", "prod", 1)
    store.set_alias("churn", "champion", 1)
    store.set_alias("churn", "champion", 2)
    (tmp_path / "store" / "models" / "churn" / "aliases" / "champion" / "00000002.json").write_bytes(damage)
    lost: list[Corrupted] = []
    assert (store.aliases("churn", lost.append), len(lost)) == ({"prod": 1}, 1)
    for ask in (store.aliases, lambda name: store.remove(name, 2)):
        with pytest.raises(Corrupted, match="set it anew"):
            ask("churn")
    listed = list_versions(store)
    assert [row["aliases"] for row in listed.document()] == [[], ["prod"]]
    assert "churn@champion is damaged" in listed.notices[0]
    assert store.resolve("churn@prod").number == 1
    assert [move["version"] for move in store.moves("churn")["prod"]] == [1]
    with pytest.raises(Corrupted, match=r"damaged.*set it anew with: nbdeploy alias churn:NUMBER champion"):
        store.resolve("churn@champion")
    store.set_alias("churn", "champion", 2)
    assert store.resolve("churn@champion").number == 2


def test_versions_are_numbers_not_text(store: Store, tmp_path: Path) -> None:
    """The latest of many is the highest number."""
    for i in range(11):
        store.add("churn", *bundle(str(i)))
    assert store.resolve("churn").number == 11


def test_an_unreachable_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object store where nothing answers is an error in words."""
    for name, value in {"ENDPOINT": "http://127.0.0.1:9", "ALLOW_HTTP": "true", "SKIP_SIGNATURE": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_REGION", "eu-south-2")
    with pytest.raises(Unreachable, match="s3://bucket/prefix cannot be read"):
        Store("s3://bucket/prefix", tmp_path).names()


def test_a_changed_cache_is_unpacked_again(store: Store) -> None:
    """The cache is checked at each opening and mended from the store."""
    version, _ = store.add("churn", *bundle("a model"))
    file = store.open(version) / "model" / "model.bin"
    file.write_bytes(b"something else")
    assert (store.open(version) / "model" / "model.bin").read_bytes() == b"a model"


def test_adopting_keeps_the_number_and_refuses_another_content(store: Store, tmp_path: Path) -> None:
    """A version from elsewhere comes as it is; a number that means another model is a conflict naming both."""
    version, _ = store.add("churn", *bundle("a"))
    manifest = store.manifest(version)
    other = Store(str(tmp_path / "other"), tmp_path / "cache")
    with pytest.raises(Corrupted, match="incomplete"):
        other.adopt(manifest)
    for digest in other.missing(manifest):
        other.put_blob(digest, store.blob(digest))
    assert other.adopt(manifest) == version
    third = Store(str(tmp_path / "third"), tmp_path / "cache")
    third.add("churn", *bundle("b"))
    for digest in third.missing(manifest):
        third.put_blob(digest, store.blob(digest))
    with pytest.raises(Conflict, match="share one store") as caught:
        third.adopt(manifest)
    assert version.digest[:19] in str(caught.value)


def test_a_blob_with_another_digest_is_not_stored(store: Store) -> None:
    """What arrives is compared with the name it arrives under."""
    with pytest.raises(Corrupted, match="send it again"):
        store.put_blob("0" * 64, b"x")


def test_a_store_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    """A file where the folder should be is named in the message."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="file"):
        Store(str(tmp_path / "file" / "store"), tmp_path / "cache")


NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)


@given(
    NAMES,
    st.one_of(
        st.none(),
        st.integers(1, 10**6),
        NAMES.filter(lambda a: not a.startswith("sha256")),
        st.from_regex(r"sha256:[0-9a-f]{12,64}", fullmatch=True),
    ),
    st.none() | NAMES,
)
def test_references_survive_being_written(name: str, qualifier: object, target: str | None) -> None:
    """Reading what a reference writes gives the reference."""
    ref = Ref(
        name,
        version=qualifier if isinstance(qualifier, int) else None,
        alias=qualifier if isinstance(qualifier, str) and ":" not in qualifier else None,
        digest=qualifier if isinstance(qualifier, str) and ":" in qualifier else None,
        target=target,
    )
    assert Ref.parse(str(ref)) == ref


@pytest.mark.parametrize("text", ["churn:", "churn:0", "churn:x", "churn@", "@x", "churn@sha256:12", "a/b/c", "Churn"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    """A reference that cannot be read is an error of its own, not a missing snapshot."""
    with pytest.raises(InvalidName):
        Ref.parse(text)

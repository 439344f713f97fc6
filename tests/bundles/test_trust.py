"""Whose bundles may be loaded, and when code that came with them may run."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import nbdeploy as nd
from nbdeploy import api
from nbdeploy.bundles import Trust
from nbdeploy.bundles.keys import Keys
from nbdeploy.bundles.signing import fingerprint, sign, verify_signature
from nbdeploy.commands.shell import run
from nbdeploy.errors import Conflict, Corrupted, Forbidden, InvalidData, NotFound
from nbdeploy.manifest import SIGNATURE, Manifest, canonical_json, file_entry
from nbdeploy.mlflow import _load_pyfunc
from nbdeploy.predictor import load
from nbdeploy.settings import Settings


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Two pairs: ours and somebody else's."""
    found = Keys(tmp_path_factory.mktemp("keys"))
    found.create("ours")
    found.create("foreign")
    return found


@pytest.fixture
def species(stock: Path, tmp_path: Path) -> Path:
    """A bundle that carries code."""
    return api.export("species", tmp_path / "species").path


@pytest.fixture
def forest(stock: Path, tmp_path: Path) -> Path:
    """A bundle that carries none."""
    return api.export("forest", tmp_path / "forest").path


def signed(folder: Path, key: Path) -> Path:
    """Sign a bundle where it lies, as a snapshot is signed."""
    manifest = Manifest.read(folder)
    signature = sign(manifest.content, manifest.parsed, key)
    (folder / SIGNATURE).write_bytes(signature)
    record = manifest.record_document
    files = {**record["files"], SIGNATURE: json.loads(canonical_json(file_entry(signature)))}
    (folder / "record.json").write_bytes(Manifest.sealed(manifest.content, {**record, "files": files}).record)
    return folder


def test_code_runs_always_signed_or_never(species: Path, forest: Path, keys: Keys) -> None:
    """What carries no code loads anyhow; what does, as the setting says."""
    trusted = (keys.public("ours"),)
    load(species, Trust("always"))
    with pytest.raises(Forbidden, match="allow_code is never"):
        load(species, Trust("never", trusted))
    with pytest.raises(Forbidden, match=r"is not signed.*keys create NAME.*--sign NAME.*--trust"):
        load(species, Trust("signed", trusted))
    for code in ("never", "signed", "always"):
        load(forest, Trust(code))
    load(signed(species, keys.private("ours")), Trust("signed", trusted))
    with pytest.raises(Forbidden, match="allow_code is never"):
        load(species, Trust("never", trusted))


def test_nothing_runs_before_the_audit(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused bundle's captured code is not executed: the setting reaches every way of loading."""
    folder = api.export("species", tmp_path / "species").path
    monkeypatch.setenv("NBDEPLOY_ALLOW_CODE", "never")
    monkeypatch.setattr("nbdeploy.predictor.load_modules", lambda *_: pytest.fail("captured code was loaded"))
    for attempt in (
        lambda: nd.load("species"),
        lambda: _load_pyfunc(str(folder)),
        lambda: nd.verify("species"),
        lambda: nd.predict("species", folder / "sample.parquet"),
    ):
        with pytest.raises(Forbidden, match="NBDEPLOY_ALLOW_CODE=signed"):
            attempt()


def test_settings_that_are_given_decide(stock: Path) -> None:
    """Not those in force where the call happens to run."""
    strict = replace(Settings.load(), allow_code="never")
    for attempt in (
        lambda: nd.load("species", settings=strict),
        lambda: nd.predict("species", stock / "none.csv", settings=strict),
    ):
        with pytest.raises(Forbidden, match="allow_code is never"):
            attempt()


def test_a_required_signature_is_ours_and_over_this_content(forest: Path, species: Path, keys: Keys) -> None:
    """None, another key's, another bundle's and a changed one are refused, each in its own words."""
    trust = Trust(keys=(keys.public("ours"),), required=True)
    with pytest.raises(Forbidden, match="forest:1 is not signed"):
        load(forest, trust)
    with pytest.raises(Forbidden, match=r"a key that is not trusted here \(.*\); trusted keys: ours.pub"):
        load(signed(forest, keys.private("foreign")), trust)
    load(signed(forest, keys.private("ours")), trust)
    manifest = Manifest.read(forest)
    stolen = (signed(species, keys.private("ours")) / SIGNATURE).read_bytes()
    with pytest.raises(Corrupted, match="is not over its content"):
        verify_signature(manifest, stolen, trust.keys)


def test_every_changed_byte_of_a_signature_is_found_or_changes_nothing(forest: Path, keys: Keys) -> None:
    """A tampered signature is never taken for another one, and never a traceback."""
    manifest = Manifest.read(forest)
    whole = (signed(forest, keys.private("ours")) / SIGNATURE).read_bytes()
    trusted = (keys.public("ours"),)
    assert verify_signature(manifest, whole, trusted) == trusted[0]
    payload = whole.index(b'"payload"') + 30
    for position in (0, len(whole) // 4, payload, whole.index(b'"sig"') + 20, len(whole) - 1):
        forged = whole[:position] + bytes([whole[position] ^ 2]) + whole[position + 1 :]
        with pytest.raises((Corrupted, Forbidden)):
            verify_signature(manifest, forged, trusted)
    for junk in (b"", b"{}", b"[]", b"null", b'{"verificationMaterial": {"publicKey": {"hint": null}}}'):
        with pytest.raises((Corrupted, Forbidden)):
            verify_signature(manifest, junk, trusted)


def test_the_library_itself_verifies_an_exported_bundle(forest: Path, keys: Keys) -> None:
    """The signature is one that others' tools understand, of the folder as it is."""
    import model_signing

    signed(forest, keys.private("ours"))
    verifier = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=keys.public("ours"))
    verifier.verify(forest, forest / SIGNATURE)
    (forest / "requirements.txt").write_text("changed")
    with pytest.raises(ValueError, match=r"requirements\.txt"):
        verifier.verify(forest, forest / SIGNATURE)


def test_a_signature_travels(forest: Path, keys: Keys, tmp_path: Path) -> None:
    """Imported, stored, exported again as an archive, and imported elsewhere: still signed."""
    signed(forest, keys.private("ours"))
    home = Settings.load(environ={"NBDEPLOY_HOME": str(tmp_path / "one")})
    api.import_(forest, settings=home)
    api.export("forest", tmp_path / "forest.zip", settings=home)
    other = Settings.load(environ={"NBDEPLOY_HOME": str(tmp_path / "two")})
    api.import_(tmp_path / "forest.zip", settings=other)
    shown = api.verify("forest", signed_by=keys.public("ours"), settings=other)
    assert shown.document()["rehearsal"]["max_difference"] == 0.0
    with pytest.raises(Forbidden, match="not trusted here"):
        api.verify("forest", signed_by=keys.public("foreign"), settings=other)


def test_keys_are_their_owners_and_never_overwritten(home: Path) -> None:
    """The private key is readable by nobody else; the same name again changes nothing."""
    made = api.keys_create("release")
    private = home / "keys" / "release.key"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    before = private.read_bytes()
    with pytest.raises(Conflict, match="never overwritten"):
        api.keys_create("release")
    assert private.read_bytes() == before
    assert "PRIVATE" not in str(made) + str(made.document())
    assert [pair["name"] for pair in api.keys_list().document()] == ["release"]
    elsewhere = api.keys_create("release", out="here").document()
    assert elsewhere["public"] == str(Path("here").absolute() / "release.pub")


def test_keys_are_found_by_name_and_by_file(keys: Keys, tmp_path: Path) -> None:
    """A key that is not there is named, with those that are; a file that is no key says so."""
    assert keys.public("ours") == keys.public("ours.pub") == keys.public(keys.folder / "ours.pub")
    with pytest.raises(NotFound, match=r"no key 'our'; did you mean ours.*keys create"):
        keys.private("our")
    (tmp_path / "x.pub").write_text("no key")
    with pytest.raises(InvalidData, match="holds no public key"):
        fingerprint(tmp_path / "x.pub")
    with pytest.raises(InvalidData, match="is not a private key that can sign"):
        sign(b"{}", None, keys.public("ours"))  # type: ignore[arg-type]


def test_a_snapshot_is_signed_and_says_by_whom(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--sign`` makes a version of its own where the content was there unsigned; again, it is found."""
    api.keys_create("release")
    frame = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) % 3})
    model = LinearRegression().fit(frame, frame["a"])
    with pytest.raises(NotFound, match="no key 'nobody'"):
        nd.snapshot(model, "line", frame, sign="nobody")
    assert nd.snapshot(model, "line", frame).ref == "line:1"
    first = nd.snapshot(model, "line", frame, sign="release")
    assert (first.ref, first.event) == ("line:2", "stored")
    assert nd.snapshot(model, "line", frame, sign="release").event == "found"
    assert "verify --signed-by" in str(first)
    assert run(["verify", "line:2", "--signed-by", "release", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["signed_by"] == api.keys_list().document()[0]["fingerprint"]
    assert run(["verify", "line:1", "--signed-by", "release"]) == 1
    assert "line:1 is not signed" in capsys.readouterr().err

"""Signatures over the content of bundles, by the OpenSSF ``model-signing`` library with a pair of keys, offline.

A signature covers ``content.json`` and every file that it lists, by their SHA-256. It lies beside the content as
``model.sig``, a Sigstore bundle that other tools verify too: ``model_signing verify key``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbdeploy.errors import Corrupted, Forbidden, InvalidData, MissingExtra, NotFound
from nbdeploy.files import TemporaryFolder
from nbdeploy.hints import typed
from nbdeploy.manifest import BESIDE, CONTENT, RECORD, SIGNATURE, Content, Manifest, sha256

__all__ = ["fingerprint", "sign", "signer_of", "verify_signature"]


def sign(content: bytes, listed: Content, private_key: Path) -> bytes:
    """Sign a bundle's content.

    Parameters
    ----------
    content : bytes
        ``content.json``.
    listed : Content
        The same, read.
    private_key : Path
        A PEM file with a private elliptic-curve key.

    Returns
    -------
    bytes
        What ``model.sig`` has to hold.

    Raises
    ------
    InvalidData
        If the key cannot be read.
    MissingExtra
        If ``model-signing`` is not installed.
    """
    library = _library()
    _require(private_key, "private key")
    with TemporaryFolder(prefix="nbdeploy-") as folder:
        out = Path(folder, SIGNATURE)
        try:
            signer = library.signing.Config().use_elliptic_key_signer(private_key=private_key)
        except Exception as error:
            raise InvalidData(f"{private_key} is not a private key that can sign: {error}") from error
        signer.set_hashing_config(_known(content, listed)).sign("content", out)
        return out.read_bytes()


def verify_signature(manifest: Manifest, signature: bytes, keys: Sequence[Path]) -> Path:
    """Find the key that signed a bundle.

    Parameters
    ----------
    manifest : Manifest
        The bundle's documents. Its files are compared with them elsewhere.
    signature : bytes
        ``model.sig``.
    keys : sequence of Path
        PEM files with public keys; any of them may have signed.

    Raises
    ------
    Forbidden
        If it was signed with none of these keys.
    Corrupted
        If it is no signature, or was made over another content.
    """
    known = {fingerprint(key): key for key in keys}
    signer = signer_of(signature)
    name = f"{manifest.name}:{manifest.number}"
    if signer not in known:
        have = ", ".join(f"{key.name} ({found[:12]})" for found, key in known.items()) or "none"
        raise Forbidden(
            f"{name} is signed with a key that is not trusted here ({signer[:12]}); trusted keys: {have}",
            signer=signer,
        )
    library = _library()
    with TemporaryFolder(prefix="nbdeploy-") as folder:
        path = Path(folder, SIGNATURE)
        path.write_bytes(signature)
        verifier = library.verifying.Config().use_elliptic_key_verifier(public_key=known[signer])
        try:
            verifier.set_hashing_config(_known(manifest.content, manifest.parsed)).verify("content", path)
        except Exception as error:
            raise Corrupted(
                f"the signature of {name} is not over its content: one of the two was changed ({error or 'no match'})"
            ) from error
    return known[signer]


def fingerprint(public_key: Path) -> str:
    """SHA-256 of a public key, by which signatures name it.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidData
        If it holds no public key.
    """
    _library()
    from cryptography.hazmat.primitives import serialization

    _require(public_key, "public key")
    try:
        key = serialization.load_pem_public_key(public_key.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidData(f"{public_key} holds no public key: {error}", path=str(public_key)) from error
    return sha256(key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


def _require(key: Path, kind: str) -> None:
    if not key.is_file():
        raise NotFound(kind, str(key), hint=f"make a pair with: {typed('keys create NAME')}")


def signer_of(signature: bytes) -> str:
    """Fingerprint of the key that a signature says it was made with.

    Raises
    ------
    Corrupted
        If it is no signature, or one of another kind.
    """
    try:
        hint = json.loads(signature)["verificationMaterial"]["publicKey"]["hint"]
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupted(f"{SIGNATURE} is not a signature made with a key: {error}") from error
    return str(hint)


def _library() -> Any:
    try:
        import model_signing
    except ImportError as error:
        raise MissingExtra("signing", "signing") from error
    return model_signing


def _known(content: bytes, listed: Content) -> Any:
    """The library's hashing, with the digests that a bundle has already: files are hashed once, not thrice."""
    from model_signing import hashing, manifest
    from model_signing._hashing.hashing import Digest

    ignored = sorted({*BESIDE, RECORD})
    how = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": ignored}
    kind = manifest.SerializationType.from_args(how)
    digests = {CONTENT: sha256(content), **{path: entry.sha256 for path, entry in listed.files.items()}}

    items = [kind.new_item(path, Digest("sha256", bytes.fromhex(found))) for path, found in digests.items()]
    config: Any = hashing.Config()  # type: ignore[no-untyped-call]
    config.hash = lambda *_, **__: manifest.Manifest("content", items, kind)
    return config

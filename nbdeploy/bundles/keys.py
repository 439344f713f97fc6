"""Pairs of keys to sign with: made, found by name, and kept for their owner only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbdeploy.bundles.signing import fingerprint
from nbdeploy.errors import Conflict, MissingExtra, NotFound
from nbdeploy.files import write_atomically
from nbdeploy.hints import typed
from nbdeploy.types import check_name, is_name

__all__ = ["KeyPair", "Keys"]

PRIVATE, PUBLIC = ".key", ".pub"


@dataclass(frozen=True)
class KeyPair:
    """A private key, and the public one that others verify with.

    Attributes
    ----------
    name : str
        What it is called.
    private, public : Path
        The two PEM files.
    fingerprint : str
        SHA-256 of the public key.
    """

    name: str
    private: Path
    public: Path
    fingerprint: str


class Keys:
    """The keys in a folder.

    Parameters
    ----------
    folder : Path
        Where they are: ``NAME.key`` (mode 0600) and ``NAME.pub``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, name: str) -> KeyPair:
        """Make a pair of keys on the curve P-256.

        Raises
        ------
        Conflict
            If there is a key of that name; it is never overwritten.
        MissingExtra
            If the extra ``signing`` is not installed.
        """
        check_name(name, "key name")
        private, public = self._files(name)
        taken = [path for path in (private, public) if path.exists()]
        if taken:
            raise Conflict(f"{taken[0]} exists, and a key is never overwritten; take another name", path=str(taken[0]))
        secret, told = _generated()
        write_atomically(private, secret, mode=0o600)
        write_atomically(public, told)
        return KeyPair(name, private, public, fingerprint(public))

    def all(self) -> list[KeyPair]:
        """Every pair, by name."""
        found = sorted(self.folder.glob(f"*{PUBLIC}")) if self.folder.is_dir() else []
        return [KeyPair(path.stem, path.with_suffix(PRIVATE), path, fingerprint(path)) for path in found]

    def private(self, key: str | Path) -> Path:
        """Find a private key by its name, or by its path."""
        return self._found(key, PRIVATE)

    def public(self, key: str | Path) -> Path:
        """Find a public key by its name, or by its path."""
        return self._found(key, PUBLIC)

    def trusted(self, keys: Iterable[str | Path]) -> tuple[Path, ...]:
        """Find several public keys."""
        return tuple(self.public(key) for key in keys)

    def _found(self, key: str | Path, suffix: str) -> Path:
        path = Path(key).expanduser().absolute()
        if path.is_file():
            return path
        named = self.folder / f"{str(key).removesuffix(suffix)}{suffix}"
        if is_name(named.stem) and named.is_file():
            return named
        known = [found.name for found in self.folder.glob(f"*{suffix}")]
        raise NotFound("key", str(key), known, hint=f"give its file, or make a pair with: {typed('keys create NAME')}")

    def _files(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}{PRIVATE}", self.folder / f"{name}{PUBLIC}"


def _generated() -> tuple[bytes, bytes]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise MissingExtra("signing", "signing") from error
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    told = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return secret, told

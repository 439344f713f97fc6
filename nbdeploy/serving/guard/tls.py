"""Certificates of the endpoint: read and tried before it listens, and again when their files change."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

from nbdeploy.errors import WrongUsage
from nbdeploy.files import TemporaryFolder

__all__ = ["Renewal", "fingerprint", "secured"]

_log = logging.getLogger(__name__)

_END = "-----END CERTIFICATE-----"


def secured(certfile: str, keyfile: str) -> ssl.SSLContext:
    """Return what encrypts the endpoint's connections: TLS 1.2 or later.

    Parameters
    ----------
    certfile : str
        The certificate and those that lead to its authority, in PEM.
    keyfile : str
        Its private key, if that is not in the same file.

    Raises
    ------
    WrongUsage
        If one of them cannot be read, or they do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for name, path in (("certfile", certfile), ("keyfile", keyfile)):
        if path and not Path(path).is_file():
            raise WrongUsage(f"--{name} {path} is no file")
    try:
        context.load_cert_chain(certfile, keyfile or None, password=_no_password)
    except (OSError, ValueError) as error:
        told = [reason for sign, reason in _REASONS.items() if sign in str(error)]
        reason = told[0] if told else getattr(error, "strerror", None) or str(error)
        raise WrongUsage(f"the certificate {certfile} cannot be used: {reason}") from error
    return context


def fingerprint(certfile: str) -> str:
    """Return the SHA-256 of a certificate, by which a client on this machine knows it again.

    Parameters
    ----------
    certfile : str
        In PEM; the first one in it is meant.
    """
    text = Path(certfile).read_text(encoding="ascii", errors="replace")
    first = text[text.index("-----BEGIN CERTIFICATE-----") : text.index(_END) + len(_END)]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


class Renewal:
    """Notices that a certificate was renewed: it is valid for some weeks only, and an endpoint runs for longer.

    Parameters
    ----------
    certfile, keyfile : str
        As of :func:`secured`.
    """

    def __init__(self, certfile: str, keyfile: str) -> None:
        self._files = (certfile, keyfile or certfile)
        self._seen = self._stamps()

    def pair(self) -> tuple[bytes, bytes] | None:
        """Return certificate and key in PEM, if there are others since this was asked last, and they can be used.

        What cannot be used is told once; it may be half of what somebody is still writing.
        """
        stamps = self._stamps()
        if stamps == self._seen:
            return None
        self._seen = stamps
        try:
            chain, key = (Path(file).read_bytes() for file in self._files)
            with _written(chain, key) as copies:
                secured(*copies)
        except (OSError, WrongUsage) as error:
            _log.warning("the certificate in %s is not taken, and the former one stays: %s", self._files[0], error)
            return None
        return chain, key

    def renew(self, context: ssl.SSLContext) -> bool:
        """Have connections that begin from now on encrypted by it, and return whether there was another one."""
        found = self.pair()
        if found is not None:
            with _written(*found) as (chain, key):
                context.load_cert_chain(chain, key)
        return found is not None

    def _stamps(self) -> list[tuple[int, ...]]:
        stamps: list[tuple[int, ...]] = []
        for file in self._files:
            try:
                found = os.stat(file)  # noqa: PTH116 - follows the links by which platforms swap certificates
            except OSError:
                stamps.append(())
                continue
            stamps.append((found.st_ino, found.st_size, found.st_mtime_ns))
        return stamps


@contextlib.contextmanager
def _written(chain: bytes, key: bytes) -> Iterator[tuple[str, str]]:
    """Files of a pair, as the library wants them: the real ones may change between two looks."""
    with TemporaryFolder(prefix="nbdeploy-tls-") as folder:
        files = Path(folder, "chain.pem"), Path(folder, "key.pem")
        for file, content in zip(files, (chain, key), strict=True):
            file.touch(0o600)
            file.write_bytes(content)
        yield str(files[0]), str(files[1])


def _no_password() -> str:
    """Nobody is there to type one."""
    raise ValueError("its key is encrypted; write it out without a password, readable by its owner only")


_REASONS = {
    "KEY_VALUES_MISMATCH": "the key belongs to another certificate",
    "NO_START_LINE": "it is not in PEM",
    "PEM lib": "it holds no certificate and key in PEM; give the key with --keyfile",
}

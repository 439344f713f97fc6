"""Certificates of the endpoint: read and tried before it listens."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

from nbdeploy.errors import WrongUsage

__all__ = ["fingerprint", "secured"]

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


def _no_password() -> str:
    """Nobody is there to type one."""
    raise ValueError("its key is encrypted; write it out without a password, readable by its owner only")


_REASONS = {
    "KEY_VALUES_MISMATCH": "the key belongs to another certificate",
    "NO_START_LINE": "it is not in PEM",
    "PEM lib": "it holds no certificate and key in PEM; give the key with --keyfile",
}

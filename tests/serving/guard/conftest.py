"""Certificates of one's own."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificates(NamedTuple):
    """Files in PEM: an authority, and what it signed for this machine."""

    authority: Path
    certificate: Path
    key: Path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(subject: str, key: Any, issuer: str, signer: Any, *extensions: tuple[Any, bool]) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(_name(issuer), _name(subject), key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
    for extension, critical in extensions:
        made = made.add_extension(extension, critical)
    return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def private(key: Any, password: bytes | None = None) -> bytes:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority that nobody else knows, and a certificate of it for localhost."""
    folder = tmp_path_factory.mktemp("certificates")
    owner, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    here = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    known_by = x509.SubjectKeyIdentifier.from_public_key(owner.public_key())
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(owner.public_key())
    files = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    basic = x509.BasicConstraints(ca=True, path_length=None)
    files.authority.write_bytes(_signed("ours", owner, "ours", owner, (basic, True), (known_by, False)))
    files.certificate.write_bytes(_signed("server", key, "ours", owner, (here, False), (signed_by, False)))
    files.key.write_bytes(private(key))
    (folder / "locked.key").write_bytes(private(key, b"hunter2hunter2"))
    (folder / "other.key").write_bytes(private(owner))
    return files

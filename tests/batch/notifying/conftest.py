"""Places that are told: a web server and mail servers of the tests' own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Hook:
    """What a web server got, and what it answers."""

    url: str = ""
    status: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def serving(hook: Hook, context: ssl.SSLContext | None = None) -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(hook.status.pop(0) if hook.status else 204)
            self.end_headers()

        def log_message(self, *said: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that does not trust us goes."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        hook.url = f"http{'s' * bool(context)}://127.0.0.1:{server.server_port}/hooks/T0P"
        yield hook
        server.shutdown()


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A web server that takes what is posted."""
    with serving(Hook()) as served:
        yield served


@dataclass
class Mail:
    """What a mail server got."""

    server: str = ""
    got: list[Message] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - it is called so
        self.encrypted.append(session.ssl is not None)
        self.got.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"


@contextmanager
def posting(**options: Any) -> Iterator[Mail]:
    """A real SMTP server; it logs people in whose password is hunter2."""
    mail = Mail()

    def login(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        mail.logins.append(given.login)
        return AuthResult(success=given.password == b"hunter2", handled=False)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mail, hostname="127.0.0.1", port=port, authenticator=login, **options)
    controller.start()
    try:
        mail.server = f"127.0.0.1:{port}"
        yield mail
    finally:
        controller.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody else trusts, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def encryption(certificate: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def table(home: Path) -> Callable[..., None]:
    """A writer of the settings' file."""

    def write(text: str) -> None:
        Path("nbdeploy.toml").write_text(text)

    return write

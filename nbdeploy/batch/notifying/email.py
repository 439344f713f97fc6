"""E-mails by SMTP, with STARTTLS or TLS, and a login."""

from __future__ import annotations

import os
import smtplib
import socket
import ssl
from collections.abc import Mapping
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from nbdeploy.batch.notifying.message import Message
from nbdeploy.batch.notifying.notice import NotTold
from nbdeploy.errors import InvalidData

__all__ = ["EMAIL", "Email"]

SERVER, PASSWORD, SENDER = "NBDEPLOY_SMTP", "NBDEPLOY_SMTP_PASSWORD", "NBDEPLOY_SMTP_FROM"
"""Variables of the server, its password and the sender where no others are named."""
_PORTS = {"smtp": 587, "smtps": 465}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_REFUSED = 500


class Email:
    """Sends a text by a mail server."""

    options = frozenset({"to", "sender", "server", "password"})
    secrets = frozenset({"password"})

    def address(self, options: Mapping[str, Any]) -> str:
        """Whom it goes to."""
        to = _receivers(options)
        server = options.get("server")
        if isinstance(server, str) and not server.startswith("env:"):
            _server(server)
        return f"e-mail to {', '.join(to)}"

    def send(self, message: Message, options: Mapping[str, Any], seconds: float) -> None:
        """Send the message by the server that the options or the environment name."""
        named = options.get("server") or os.environ.get(SERVER)
        if not named:
            raise NotTold(f"no mail server is named: set {SERVER}=smtp://user@host:587", again=False)
        try:
            server = _server(named)
            mail = _mail(message, options, server)
            with _connected(server, seconds) as connection:
                _log_in(connection, server, options.get("password") or os.environ.get(PASSWORD))
                connection.send_message(mail)
        except InvalidData as error:
            raise NotTold(str(error), again=False) from error
        except smtplib.SMTPResponseException as error:
            raise NotTold(f"the mail server answers {error.smtp_code}", error.smtp_code < _REFUSED) from error
        except ssl.SSLError as error:
            raise NotTold("the mail server's certificate is not trusted, or it speaks no TLS", again=False) from error
        except TimeoutError as error:
            raise NotTold(f"no answer of the mail server within {seconds:g} s") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise NotTold("the mail server refuses the receiver", again=False) from error
        except (smtplib.SMTPException, OSError) as error:
            raise NotTold(f"no connection to the mail server ({type(error).__name__})") from error
        except (MessageError, ValueError) as error:
            raise NotTold(f"no e-mail can be made of it ({type(error).__name__})", again=False) from error


EMAIL = Email()


def _receivers(options: Mapping[str, Any]) -> list[str]:
    to = options.get("to")
    listed = [to] if isinstance(to, str) else to
    if not isinstance(listed, list) or not listed:
        raise InvalidData('an e-mail needs a receiver: to = ["team@example.org"]')
    for each in listed:
        name, address = parseaddr(str(each))
        if "@" not in address or any(char.isspace() for char in str(each)) or name:
            raise InvalidData(f"{each!r} is no e-mail address")
    return [str(each) for each in listed]


def _server(text: str) -> SplitResult:
    server = urlsplit(text)
    if server.scheme not in _PORTS or not server.hostname:
        raise InvalidData("a mail server is smtp://user@host:587, or smtps:// for TLS from the beginning")
    if server.password:
        raise InvalidData(f"the mail server {server.hostname} has its password in the address: set {PASSWORD} instead")
    return server


def _mail(message: Message, options: Mapping[str, Any], server: SplitResult) -> EmailMessage:
    mail = EmailMessage()
    user = unquote(server.username or "")
    mail["From"] = options.get("sender") or os.environ.get(SENDER) or (user if "@" in user else _this())
    mail["To"] = ", ".join(_receivers(options))
    mail["Subject"] = message.subject
    mail["Date"] = formatdate()
    mail["Auto-Submitted"] = "auto-generated"  # so that nobody's absence note answers
    mail["Nbdeploy-Delivery"] = message.delivery
    mail.set_content(message.body)
    return mail


def _this() -> str:
    return f"nbdeploy@{socket.gethostname()}"


def _connected(server: SplitResult, seconds: float) -> smtplib.SMTP:
    host, port = str(server.hostname), server.port or _PORTS[server.scheme]
    context = ssl.create_default_context()
    if server.scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=seconds, context=context)
    connection = smtplib.SMTP(host, port, timeout=seconds)
    try:
        connection.ehlo_or_helo_if_needed()
        if connection.has_extn("starttls"):
            connection.starttls(context=context)
    except BaseException:
        connection.close()
        raise
    return connection


def _log_in(connection: smtplib.SMTP, server: SplitResult, password: str | None) -> None:
    if not server.username:
        return
    if not password:
        raise InvalidData(f"the mail server is to be told a password: set {PASSWORD}")
    if not isinstance(connection.sock, ssl.SSLSocket) and server.hostname not in _LOOPBACK:
        raise InvalidData(f"the mail server {server.hostname} offers no TLS, and would get the password in the clear")
    connection.login(unquote(server.username), password)

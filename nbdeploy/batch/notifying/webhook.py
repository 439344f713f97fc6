"""Webhooks: a JSON document by POST, signed.

The signature is that of Stripe's webhooks: HMAC-SHA256 over the time of sending, a dot and the body, so that nobody can
change a message or send an old one again.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nbdeploy.batch.notifying.message import Message
from nbdeploy.batch.notifying.notice import NotTold
from nbdeploy.errors import InvalidData
from nbdeploy.version import __version__

__all__ = ["KEY", "SIGNATURE", "WEBHOOK", "Webhook", "signature"]

SIGNATURE = "Nbdeploy-Signature"
KEY = "NBDEPLOY_WEBHOOK_KEY"
"""Variable of the key that signs where no other is named."""
_BUSY = 429


class Webhook:
    """Posts to a URL."""

    options = frozenset({"url", "key"})
    secrets = frozenset({"key"})

    def address(self, options: Mapping[str, Any]) -> str:
        """The host: a path may be a secret."""
        url = options.get("url")
        if not isinstance(url, str) or not url:
            raise InvalidData('a webhook needs a url = "https://…", or url = "env:NAME" if it is a secret')
        if url.startswith("env:"):
            return f"webhook of {url.removeprefix('env:')}"
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidData("the url of a webhook begins with https:// and a host")
        if parts.username or parts.password:
            raise InvalidData(f'the url of the webhook at {parts.hostname} holds a password: use url = "env:NAME"')
        return f"webhook at {parts.hostname}"

    def send(self, message: Message, options: Mapping[str, Any], seconds: float) -> None:
        """Post the message; an answer other than 2xx means that it was not taken."""
        import os

        import requests

        body = json.dumps({**message.document, "subject": message.subject, "text": _text(message)}).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"nbdeploy/{__version__}",
            "Nbdeploy-Event": message.event,
            "Nbdeploy-Delivery": message.delivery,
        }
        key = options.get("key") or os.environ.get(KEY)
        if key:
            headers[SIGNATURE] = signature(body, key, int(time.time()))
        try:
            answer = requests.post(options["url"], body, headers=headers, timeout=seconds, allow_redirects=False)
        except requests.Timeout as error:
            raise NotTold(f"no answer within {seconds:g} s") from error
        except requests.exceptions.SSLError as error:
            raise NotTold("its certificate is not trusted, or it speaks no TLS", again=False) from error
        except requests.ConnectionError as error:
            raise NotTold("no connection: it is refused, or there is no such host") from error
        except (requests.RequestException, ValueError) as error:
            raise NotTold(f"it could not be sent ({type(error).__name__})", again=False) from error
        if not 200 <= answer.status_code < 300:
            raise NotTold(f"it answers {answer.status_code}", again=answer.status_code in {_BUSY, *range(500, 600)})


WEBHOOK = Webhook()


def signature(body: bytes, key: str, moment: int) -> str:
    """The header that proves who sent a body, and when.

    Parameters
    ----------
    body : bytes
        The request's body.
    key : str
        What both sides know.
    moment : int
        When it is sent, in seconds since 1970.

    References
    ----------
    RFC 2104 (HMAC); the header's form is that of Stripe: ``t=<seconds>,v1=<hex>``.

    Examples
    --------
    >>> signature(b"{}", "key", 1)
    't=1,v1=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224'
    """
    digest = hmac.new(key.encode(), f"{moment}.".encode() + body, "sha256").hexdigest()
    return f"t={moment},v1={digest}"


def _text(message: Message) -> str:
    """What chat programs show of a webhook."""
    return f"{message.subject}\n{message.body}".rstrip()

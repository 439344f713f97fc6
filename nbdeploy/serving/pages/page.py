"""The page to try a model on: one file, without anything from elsewhere.

It is made in the browser of the OpenAPI document, by text nodes only, so that no name or value in it is ever markup.
The policy allows exactly this style and this script, and requests to this endpoint.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from nbdeploy.codecs.strict_json import encode

__all__ = ["POLICY", "page"]


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


_STYLE, _SCRIPT, _PAGE = _file("page.css"), _file("page.js"), _file("page.html")

POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_digest(_STYLE)}",
        f"script-src {_digest(_SCRIPT)}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What the page's ``Content-Security-Policy`` says."""


def page(document: dict[str, Any] | None) -> str:
    """Return the page of a model.

    Parameters
    ----------
    document : dict or None
        Its OpenAPI document; None where the page has to ask for a token first.
    """
    data = encode(document).decode().replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    parts = {"style": _STYLE, "script": _SCRIPT, "document": data}
    head, *rest = _PAGE.split("{{")
    return head + "".join(parts[name] + after for name, _, after in (part.partition("}}") for part in rest))

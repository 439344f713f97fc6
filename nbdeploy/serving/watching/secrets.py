"""Takes secrets out of text that is going to be seen: whatever it was that quoted them."""

from __future__ import annotations

import re

__all__ = ["redact"]

_SECRETS = re.compile(
    r"nbd_[A-Za-z0-9_-]{16,}"  # our tokens
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"  # user and password of an address
    r"|(?<=bearer )[^\s,;'\"\\]{8,}"
    r"|(?<=basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=password=)[^\s&;,'\"]+|(?<=passwd=)[^\s&;,'\"]+"
    r"|(?<=token=)[^\s&;,'\"]+|(?<=api_key=)[^\s&;,'\"]+|(?<=secret=)[^\s&;,'\"]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.IGNORECASE | re.DOTALL,
)


def redact(text: str) -> str:
    """Replace secrets by ``[secret]``.

    Examples
    --------
    >>> redact("postgresql://crm:hunter2@db/x refused Bearer abcdefgh-1")
    'postgresql://[secret]@db/x refused Bearer [secret]'
    """
    return _SECRETS.sub("[secret]", text)

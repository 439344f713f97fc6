"""Secrets kept out of what a run says: its outputs, its log and its errors."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from nbdeploy.batch.failure import plain
from nbdeploy.batch.parameters.values import SECRET

__all__ = ["Mask", "Pieces"]

_SHORTEST_PART = 8
"""Lines of a secret, and its base64 in the midst of another text, are looked for if they are as long as this."""


class Mask:
    """Puts ``[secret]`` in the place of secrets, also as Python, JSON, HTML, addresses and base64 write them.

    Parameters
    ----------
    secrets : iterable of str
        The texts that nobody shall see.

    Examples
    --------
    >>> Mask(["hunter2"]).text("the password is hunter2")
    'the password is [secret]'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if form}
        self.forms = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, self.forms))) if forms else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def text(self, text: str) -> str:
        """A text without secrets. One that colours hide within a secret loses them."""
        if self._pattern is None:
            return text
        masked = self._pattern.sub(SECRET, text)
        if "\x1b" in masked and self._pattern.search(plain(masked)):
            return self._pattern.sub(SECRET, plain(masked))
        return masked

    def document(self, value: Any) -> Any:
        """A document of dicts, lists and texts without secrets."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.document(key): self.document(item) for key, item in value.items()}
            case list() | tuple():
                return [self.document(item) for item in value]
        return value

    def settled(self, text: str) -> tuple[str, str]:
        """A beginning of a text that can be shown, masked, and the end that may become a secret."""
        if self._pattern is None:
            return text, ""
        end = 0
        for found in self._pattern.finditer(text):
            if self._may_become(text[found.start() :]):
                return self.text(text[: found.start()]), text[found.start() :]
            end = found.end()
        first = max(end, len(text) - len(self.forms[0]) + 1)
        held = next((at for at in range(first, len(text)) if self._may_become(text[at:])), len(text))
        return self.text(text[:held]), text[held:]

    def _may_become(self, end: str) -> bool:
        return any(len(form) > len(end) and form.startswith(end) for form in self.forms)


class Pieces:
    """Masks texts that come in pieces, each stream for itself.

    What may be the beginning of a secret waits for the next piece.

    Examples
    --------
    >>> pieces = Pieces(Mask(["hunter2"]))
    >>> pieces.add("stdout", "so: hun"), pieces.add("stdout", "ter2!"), pieces.rest()
    ('so: ', '[secret]!', {})
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held: dict[str, str] = {}

    def add(self, stream: str, text: str) -> str:
        """What can be shown after another piece."""
        shown, self._held[stream] = self._mask.settled(self._held.get(stream, "") + text)
        return shown

    def rest(self) -> dict[str, str]:
        """What still waited, by stream: nothing follows."""
        held, self._held = self._held, {}
        return {stream: self._mask.text(text) for stream, text in held.items() if text}


def _forms(secret: str) -> Iterator[str]:
    """How a secret may be written."""
    yield secret
    yield from (line for line in secret.splitlines() if len(line) >= _SHORTEST_PART)
    yield repr(secret)[1:-1]
    yield repr(f"{secret}'\"")[1:-4]  # as within a longer text that has both quotes
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield from _within_base64(secret.encode())


def _within_base64(secret: bytes) -> Iterator[str]:
    """What base64 makes of it wherever it stands in a longer text: three forms, less what its neighbours decide."""
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret).decode().rstrip("=")
        first = -(-before * 8 // 6)
        whole = (before + len(secret)) * 8 // 6
        part = coded[first:whole]
        if len(part) >= _SHORTEST_PART:
            yield part
            yield part.translate(str.maketrans("+/", "-_"))

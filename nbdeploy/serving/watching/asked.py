"""The request that is being answered: its id, its place in a trace, and what is learnt of it on the way.

Trace context is that of the W3C recommendation *Trace Context*, level 1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

__all__ = ["Asked", "current", "note", "traced"]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE = re.compile(rb"[ -~]{0,512}")
_HEARD = frozenset({b"traceparent", b"tracestate", b"x-request-id"})
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16

current: ContextVar[Asked | None] = ContextVar("nbdeploy_asked", default=None)
"""The request that this task, or thread, works for."""


class Asked:
    """One request.

    Attributes
    ----------
    id : str
        What its sender calls it (``x-request-id``), or a new name.
    parent : str
        The span of its sender; empty if it did not say.
    flags : str
        Two hexadecimal digits; ``01`` if the sender records the trace.
    state : str
        ``tracestate`` as it came.
    facts : dict
        What is learnt on the way: caller, deployment, version, rows, reason of a refusal.
    """

    __slots__ = ("_span", "_trace", "facts", "flags", "id", "parent", "state")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.id = self.parent = self.state = self._trace = self._span = ""
        self.flags = "00"
        self.facts: dict[str, Any] = {}
        for header in headers:
            if header[0] in _HEARD:
                self._hear(*header)
        if not self.id:
            self.id = os.urandom(16).hex()
        if not self.parent:
            self.state = ""

    @property
    def trace(self) -> str:
        """The trace that it belongs to: 32 hexadecimal digits."""
        if not self._trace:
            self._trace = os.urandom(16).hex()
        return self._trace

    @property
    def span(self) -> str:
        """Its own place in the trace: 16 hexadecimal digits."""
        if not self._span:
            self._span = os.urandom(8).hex()
        return self._span

    @property
    def traceparent(self) -> str:
        """The header by which the trace goes on from here.

        Examples
        --------
        >>> sent = (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        >>> asked = Asked([sent])
        >>> asked.traceparent == f"00-0af7651916cd43dd8448eb211c80319c-{asked.span}-01"
        True
        """
        return f"00-{self.trace}-{self.span}-{self.flags}"

    def placed(self, trace: str, span: str, flags: str) -> None:
        """Take the place in a trace that somebody else chose."""
        self._trace, self._span, self.flags = trace, span, flags

    def _hear(self, name: bytes, value: bytes) -> None:
        if name == b"traceparent":
            self._continue(value)
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            self.id = value.decode("ascii")
        elif name == b"tracestate" and _STATE.fullmatch(value):
            self.state = value.decode("ascii")

    def _continue(self, value: bytes) -> None:
        """A parent that breaks the rules is no parent (a later version may have more fields)."""
        found = _PARENT.fullmatch(value.strip())
        if found is None:
            return
        version, trace, span, flags, more = (part.decode("ascii") if part else "" for part in found.groups())
        if version == "ff" or (version == "00" and more) or trace == _NO_TRACE or span == _NO_SPAN:
            return
        self._trace, self.parent, self.flags = trace, span, f"{int(flags, 16) & 1:02x}"


def traced() -> str:
    """Return by which ``traceparent`` the trace of the request that is being answered goes on; empty if it has none."""
    asked = current.get()
    return asked.traceparent if asked is not None and (asked.parent or asked.flags == "01") else ""


def note(**facts: Any) -> None:
    """Remember what was learnt of the request that is being answered; nothing if there is none."""
    asked = current.get()
    if asked is not None:
        asked.facts.update(facts)

"""The request that is being answered: its id, its place in a trace, and what is learnt of it on the way.

Trace context is that of the W3C recommendation *Trace Context*, level 1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

__all__ = ["Asked", "current", "note"]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE = re.compile(rb"[ -~]{0,512}")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16

current: ContextVar[Asked | None] = ContextVar("nbdeploy_asked", default=None)
"""The request that this task, or thread, works for."""


class Asked:
    """One request.

    Attributes
    ----------
    id : str
        What its sender calls it (``x-request-id``), or a new name.
    trace, span : str
        The trace that it belongs to, 32 hexadecimal digits, and its own place in that, 16 of them.
    parent : str
        The span of its sender; empty if it did not say.
    flags : str
        Two hexadecimal digits; ``01`` if the sender records the trace.
    state : str
        ``tracestate`` as it came.
    facts : dict
        What is learnt on the way: caller, deployment, version, rows, reason of a refusal.
    """

    __slots__ = ("facts", "flags", "id", "parent", "span", "state", "trace")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        fresh = os.urandom(24).hex()
        self.id = ""
        self.trace, self.span, self.parent = fresh[:32], fresh[32:], ""
        self.flags, self.state = "00", ""
        self.facts: dict[str, Any] = {}
        for name, value in headers:
            if name == b"traceparent":
                self._continue(value)
            elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                self.id = value.decode("ascii")
            elif name == b"tracestate" and _STATE.fullmatch(value):
                self.state = value.decode("ascii")
        if not self.parent:
            self.state = ""
        if not self.id:
            self.id = fresh[:32]

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

    def _continue(self, value: bytes) -> None:
        """A parent that breaks the rules is no parent (a later version may have more fields)."""
        found = _PARENT.fullmatch(value.strip())
        if found is None:
            return
        version, trace, span, flags, more = (part.decode("ascii") if part else "" for part in found.groups())
        if version == "ff" or (version == "00" and more) or trace == _NO_TRACE or span == _NO_SPAN:
            return
        self.trace, self.parent, self.flags = trace, span, f"{int(flags, 16) & 1:02x}"


def note(**facts: Any) -> None:
    """Remember what was learnt of the request that is being answered; nothing if there is none."""
    asked = current.get()
    if asked is not None:
        asked.facts.update(facts)

"""Callers are remembered, and forgotten at once when their token is not what it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from nbdeploy.errors import Unauthenticated
from nbdeploy.serving.guard.callers import Callers
from nbdeploy.serving.guard.tokens import Scope, Tokens

steady = count().__next__
"""A clock on which a second goes by whenever it is asked."""


def header(secret: str) -> bytes:
    return f"Bearer {secret}".encode()


def test_a_caller_is_looked_up_once(tmp_path: Path) -> None:
    """And remembered from then on."""
    tokens = Tokens(tmp_path)
    secret, _ = tokens.create("crm", Scope.PREDICT)
    callers = Callers(tokens, steady=steady)
    sent = header(secret)
    first = callers.get(sent)
    assert callers.get(sent) is first


def test_what_changes_is_seen_at_the_next_request(tmp_path: Path) -> None:
    """Revoked, rotated, expired: whatever was remembered."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    tokens = Tokens(tmp_path, lambda: now[0])
    callers = Callers(tokens, lambda: now[0].timestamp(), steady)
    secret, _ = tokens.create("crm", Scope.PREDICT, timedelta(hours=5))
    assert callers.get(header(secret)).name == "crm"
    tokens.rotate("crm", timedelta(hours=1))
    assert callers.get(header(secret)).name == "crm"
    now[0] += timedelta(hours=1)
    with pytest.raises(Unauthenticated, match="expired"):
        callers.get(header(secret))
    other, _ = tokens.create("erp", Scope.PREDICT)
    assert callers.get(header(other)).name == "erp"
    tokens.revoke("erp")
    with pytest.raises(Unauthenticated, match="revoked"):
        callers.get(header(other))


def test_nobody_is_trusted_longer_than_a_millisecond(tmp_path: Path) -> None:
    """However many requests come in that time, and whoever else asks."""
    now = [5.0]
    tokens = Tokens(tmp_path)
    callers = Callers(tokens, steady=lambda: now[0])
    secret, _ = tokens.create("crm", Scope.PREDICT)
    other, _ = tokens.create("erp", Scope.PREDICT)
    caller = callers.get(header(secret))
    tokens.revoke("crm")
    now[0] += 0.0009
    assert callers.get(header(other)).name == "erp"
    assert callers.get(header(secret)) is caller
    now[0] += 0.0002
    with pytest.raises(Unauthenticated, match="revoked"):
        callers.get(header(secret))
    with pytest.raises(Unauthenticated, match="revoked"):
        callers.get(header(secret))


def test_ways_to_write_one_header_are_not_remembered_without_end(tmp_path: Path) -> None:
    """A caller with a token cannot fill the memory."""
    tokens = Tokens(tmp_path)
    secret, _ = tokens.create("crm", Scope.PREDICT)
    callers = Callers(tokens)
    for spaces in range(1, 1200):
        callers.get(b"Bearer" + b" " * spaces + secret.encode())
    assert len(callers._known) <= 1024


@pytest.mark.parametrize("sent", [b"", b"Basic abc", b"Bearer", b"Bearer  ", b"Bearer \xff\xfe", b"Bearer ../../x"])
def test_what_is_not_understood_is_refused(tmp_path: Path, sent: bytes) -> None:
    """Whatever the bytes are."""
    with pytest.raises(Unauthenticated):
        Callers(Tokens(tmp_path)).get(sent)

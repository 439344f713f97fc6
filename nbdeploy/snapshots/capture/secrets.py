"""Likely secrets in what a snapshot would carry: found by detect-secrets, and named without showing them."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbdeploy.errors import SecretsFound
from nbdeploy.snapshots.capture import Captured, Piece
from nbdeploy.snapshots.capture.cells import texts
from nbdeploy.snapshots.capture.reaching import parts

__all__ = ["Finding", "find_secrets", "refuse_secrets"]

_PLUGINS = (
    *("artifactory:ArtifactoryDetector", "aws:AWSKeyDetector", "azure_storage_key:AzureStorageKeyDetector"),
    *("basic_auth:BasicAuthDetector", "discord:DiscordBotTokenDetector", "github_token:GitHubTokenDetector"),
    *("jwt:JwtTokenDetector", "mailchimp:MailchimpDetector", "npm:NpmDetector"),
    *("sendgrid:SendGridDetector", "slack:SlackDetector", "square_oauth:SquareOAuthDetector"),
    *("stripe:StripeDetector", "twilio:TwilioKeyDetector"),
)
"""The detectors of one service's keys. Those of high entropy are left out: hashes, base64 constants and model
identifiers are ordinary in data science."""

_MORE = {
    "Bearer Token": r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{16,}",
    "Password in a Connection String": r"(?i)\b(?:password|pwd)\s*=\s*(?![\s;'\"{<*]|os\.|\w+\()[^\s;'\"{}]{6,}\s*;",
    "GitLab Token": r"\bgl(?:pat|ptt|dt|rt)-[\w-]{20,}",
    "Google API Key": r"\bAIza[\w-]{35}",
    "Hugging Face Token": r"\bhf_[A-Za-z0-9]{30,}",
    "OpenAI or Anthropic Key": r"\bsk-(?:proj-|ant-|svcacct-)?[\w-]{20,}",
    "Private Key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY",
    "PyPI Token": r"\bpypi-AgE[\w-]{50,}",
}
"""Keys that detect-secrets does not know, or only by the lines around them."""

_PASSWORD = re.compile(r"(?i)(?:passw(?:or)?d|pwd|passphrase|secret)[\"'\]]*\s*[:=]")
_TELLING = re.compile(r"(?i)pass|pwd|secret|token|key|auth|credential|conn|url")
_SPACED = re.compile(r"(?i)://|-----|bearer|pwd|password")
_PLACEHOLDER = re.compile(r"(?i)^$|your|example|change.?me|placeholder|dummy|redacted|[<{\[*]|x{4}|\.{3}|^(.)\1*$")
_LONGEST = 4096
_MOST = 100_000
_SHOWN = 10


@dataclass(frozen=True)
class Finding:
    """A likely secret.

    Attributes
    ----------
    kind : str
        What it looks like: ``AWS Access Key``.
    place : str
        Where it is: a cell and line, a file and line, or a part of the model.
    """

    kind: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}"


def find_secrets(model: Any, captured: Captured) -> list[Finding]:
    """Look for likely secrets in captured source, in captured values, and in the texts that a model holds.

    Nothing is sent anywhere to find out whether a secret is valid.
    """
    found = [finding for piece in captured.pieces for finding in _in_piece(piece)]
    found += _in_values(model, "the model")
    for name, value in captured.values.items():
        found += _in_values(value, f"the variable {name}")
    return list(dict.fromkeys(found))


def refuse_secrets(found: list[Finding]) -> None:
    """Refuse to go on if there are secrets.

    Raises
    ------
    SecretsFound
        Naming every place.
    """
    if found:
        shown = "; ".join(map(str, found[:_SHOWN])) + (" …" if len(found) > _SHOWN else "")
        raise SecretsFound(
            f"the snapshot would carry {len(found)} likely secret{'s' if len(found) > 1 else ''}: "
            f"{shown}. Whoever gets the snapshot could read it: take it from the environment "
            "when it is used (os.environ), or from a file outside, and change it if others may have seen it. If it is "
            "none, add --allow-secrets (allow_secrets=True)",
            findings=found,
        )


def _in_piece(piece: Piece) -> Iterator[Finding]:
    lines = piece.source.splitlines()
    if piece.text is None:
        place = _assigned(piece.name) or f"the variable {piece.name}"
        yield from (Finding(kind, place) for line in lines for kind in kinds(line))
        return
    original = piece.text.source.splitlines()[piece.first - 1 :]
    own = set(original)
    depth = len(lines) + 1
    for number, line in enumerate(original[:depth], start=piece.first):
        if line.strip() in piece.source:
            yield from (Finding(kind, piece.text.place(number)) for kind in kinds(line))
    # Values of closures and defaults are written into the source; the line is none of the notebook's.
    for line in lines:
        if line not in own and line.strip() not in {one.strip() for one in own}:
            yield from (Finding(kind, f"{piece.text.place(piece.first)} ({piece.name})") for kind in kinds(line))


def _assigned(name: str) -> str | None:
    """The cell and line that gave a variable its value last."""
    for text in reversed(texts()):
        for node in reversed(list(ast.walk(text.tree))):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return text.place(node.lineno)  # type: ignore[attr-defined]
    return None


def _in_values(thing: Any, where: str) -> Iterator[Finding]:
    """Texts inside an object, each under the name by which it is reached."""
    seen: dict[int, Any] = {}
    todo = [(thing, where, "value")]
    while todo and len(seen) < _MOST:
        part, path, name = todo.pop()
        if isinstance(part, str):
            # Vocabularies and categories are many short words, and texts have spaces in them.
            long = len(part) >= 16 and (" " not in part or _SPACED.search(part))
            if (long or _TELLING.search(name)) and len(part) <= _LONGEST:
                yield from (Finding(kind, path) for kind in kinds(f"{name} = {part!r}"))
        elif id(part) not in seen:
            seen[id(part)] = part
            todo += [(inner, path + suffix, _name(suffix, name)) for suffix, inner in parts(part)]


def _name(suffix: str, above: str) -> str:
    """What a part is called: an element of a list of passwords is one, and a key's may be anything."""
    if suffix == " (an element)" or suffix[1:-1].isdigit():
        return above if _PASSWORD.search(f"{above}=") else "value"
    return suffix.strip(".[]'")


def kinds(line: str) -> list[str]:
    """What kinds of secrets a line seems to have.

    Examples
    --------
    >>> kinds('password = "hunter2!Xy9"'), kinds('password = os.environ["PASSWORD"]')
    (['Secret Keyword'], [])
    """
    if not _may_be(line):
        return []
    found = [name for name, pattern in _patterns() if pattern.search(line)]
    for detector in _detectors():
        secrets = [secret for secret in detector.analyze_string(line) if not _PLACEHOLDER.search(secret)]
        found += [str(detector.secret_type)] * len(secrets)
    if not found and any(_is_likely(secret, line) for secret in _keyword().analyze_string(line)):
        found.append(str(_keyword().secret_type))
    return sorted(set(found))


def _may_be(line: str) -> bool:
    """A cheap look first: there is a text or a key in it, and it is long enough."""
    return len(line) >= 8 and ("'" in line or '"' in line or "-----" in line or "://" in line or "=" in line)


def _is_likely(secret: str, line: str) -> bool:
    """Whether what is assigned to a telling name is a secret, and not a column's name or a placeholder."""
    if _PLACEHOLDER.search(secret) or any(c.isspace() for c in secret):
        return False
    if _PASSWORD.search(line):
        return len(secret) >= 6 and not (secret.replace("_", "").isalpha() and (len(secret) < 8 or "_" in secret))
    return len(secret) >= 16 and any(c.isdigit() for c in secret) and any(c.isalpha() for c in secret)


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(name, re.compile(pattern)) for name, pattern in _MORE.items()]


@functools.cache
def _detectors() -> list[Any]:
    from importlib import import_module

    named = [plugin.split(":") for plugin in _PLUGINS]
    return [getattr(import_module(f"detect_secrets.plugins.{module}"), name)() for module, name in named]


@functools.cache
def _keyword() -> Any:
    from detect_secrets.plugins.keyword import KeywordDetector

    return KeywordDetector()

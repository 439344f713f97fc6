"""What the commands of targets answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from nbdeploy.cards import Card, Result, Table
from nbdeploy.codecs.strict_json import encode, plain
from nbdeploy.hints import typed
from nbdeploy.targets.logged import told_of
from nbdeploy.wire.messages import Deployment, LogState, Serving, Usage

__all__ = ["CallResult", "Push", "TargetStatus", "Undeployed"]


@dataclass(frozen=True)
class Push(Result):
    """A snapshot that a target serves now.

    Attributes
    ----------
    target, url, deployment : str
        Where.
    snapshot, digest : str
        What.
    uploaded_bytes : int
        How much the target lacked.
    state : str
        ``serving``, or ``unchanged`` if it served this before.
    serving : tuple of Serving
        What answers there now.
    """

    target: str
    url: str
    deployment: str
    snapshot: str
    digest: str
    uploaded_bytes: int
    state: str
    serving: tuple[Serving, ...]

    @property
    def place(self) -> str:
        """Target and deployment, as commands take them."""
        return f"{self.target}/{self.deployment}"

    @property
    def line(self) -> str:
        """What serves where, and how to call it."""
        does = "serves already at" if self.state == "unchanged" else "serves at"
        sent = "" if self.state == "unchanged" else f" ({_size(self.uploaded_bytes)} uploaded)"
        return f"{self.snapshot} {does} {self.place}{sent}; next: {typed(f'call {self.place}')}"

    def card(self) -> Card:
        """Where it answers, with a line for curl."""
        address = f"{self.url}/models/{self.deployment}/predict"
        curl = f"curl -H 'Authorization: Bearer <token>' --json @rows.json {address}"
        facts = [
            ("snapshot", f"{self.snapshot} ({self.digest[:19]})"),
            ("address", address),
            ("uploaded", _size(self.uploaded_bytes)),
            ("from a shell", curl),
        ]
        title = f"{self.place} {'serves this already' if self.state == 'unchanged' else 'serves ' + self.snapshot}"
        return Card(title, facts, next=typed(f"call {self.place}"))

    def document(self) -> dict[str, Any]:
        """Return the document of ``push --json``."""
        return {
            "target": self.target,
            "url": self.url,
            "deployment": self.deployment,
            "snapshot": self.snapshot,
            "digest": self.digest,
            "uploaded_bytes": self.uploaded_bytes,
            "state": self.state,
            "serving": msgspec.to_builtins(list(self.serving)),
        }


@dataclass(frozen=True)
class TargetStatus(Result):
    """Whether a target answers, and what it serves.

    Attributes
    ----------
    target, url : str
        Which.
    healthy : bool
        Whether it answers and lets us in.
    reason : str
        Why not.
    deployments : tuple of Deployment
        What it serves.
    log : LogState or None
        How its prediction log goes, if it has one.
    usage : mapping of str to Usage
        What each version takes of the machine, if it says so.
    """

    target: str
    url: str
    healthy: bool
    reason: str = ""
    deployments: tuple[Deployment, ...] = ()
    log: LogState | None = None
    usage: Mapping[str, Usage] = field(default_factory=dict)

    @property
    def notices(self) -> Sequence[str]:
        """What is wrong with its prediction log."""
        return told_of(self.log)

    @property
    def ok(self) -> bool:
        """Whether it is healthy."""
        return self.healthy

    @property
    def line(self) -> str:
        """Health, and how many deployments."""
        if not self.healthy:
            return f"{self.target} ({self.url}) is not healthy: {self.reason}"
        served = ", ".join(f"{d.name} {_served(d)}" for d in self.deployments)
        served = served or f"nothing yet; next: {typed('push NAME')}"
        return f"{self.target} ({self.url}) is healthy and serves {served}"

    def card(self) -> Card:
        """Deployments with version, digest and since when."""
        rows = [(d.name, d.state, _served(d), d.deployed, d.by, *taken(d, self.usage)) for d in self.deployments]
        table = Table(("deployment", "state", "serves", "since", "by", "memory", "CPU"), rows) if rows else None
        facts = [("healthy", "yes" if self.healthy else f"no: {self.reason}"), ("address", self.url)]
        facts += [(d.name, d.reason) for d in self.deployments if d.reason]
        facts += [("prediction log", told) for told in self.notices]
        return Card(f"target {self.target}", facts, table)

    def document(self) -> dict[str, Any]:
        """Return one item of the document of ``status --json``."""
        return {
            "target": self.target,
            "url": self.url,
            "healthy": self.healthy,
            "reason": self.reason,
            "deployments": msgspec.to_builtins(list(self.deployments)),
            "log": msgspec.to_builtins(self.log),
            "usage": msgspec.to_builtins(dict(self.usage)),
        }


def taken(deployment: Deployment, usage: Mapping[str, Usage]) -> tuple[str, str]:
    """Return memory and processor time of what a deployment serves, for people; empty where that is not known."""
    found = [usage[key] for s in deployment.serving if (key := f"{s.model}:{s.version}") in usage]
    if not found:
        return "", ""
    return f"{sum(one.memory for one in found) / 2**20:.0f} MiB", f"{sum(one.cpu for one in found):.1f} s"


@dataclass(frozen=True)
class CallResult(Result):
    """Predictions that came from a target.

    Attributes
    ----------
    place : str
        Target and deployment.
    version, digest : int, str
        The snapshot that answered.
    prediction : str
        The id of this prediction.
    frame : polars.DataFrame
        The answers, one row per row sent.
    """

    place: str
    version: int
    digest: str
    prediction: str
    frame: pl.DataFrame = field(repr=False)

    @property
    def line(self) -> str:
        """How many rows, from which version."""
        return f"{self.frame.height:,} predictions from {self.place}, version {self.version} ({self.digest[:19]})"

    def card(self) -> Card:
        """The first rows."""
        head = [list(row) for row in self.frame.head(10).rows()]
        return Card(self.line, table=Table(self.frame.columns, head))

    def document(self) -> dict[str, Any]:
        """Return the document of ``call --json``; numbers that JSON does not have are null."""
        rows = msgspec.json.decode(encode(plain(self.frame).rows()))
        return {"version": self.version, "digest": self.digest, "columns": self.frame.columns, "rows": rows}


@dataclass(frozen=True)
class Undeployed(Result):
    """A deployment that serves no more."""

    target: str
    deployment: str

    @property
    def line(self) -> str:
        """What ended."""
        return f"{self.target}/{self.deployment} serves no more; its snapshots stay on the target"

    def card(self) -> Card:
        """What ended."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """Target, deployment and state."""
        return {"target": self.target, "deployment": self.deployment, "state": "removed"}


def _served(deployment: Deployment) -> str:
    return ", ".join(f"{s.model}:{s.version} ({s.digest[:19]})" for s in deployment.serving) or "–"


def _size(count: int) -> str:
    """Bytes as people read them.

    Examples
    --------
    >>> _size(1536)
    '1.5 KiB'
    """
    value, units = float(count), ["bytes", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"

"""The JSON that travels between an endpoint and its clients."""

from __future__ import annotations

import msgspec

__all__ = ["Deploy", "Deployment", "DeploymentList", "Fault", "Offer", "OfferAnswer", "Past", "Serving"]


class Fault(msgspec.Struct, frozen=True):
    """A refusal or failure: the message, and the name of the error in :mod:`nbdeploy.errors`."""

    error: str
    kind: str = ""


class Offer(msgspec.Struct, frozen=True):
    """A snapshot on offer: the bytes of its two documents, in base64."""

    content: str
    record: str


class OfferAnswer(msgspec.Struct, frozen=True):
    """What the endpoint still lacks (SHA-256, 64 hexadecimal digits), and whether the snapshot is stored now."""

    missing: list[str]
    stored: bool


class Deploy(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order to serve a stored snapshot.

    Attributes
    ----------
    model, version, digest : str, int, str
        The snapshot.
    new : bool
        Whether a deployment that is named neither like the model nor like an existing one may be made.
    """

    model: str
    version: int
    digest: str
    new: bool = False


class Serving(msgspec.Struct, frozen=True):
    """One snapshot that answers, and its share of the requests in per cent."""

    model: str
    version: int
    digest: str
    share: int = 100


class Past(msgspec.Struct, frozen=True):
    """A snapshot that served, and when (UTC, ISO 8601)."""

    model: str
    version: int
    digest: str
    since: str
    until: str


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A named model on an endpoint, as it stands.

    Attributes
    ----------
    name : str
        The deployment's name.
    state : str
        ``serving``; ``unchanged`` in answer to an order for what serves already; ``failed`` with a `reason`.
    serving : list of Serving
        What answers now.
    author, created : str
        Who made the snapshot, and when.
    deployed, by : str
        When it was deployed, and the name of the token that did.
    history : list of Past
        What served before, latest last.
    """

    name: str
    state: str
    serving: list[Serving]
    author: str = ""
    created: str = ""
    deployed: str = ""
    by: str = ""
    reason: str = ""
    history: list[Past] = []


class DeploymentList(msgspec.Struct, frozen=True):
    """Every deployment of an endpoint."""

    deployments: list[Deployment]

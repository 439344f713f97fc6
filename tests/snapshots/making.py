"""Documents of snapshots that were never taken."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl

from nbdeploy.codecs import bind, describe
from nbdeploy.manifest import PROTOCOL, Content, Environment, FileEntry, Manifest, canonical_json
from nbdeploy.profiles import ModelProfile, profile_of
from nbdeploy.types import Canonical, MethodOutput, Signature

PREDICT = MethodOutput(["prediction"], ["string"])


def signature(data: Any, **outputs: MethodOutput) -> Signature:
    """What a model takes that was given `data`."""
    return msgspec.structs.replace(describe(data), outputs=outputs or {"predict": PREDICT})


def content(data: Any, **changes: Any) -> Content:
    """A content document for a model that was given `data`."""
    fields = {
        "protocol": PROTOCOL,
        "flavor": "sklearn",
        "signature": signature(data),
        "canonical": Canonical(),
        "environment": Environment("3.11.7", {"scikit-learn": "1.9.1"}),
        "files": {"model/model.skops": FileEntry("0" * 64, 1)},
    }
    return Content(**{**fields, **changes})


def manifest(data: Any, record: dict[str, Any] | None = None, **changes: Any) -> Manifest:
    """Both documents."""
    raw = canonical_json(content(data, **changes))
    return Manifest.sealed(raw, {"name": "churn", "version": 1, **(record or {})})


def profile(data: Any) -> ModelProfile:
    """What the data is like; the answers are all the same."""
    wire = bind(data, describe(data))
    return ModelProfile(profile_of(wire), profile_of(pl.DataFrame({"prediction": ["no"] * wire.height})))

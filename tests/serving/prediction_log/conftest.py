"""Events of a model with a private column, and databases of both kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from nbdeploy.codecs import describe
from nbdeploy.codecs.declared import declare
from nbdeploy.serving.prediction_log import Event, Subject, new_id
from nbdeploy.types import MethodOutput, Signature

ROWS = pl.DataFrame({"name": ["Ann", "Bob"], "age": [41, None]})
ANSWERS = pl.DataFrame({"prediction": ["yes", "no"]})


def signature() -> Signature:
    found = declare(describe(ROWS), private=["name"])
    return msgspec.structs.replace(found, outputs={"predict": MethodOutput(["prediction"], ["string"])})


SUBJECT = Subject("churn", 3, "sha256:aa", signature())


def event(**fields: Any) -> Event:
    """A request of two rows."""
    given = {"seconds": 0.001, "methods": ["predict"], "rows": 2, "outcome": "ok", "inputs": ROWS, "answers": ANSWERS}
    return Event(SUBJECT, fields.pop("id", new_id()), "oip", "crm", fields.pop("time", 1e9), **{**given, **fields})


@dataclass
class Clock:
    """Two clocks: one that can be set, and one that cannot."""

    wall: float
    steady: float = 0.0

    def passes(self, days: float) -> None:
        self.wall += days * 86_400
        self.steady += days * 86_400


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/log.db"
    found: str = request.getfixturevalue("postgresql_url")
    return found


@pytest.fixture
def make() -> Callable[..., Event]:
    return event

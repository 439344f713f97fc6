"""Notebooks and settings for the tests of runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from nbdeploy.batch.ledger import Ledger
from nbdeploy.settings import Settings


class Write(Protocol):
    """Writes a notebook of code cells."""

    def __call__(self, path: Path, *cells: str, parameters: str | None = None, kernel: str = "python3") -> Path: ...


def cell(source: str, tags: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {"tags": list(tags)},
        "source": source,
        "outputs": [],
        "execution_count": 1,
    }


def write_notebook(path: Path, *cells: str, parameters: str | None = None, kernel: str = "python3") -> Path:
    tagged = [] if parameters is None else [cell(parameters, ["parameters"])]
    every = [{**each, "id": f"c{number}"} for number, each in enumerate([*tagged, *map(cell, cells)])]
    spec = {"name": kernel, "display_name": kernel, "language": "python"}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": every}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def notebook() -> Write:
    """A writer of notebooks."""
    return write_notebook


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a home that is empty."""
    return Settings.load(tmp_path, {"NBDEPLOY_HOME": str(tmp_path / "home"), "NBDEPLOY_REPORTS": "asked"})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a home that a whole module shares, for runs that several tests look at."""
    folder = tmp_path_factory.mktemp("shared")
    return Settings.load(folder, {"NBDEPLOY_HOME": str(folder / "home"), "NBDEPLOY_REPORTS": "asked"})


@pytest.fixture(params=["sqlite", "postgresql"])
def runs_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of runs, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs.db"
    url: str = request.getfixturevalue("postgresql_url")
    return url.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def ledger(runs_url: str) -> Iterator[Ledger]:
    """An empty database of runs, open."""
    with Ledger(runs_url) as opened:
        yield opened

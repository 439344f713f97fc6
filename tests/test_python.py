"""The Python door: the names of the contract, on a store and an endpoint of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import nbdeploy as nd
from nbdeploy import api
from nbdeploy.errors import NotFound
from tests.models import penguins


@pytest.fixture
def local(stock: Path) -> Iterator[api.Target]:
    """The target ``local``, started by asking for it, stopped at the end."""
    yield nd.connect("local")
    api.stop_serving()


def test_a_target_takes_references_and_tables(local: api.Target) -> None:
    """Push, predict in the caller's library, status, the deployment as a reference, undeploy."""
    X, _ = penguins()
    expected = nd.load("species").predict(X).tolist()
    assert local.push("species").document()["serving"][0]["version"] == 1
    answer = local.predict("species", X.set_index(X.index + 1000))
    assert answer.index[0] == 1000
    assert answer["prediction"].tolist() == expected
    assert isinstance(local.predict("species", pl.from_pandas(X)), pl.DataFrame)
    assert nd.call("local/species").frame["prediction"].to_list() == nd.load("species").expected["prediction"].to_list()
    assert local.status().document()["deployments"][0]["name"] == "species"
    assert nd.load("local/species").digest == nd.show("species").digest
    local.undeploy("species")
    with pytest.raises(NotFound, match="no deployment 'local/species'"):
        nd.load("local/species")


def test_an_unknown_reference_starts_nothing(home: Path) -> None:
    """`push` looks for the snapshot before it starts an endpoint for it."""
    with pytest.raises(NotFound):
        nd.push("nothing")
    assert not (home / "endpoint").exists()


def test_a_loaded_snapshot_shows_what_it_is(stock: Path) -> None:
    """Signature, manifest, sample and the native model are attributes; unknown methods are named."""
    predictor = nd.load("lr")
    assert predictor.signature.names == ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    assert predictor.manifest["name"] == "lr"
    assert predictor.sample.height == 200
    assert type(predictor.model).__name__ == "Pipeline"
    assert isinstance(predictor.table(predictor.sample.to_pandas(), methods=["predict"]), pd.DataFrame)
    assert {"predict", "predict_proba"} <= set(dir(predictor))
    with pytest.raises(AttributeError, match="no method 'fit'; there are: decision_function, predict"):
        predictor.fit  # noqa: B018


def test_a_snapshot_result_has_the_plain_facts(stock: Path) -> None:
    """Name, number, reference, digest, metrics."""
    shown = nd.show("species")
    assert (shown.name, shown.version, shown.ref) == ("species", 1, "species:1")
    assert shown.digest.startswith("sha256:")
    assert list(shown.metrics)[:3] == ["auc", "accuracy", "f1"]
    assert shown.intervals.keys() == shown.metrics.keys()
    assert nd.Store(api.config().settings.store).resolve("species").digest == shown.digest


def test_a_missing_package_is_named_with_its_install(stock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a package that the snapshot was made with is absent, the exact ``pip install`` is in the message."""
    version = nd.show("lr").manifest.parsed.environment.packages["skops"]
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(NotFound, match=rf"pip install 'skops=={version}'"):
        nd.load("lr")


def test_every_command_is_a_function_here() -> None:
    """What magics and the command line call is offered to programs too, by the same name and function."""
    named = set(api.__all__) - {"Target", "demo", "overview"}
    assert {name for name in named if getattr(nd, name) is not getattr(api, name)} == set()
    assert named < {*dir(nd)}

"""The doctor: what is well, what is not, and what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbdeploy import api
from nbdeploy.api.checks import CHECKS, Finding
from nbdeploy.api.checks.jupyter import kernel, panel
from nbdeploy.api.checks.places import database, home, store
from nbdeploy.api.checks.remote import endpoint, targets
from nbdeploy.connections import Connection, Connections
from nbdeploy.serving import background
from nbdeploy.settings import Settings
from nbdeploy.version import __version__


def test_a_new_place_is_well(home: Path) -> None:
    """Nothing is there yet, and that is no problem; looking makes nothing."""
    found = {finding.check: finding for finding in api.doctor().findings}
    places = [found[name] for name in ("home", "store", "database", "endpoint", "targets")]
    assert [finding for finding in places if not finding.ok] == []
    assert not home.exists()


def test_what_is_wrong_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each on its own line, whatever the others find; the answer is false."""
    monkeypatch.setenv("NBDEPLOY_DB", "postgresql://me:hunter2@127.0.0.1:9/runs")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NBDEPLOY_STORE", str(tmp_path / "file" / "store"))
    settings = Settings.load()
    Connections(settings.home).add(Connection("prod", "http://127.0.0.1:9"))
    Connections(settings.home).path.chmod(0o644)
    result = api.doctor()
    problems = {finding.check: finding for finding in result.findings if not finding.ok}
    assert {"database", "store", "target prod", "home"} <= set(problems)
    assert not result
    assert "NBDEPLOY_DB" in problems["database"].next
    assert problems["home"].next.startswith("chmod 600")
    assert problems["target prod"].next == "put its token into NBDEPLOY_TOKEN_PROD"
    told = json.dumps(result.document()) + str(result)
    assert "hunter2" not in told
    assert result.line.startswith(f"{len(problems)} problems in {len(result.findings)} checks")


def test_an_endpoint_is_asked(tmp_path: Path) -> None:
    """One that answers is well, and so is its target; when it stops, the target says how to start it."""
    settings = Settings.load()
    background.start(settings.endpoint_home, settings)
    try:
        assert [finding.ok for finding in (*endpoint(settings), *targets(settings))] == [True, True]
        assert "serves 0 deployments" in targets(settings)[0].message
    finally:
        background.stop(settings.endpoint_home)
    assert [finding.next for finding in targets(settings)] == ["nbdeploy serve"]


def test_a_store_and_database_in_use_are_well(stock: Path) -> None:
    """With how much is in them."""
    api.runs()
    settings = Settings.load()
    found = [*store(settings), *database(settings), *home(settings)]
    assert [finding.ok for finding in found] == [True, True, True]
    assert "3 models" in found[0].message


@pytest.mark.parametrize(
    ("version", "enabled", "step"),
    [
        (__version__, True, ""),
        (__version__, False, "server extension enable"),
        ("0.0.1", True, "--force-reinstall"),
        (None, True, "--force-reinstall"),
    ],
)
def test_the_panel_is_looked_for_where_jupyter_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None, enabled: bool, step: str
) -> None:
    """Its files, their version, and the routes that it calls."""
    data, config = tmp_path / "data", tmp_path / "config"
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_JUPYTER_PATH", [str(data)])
    monkeypatch.setattr("jupyter_core.paths.ENV_JUPYTER_PATH", [str(data)])
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(data))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(config))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    if version is not None:
        write(data / "labextensions/nbdeploy/package.json", {"version": version})
    document: dict[str, Any] = {"ServerApp": {"jpserver_extensions": {"nbdeploy.lab": enabled}}}
    write(config / "jupyter_server_config.d/nbdeploy.json", document)
    assert step in panel(Settings.load())[0].next
    assert panel(Settings.load())[0].ok == (step == "")


def test_a_kernel_is_needed_that_runs_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose Python is gone is named."""
    assert kernel(Settings.load())[0].ok
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    spec = {"argv": ["/nowhere/python", "-m", "ipykernel_launcher"], "display_name": "old", "language": "python"}
    write(tmp_path / "kernels/old/kernel.json", spec)
    assert kernel(Settings.load())[0].next == "jupyter kernelspec remove old"
    (tmp_path / "kernels/old/kernel.json").unlink()
    spec["argv"] = ["/usr/bin/env"]
    monkeypatch.setattr("jupyter_client.kernelspec.KernelSpecManager.ensure_native_kernel", False)
    write(tmp_path / "kernels/python3/kernel.json", spec)
    assert "ipykernel install" in kernel(Settings.load())[0].next


def test_a_check_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an outside package's check does."""
    monkeypatch.setitem(CHECKS.table, "home", "nbdeploy.nowhere:check")
    CHECKS.__dict__.pop("_known", None)
    try:
        found = next(finding for finding in api.doctor().findings if finding.check == "home")
    finally:
        CHECKS.__dict__.pop("_known", None)
    assert isinstance(found, Finding)
    assert "could not be checked: ModuleNotFoundError" in found.message


def write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))

"""Letting the machine keep a scheduler running. The unit is judged by systemd's own checker; the programs that would
change this machine are stood in for by scripts that keep what they are given.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import nbdeploy as nd
from nbdeploy.errors import NotWritable, WrongUsage


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is all there is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return folder


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\ncd {folder}\n{script}\n")
    path.chmod(0o755)


CRONTAB = 'if [ "$1" = -l ]; then cat table 2>/dev/null; else cat > new && mv new table; fi'


def test_a_unit_of_systemd_is_written_once(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is enabled and begun; odd characters in values mean themselves; only its owner reads it."""
    program(programs, "systemctl", 'echo "$@" >> asked')
    monkeypatch.setenv("NBDEPLOY_STORE", 's3://bucket/50% off "$HOME"')
    first = nd.install_scheduler()
    [unit] = (tmp_path / "config" / "systemd" / "user").iterdir()
    assert (first.way, first.state, first.place, first.text) == ("systemd", "installed", str(unit), unit.read_text())
    assert "next" not in first.line
    assert "loginctl enable-linger" in first.line
    assert unit.stat().st_mode & 0o777 == 0o600
    assert f"--user enable --now {unit.name}" in (programs / "asked").read_text()
    assert 'Environment="NBDEPLOY_STORE=s3://bucket/50%% off \\"$HOME\\""' in first.text
    assert nd.install_scheduler().state == "there already"
    assert str(unit) in str(first)


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """By its own checker, which is silent if nothing is wrong."""
    checker = shutil.which("systemd-analyze")
    if checker is None:
        pytest.skip("systemd is not installed")
    shown = nd.install_scheduler(way="systemd", only_show=True)
    assert shown.state == "not written"
    unit = tmp_path / Path(shown.place).name
    unit.write_text(shown.text)
    done = subprocess.run([checker, "verify", "--user", str(unit)], capture_output=True, text=True, check=False)
    assert unit.name not in done.stderr


def test_a_line_of_the_crontab_is_written_once(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other lines stay, a changed one replaces the old, and the line does what it says."""
    program(programs, "crontab", CRONTAB)
    (programs / "table").write_text("0 1 * * * backup\n")
    monkeypatch.setenv("NBDEPLOY_STORE", "s3://bucket/50% off")
    first = nd.install_scheduler()
    assert (first.way, first.state) == ("crontab", "installed")
    assert (programs / "table").read_text() == f"0 1 * * * backup\n{first.text}\n"
    assert nd.install_scheduler().state == "there already"
    monkeypatch.setenv("NBDEPLOY_STORE", "s3://other")
    second = nd.install_scheduler()
    assert (programs / "table").read_text() == f"0 1 * * * backup\n{second.text}\n"
    assert "50\\% off" in first.text
    assert " -m nbdeploy scheduler --unless-running " in first.text


def test_a_crontab_that_refuses_is_told(programs: Path) -> None:
    """With its own words."""
    program(programs, "crontab", "echo you are not allowed >&2; exit 1")
    with pytest.raises(NotWritable, match="crontab - failed: you are not allowed"):
        nd.install_scheduler()


def test_without_either_it_says_what_to_keep_running(programs: Path) -> None:
    """A container has neither; also where systemd is installed and does not answer."""
    program(programs, "systemctl", "echo no bus >&2; exit 1")
    with pytest.raises(WrongUsage, match=r"keep this running: .* -m nbdeploy scheduler"):
        nd.install_scheduler()

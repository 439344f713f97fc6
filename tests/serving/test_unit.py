"""The systemd unit of an endpoint."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from nbdeploy.errors import WrongUsage
from nbdeploy.serving.options import Options
from nbdeploy.serving.unit import install


def words(line: str) -> list[str]:
    """Quoted words as systemd reads them."""
    found, word, escaped, quoted = [], "", False, False
    for char in line:
        if escaped:
            word, escaped = word + char, False
        elif char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
            if not quoted:
                found.append(word.replace("%%", "%").replace("$$", "$"))
                word = ""
        elif quoted:
            word += char
    return found


def test_the_unit_starts_the_endpoint_as_it_was_asked_for(tmp_path: Path) -> None:
    """Whatever characters its folder and options have; for its owner's eyes only."""
    home = tmp_path / 'a "b" $c 100% \\d'
    options = Options(port=9000, workers=3, default="churn")
    written = install(home, tmp_path, options, tmp_path / "units")
    text = Path(written.path).read_text()
    command = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    program, *given = words(command.removeprefix("ExecStart="))
    assert (program, given[:3], given[3]) == (
        sys.executable,
        ["-P", "-m", "nbdeploy.serving.server"],
        f"--home={home}",
    )
    assert json.loads(given[-1].removeprefix("--options="))["workers"] == 3
    assert "KillMode=mixed" in text
    assert Path(written.path).stat().st_mode & 0o777 == 0o600
    assert "systemctl --user enable --now nbdeploy-endpoint.service" in written.line


def test_no_password_is_written_into_a_unit(tmp_path: Path) -> None:
    """It says where they belong."""
    with pytest.raises(WrongUsage, match="NBDEPLOY_ENDPOINT_DB"):
        install(tmp_path, tmp_path, Options(db="postgresql://u:secret@db/x"), tmp_path / "units")
    assert not (tmp_path / "units").exists()

"""An endpoint that the system starts: a unit for the user's own systemd."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.cards import Card, Result
from nbdeploy.errors import WrongUsage
from nbdeploy.files import write_atomically
from nbdeploy.serving.options import Options

__all__ = ["Installed", "install"]

NAME = "nbdeploy-endpoint.service"
STOP_SECONDS = 30

_UNIT = """\
[Unit]
Description=nbdeploy endpoint of {home}
After=network-online.target

[Service]
ExecStart={command}
KillMode=mixed
TimeoutStopSec={stop}
Restart=always
RestartSec=1

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True)
class Installed(Result):
    """A unit that was written; nothing was started.

    Attributes
    ----------
    path : str
        Its file.
    """

    path: str

    @property
    def line(self) -> str:
        """Where it is, and how to start it."""
        return f"{self.path} is written; next: {_next()}"

    def card(self) -> Card:
        """Where it is, how to start it, and how to have it run without being logged in."""
        facts = [("unit", self.path), ("without being logged in", "loginctl enable-linger")]
        return Card("endpoint of the system", facts, next=_next())

    def document(self) -> dict[str, Any]:
        """Its file."""
        return {"unit": self.path, "next": _next()}


def install(home: Path, connections: Path, options: Options, folder: Path | None = None) -> Installed:
    """Write a systemd unit that serves a folder.

    Parameters
    ----------
    home : Path
        The endpoint's folder.
    connections : Path
        The folder of ``targets.toml``.
    options : Options
        How it serves. Addresses with passwords belong into the unit's environment: none is written here.
    folder : Path, optional
        Where user units are; systemd's own place by default.

    Raises
    ------
    WrongUsage
        If this system has no systemd, or an option holds a secret.
    """
    if folder is None and shutil.which("systemctl") is None:
        raise WrongUsage("this system has no systemd (systemctl is not found); have it run: nbdeploy serve")
    if options.db or options.cache:
        raise WrongUsage(
            "--db and --cache may hold passwords, which are not written into a unit; leave them out, and give "
            f"NBDEPLOY_ENDPOINT_DB and NBDEPLOY_ENDPOINT_CACHE to the service: systemctl --user edit {NAME}"
        )
    given = [f"--home={home}", f"--connections={connections}", f"--options={msgspec.json.encode(options).decode()}"]
    command = [sys.executable, "-P", "-m", "nbdeploy.serving.server", *given]
    place = (folder or Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "systemd" / "user") / NAME
    text = _UNIT.format(home=_plain(str(home)), command=" ".join(map(_quoted, command)), stop=STOP_SECONDS)
    write_atomically(place, text.encode(), mode=0o600)
    return Installed(str(place))


def _quoted(word: str) -> str:
    """A word of a command line as systemd reads it: percent and dollar signs are its own, backslashes are doubled."""
    escaped = _plain(word).replace("$", "$$").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def _next() -> str:
    return f"systemctl --user daemon-reload && systemctl --user enable --now {NAME}"

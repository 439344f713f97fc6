"""A scheduler that the machine itself starts: a unit of systemd, else a line of the crontab."""

from __future__ import annotations

import getpass
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbdeploy.cards import Card, Result, Table
from nbdeploy.errors import NotWritable, WrongUsage
from nbdeploy.files import write_atomically

__all__ = ["Installed", "install"]

WAYS = ("systemd", "crontab")
_SECONDS = 30


@dataclass(frozen=True)
class Installed(Result):
    """What starts the scheduler from here on.

    Attributes
    ----------
    way : str
        ``systemd`` or ``crontab``.
    place : str
        The file, or the crontab.
    text : str
        What is written there.
    state : str
        ``installed``, ``there already``, or ``not written``.
    hint : str
        What else is to do.
    """

    way: str
    place: str
    text: str
    state: str
    hint: str = ""

    @property
    def line(self) -> str:
        """What was written where."""
        said = {"not written": f"this would be written to {self.place}"}
        did = said.get(self.state, f"the scheduler is {self.state}: {self.place}")
        return "; ".join(filter(None, [did, self.hint]))

    def card(self) -> Card:
        """The text that was written."""
        return Card(self.line, table=Table(("written",), [(line,) for line in self.text.splitlines()]))

    def document(self) -> dict[str, Any]:
        """Everything."""
        return {"way": self.way, "place": self.place, "text": self.text, "state": self.state, "hint": self.hint}


def install(variables: Mapping[str, str], way: str | None = None, only_show: bool = False) -> Installed:
    """Let this machine start a scheduler, and start it again if it ends; doing it twice is doing it once.

    Parameters
    ----------
    variables : mapping
        The settings in force for it, as environment variables.
    way : str, optional
        ``systemd`` or ``crontab``; by default the first of them that works here.
    only_show : bool
        Whether nothing is to be written.

    Raises
    ------
    WrongUsage
        If neither works here.
    NotWritable
        If the file or crontab cannot be written.
    """
    found = way or _way()
    if found not in WAYS:
        raise WrongUsage(f"{found!r} cannot start a scheduler; there are: {', '.join(WAYS)}")
    return (_systemd if found == "systemd" else _crontab)(variables, only_show)


def _way() -> str:
    if shutil.which("systemctl") and _run(["systemctl", "--user", "show-environment"]).returncode == 0:
        return "systemd"
    if shutil.which("crontab"):
        return "crontab"
    by_hand = shlex.join(_command())
    raise WrongUsage(
        "this machine has neither a systemd for its users nor a crontab: "
        f"let something else keep this running: {by_hand}",
        available=list(WAYS),
    )


def _systemd(variables: Mapping[str, str], only_show: bool) -> Installed:
    name = f"nbdeploy-scheduler-{_own(variables)}.service"
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    place = Path(base) / "systemd" / "user" / name
    text = _unit(variables)
    if only_show:
        return Installed("systemd", str(place), text, "not written")
    there = place.exists() and place.read_text(encoding="utf-8") == text
    if not there:
        write_atomically(place, text.encode(), 0o600)  # a database's address may hold a password
    for words in (["daemon-reload"], ["enable", "--now", name], *([] if there else [["restart", name]])):
        _checked(["systemctl", "--user", *words])
    linger = f"so that it runs while you are logged out: loginctl enable-linger {getpass.getuser()}"
    return Installed("systemd", str(place), text, "there already" if there else "installed", linger)


def _unit(variables: Mapping[str, str]) -> str:
    lines = [f"Environment={_quoted(f'{name}={value}')}" for name, value in sorted(variables.items())]
    command = " ".join(_quoted(word).replace("$", "$$") for word in _command())
    return "\n".join(
        [
            "[Unit]",
            "Description=nbdeploy scheduler",
            "",
            "[Service]",
            f"ExecStart={command}",
            *lines,
            "Restart=always",
            "RestartSec=5",
            "# Runs go on while the scheduler is started anew.",
            "KillMode=process",
            "",
            "[Install]",
            "WantedBy=default.target",
            "",
        ]
    )


def _quoted(word: str) -> str:
    """A word as systemd reads it: see systemd.service(5), "Command lines", and systemd.unit(5), "Specifiers"."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _crontab(variables: Mapping[str, str], only_show: bool) -> Installed:
    mark = f"# nbdeploy scheduler {_own(variables)}"
    given = [f"{name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
    log = shlex.quote(str(Path(variables["NBDEPLOY_HOME"]) / "scheduler.log"))
    command = " ".join([*given, shlex.join([*_command(), "--unless-running"]), f">>{log} 2>&1"])
    line = f"*/2 * * * * {command.replace('%', chr(92) + '%')} {mark}"
    if only_show:
        return Installed("crontab", "the crontab", line, "not written")
    before = _run(["crontab", "-l"])
    lines = before.stdout.splitlines() if before.returncode == 0 else []
    if line in lines:
        return Installed("crontab", "the crontab", line, "there already")
    kept = [each for each in lines if not each.endswith(mark)]
    _checked(["crontab", "-"], "\n".join([*kept, line, ""]))
    return Installed("crontab", "the crontab", line, "installed", "it begins within two minutes")


def _command() -> list[str]:
    return [sys.executable, "-P", "-m", "nbdeploy", "scheduler"]


def _own(variables: Mapping[str, str]) -> str:
    """A name for the scheduler of this database, so that others may have theirs."""
    text = f"{variables['NBDEPLOY_DB']}".encode()
    return hashlib.sha256(text).hexdigest()[:8]


def _checked(words: Sequence[str], text: str = "") -> None:
    done = _run(words, text)
    if done.returncode:
        raise NotWritable(f"{shlex.join(words)} failed: {done.stderr.strip() or f'exit status {done.returncode}'}")


def _run(words: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False, encoding="utf-8"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 127, "", str(error))

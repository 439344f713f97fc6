"""What other programs do with a definition before a command runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_FAKE = """#!/bin/sh
exec python3 -c 'import json, sys
from os import environ
print(json.dumps([sys.argv[1:], environ.get("NBDEPLOY_DUE"), environ["TZ"]]))' "$@"
"""


def said(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Any:
    """The words, the due time and the zone that ``nbdeploy`` is given when a command runs."""
    fake = folder / "bin" / "nbdeploy"
    fake.parent.mkdir(exist_ok=True)
    fake.write_text(_FAKE)
    fake.chmod(0o755)
    path = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, env={"PATH": path, **variables}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def as_kubernetes(text: str, variables: Mapping[str, str]) -> str:
    """A container's argument after ``$(NAME)`` and ``$$``, by the rule in the API's reference."""

    def replaced(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return variables.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", replaced, text)


def as_argo(document: Any, values: Mapping[str, str]) -> Any:
    """A definition after Argo's templates; one that it does not know is an error there."""
    return json.loads(re.sub(r"\{\{(.*?)\}\}", lambda found: values[found[1].strip()], json.dumps(document)))


def as_cron(line: str) -> list[str]:
    """The command of a crontab's line: ``%`` that is not escaped begins its standard input."""
    *_, command = line.split(None, 5)
    assert not re.search(r"(?<!\\)%", command)
    return ["/bin/sh", "-c", command.replace(r"\%", "%")]

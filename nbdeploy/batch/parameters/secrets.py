"""Secrets of a run: where they are, read by nobody but the run's own process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbdeploy.batch.parameters.values import Secret
from nbdeploy.errors import WrongUsage

__all__ = ["check_secrets", "read_secret", "secrets_of"]

SHORTEST = 4
"""Characters of the shortest secret: what stands in the place of a shorter one would tell it."""


def check_secrets(values: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> None:
    """Refuse secrets that are not there to be read.

    Parameters
    ----------
    values : mapping
        Parameters by name.
    environ : mapping, optional
        The environment in which the run will be.

    Raises
    ------
    WrongUsage
        If a variable is not set, a file cannot be read, or what is there is too short to be kept secret.
    """
    secrets_of(values, environ)


def secrets_of(values: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The secrets among values, read.

    Raises
    ------
    WrongUsage
        As for `check_secrets`.
    """
    return {name: read_secret(name, value, environ) for name, value in values.items() if isinstance(value, Secret)}


def read_secret(name: str, secret: Secret, environ: Mapping[str, str] = os.environ) -> str:
    """The text of a secret; the line end of a file is not part of it."""
    kind, _, place = secret.source.partition(":")
    text = _variable(name, place, environ) if kind == "env" else _file(name, Path(place))
    if len(text) < SHORTEST:
        raise WrongUsage(
            f"the secret {name!r} in {secret.source} has {len(text)} characters: under {SHORTEST} nothing can be kept "
            "secret, because whatever looks like it would be masked",
            name=name,
        )
    return text


def _variable(name: str, variable: str, environ: Mapping[str, str]) -> str:
    if variable not in environ:
        raise WrongUsage(f"the secret {name!r} is in the variable {variable}, which is not set here", name=name)
    return environ[variable]


def _file(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise WrongUsage(f"the secret {name!r} is in the file {path}, which cannot be read: {why}", name=name) from None

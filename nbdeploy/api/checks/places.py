"""Where things are kept: the home, the store, the database."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from nbdeploy.api.checks.finding import Finding
from nbdeploy.api.references import open_store
from nbdeploy.database import Database, check_url
from nbdeploy.errors import NbdeployError
from nbdeploy.hints import typed
from nbdeploy.settings import Settings

__all__ = ["database", "home", "store"]

_LITTLE = 2**30


def home(settings: Settings) -> list[Finding]:
    """Whether the home can be written, has space, and keeps its tokens to its owner."""
    place = settings.home
    existing = _existing(place)
    if not _can_be_made(place):
        return [Finding("home", f"{place} cannot be written", f"chmod u+rwx {existing}, or set NBDEPLOY_HOME")]
    free = shutil.disk_usage(existing).free
    found = [Finding("home", f"{place}, {free / 2**30:.1f} GiB free")]
    if free < _LITTLE:
        found = [Finding("home", f"{place} has {free / 2**20:.0f} MiB left", f"free space there, or {typed('gc')}")]
    targets = place / "targets.toml"
    if targets.exists() and stat.S_IMODE(targets.stat().st_mode) & 0o077:
        found.append(Finding("home", f"{targets} holds tokens, and others can read it", f"chmod 600 {targets}"))
    return found


def store(settings: Settings) -> list[Finding]:
    """Whether the snapshots can be listed and read."""
    from nbdeploy.snapshots.catalog import list_versions

    step = "correct NBDEPLOY_STORE, or `store` in nbdeploy.toml"
    folder = Path(settings.store)
    if "://" not in settings.store and not folder.exists():
        if _can_be_made(folder):
            return [Finding("store", f"{folder} is made with the first snapshot")]
        return [Finding("store", f"{folder} cannot be made", step)]
    try:
        found = list_versions(open_store(settings), None)
    except NbdeployError as error:
        return [Finding("store", f"{settings.store}: {error}", step)]
    if found.notices:
        return [Finding("store", "; ".join(found.notices), typed("verify REF"))]
    count = len(found.document())
    return [Finding("store", f"{settings.store}, {count} model{'' if count == 1 else 's'}")]


def database(settings: Settings) -> list[Finding]:
    """Whether the database of runs answers, and is up to date."""
    file = settings.db.removeprefix("sqlite:///")
    if file != settings.db and not Path(file).exists() and _can_be_made(Path(file)):
        return [Finding("database", f"{file} is made with the first run")]
    try:
        shown = check_url(settings.db)
        with Database(settings.db) as opened, opened.reading() as session:
            session.connection()
    except NbdeployError as error:
        return [Finding("database", str(error), "correct NBDEPLOY_DB, or `db` in nbdeploy.toml")]
    return [Finding("database", f"{shown} is up to date")]


def _existing(place: Path) -> Path:
    """The place, or the folder above it that is there."""
    return next(folder for folder in (place, *place.parents) if folder.exists())


def _can_be_made(place: Path) -> bool:
    existing = _existing(place)
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)

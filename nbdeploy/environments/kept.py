"""Environments that are kept, by what they are made of."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Collection
from pathlib import Path

from filelock import FileLock, Timeout

from nbdeploy.environments.building import build, link_ours, python_in
from nbdeploy.environments.wanted import Wanted
from nbdeploy.files import writing
from nbdeploy.types import Report, ignore_progress

__all__ = ["Environments"]

SPARE = 3
"""How many stay that nobody needs: what served before is often served again."""

_PART = ".part-"


class Environments:
    """Environments in a folder, each under its digest and complete.

    Parameters
    ----------
    folder : Path
        Where they are. It is made with the first one.
    spare : int
        How many of them stay besides those that are needed.
    """

    def __init__(self, folder: Path, spare: int = SPARE) -> None:
        self._folder, self._spare = folder, spare

    def ready(self, wanted: Wanted) -> Path | None:
        """Return the interpreter of an environment that is there; None otherwise."""
        python = python_in(self._folder / wanted.digest)
        if not python.exists():  # also where it is a link to a Python that is there no more
            return None
        link_ours(self._folder / wanted.digest)
        os.utime(self._folder / wanted.digest)
        return python

    def build(self, wanted: Wanted, progress: Report = ignore_progress) -> Path:
        """Build an environment, unless it is there or somebody else builds it, and return its interpreter.

        Raises
        ------
        RehearsalFailed
            If it cannot be built; nothing of it is left then.
        NotWritable
            If the disk is full.
        """
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = self._folder / wanted.digest
        with self._lock():
            if (found := self.ready(wanted)) is not None:
                return found
            self._forget_parts()
            part = self._folder / f"{_PART}{secrets.token_hex(8)}"
            try:
                build(part, wanted, progress)
                shutil.rmtree(place, ignore_errors=True)
                with writing(place):
                    part.rename(place)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return python_in(place)

    def keep(self, needed: Collection[str]) -> None:
        """Remove environments but those of some digests, and a few that were needed last."""
        if not self._folder.is_dir():
            return
        with contextlib.suppress(Timeout, OSError), self._lock(timeout=0):
            self._forget_parts()
            others = [place for place in self._folder.glob("[!.]*") if place.name not in needed]
            for place in sorted(others, key=lambda place: -place.stat().st_mtime)[self._spare :]:
                shutil.rmtree(place.rename(self._folder / f"{_PART}{place.name}"), ignore_errors=True)

    def _forget_parts(self) -> None:
        """What a killed process left; nobody else builds while the lock is held."""
        for left in self._folder.glob(f"{_PART}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _lock(self, timeout: float = -1) -> FileLock:
        return FileLock(self._folder / ".lock", timeout=timeout)

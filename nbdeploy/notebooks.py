"""A notebook file, read without executing it and without nbformat (which takes 1.4 s to import)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.errors import InvalidData, NotFound

__all__ = ["Notebook", "first_line", "source"]

PARAMETERS_TAG = "parameters"


@dataclass(frozen=True)
class Notebook:
    """A notebook as it is in its file.

    Attributes
    ----------
    path : Path
        Absolute path of the file.
    content : bytes
        The file's bytes.
    document : mapping
        The notebook, in format 4.
    """

    path: Path
    content: bytes = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, path: str | Path) -> Notebook:
        """Read a notebook file.

        Raises
        ------
        NotFound
            If there is no such file.
        InvalidData
            If the file is not a notebook.
        """
        file = Path(path).expanduser().absolute()
        if not file.is_file():
            raise NotFound("notebook", str(path), _siblings(Path(path).expanduser()))
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InvalidData(f"notebook {file} cannot be read: {error.strerror}", path=str(file)) from error
        return cls(file, content, _document(file, content))

    @property
    def cells(self) -> Sequence[Mapping[str, Any]]:
        """The cells, in order."""
        cells: Sequence[Mapping[str, Any]] = self.document["cells"]
        return cells

    @property
    def kernel(self) -> str | None:
        """Name of the kernel that the notebook was written for."""
        return _text(self._metadata("kernelspec").get("name"))

    @property
    def language(self) -> str:
        """Language of its cells; Python where it does not say."""
        found = self._metadata("language_info").get("name") or self._metadata("kernelspec").get("language")
        return _text(found) or "python"

    @property
    def is_python(self) -> bool:
        """Whether its cells are Python."""
        return self.language.lower() in {"python", "ipython", "python3"}

    @property
    def parameters_cell(self) -> tuple[int, str] | None:
        """Number (from 1) and source of the cell tagged ``parameters``."""
        for number, cell in enumerate(self.cells, 1):
            if PARAMETERS_TAG in (cell.get("metadata") or {}).get("tags", ()):
                return number, source(cell)
        return None

    def _metadata(self, key: str) -> Mapping[str, Any]:
        found = (self.document.get("metadata") or {}).get(key)
        return found if isinstance(found, dict) else {}


def source(cell: Mapping[str, Any]) -> str:
    """The text of a cell, which files keep as lines or whole."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def first_line(text: str, width: int = 72) -> str:
    r"""The first line that says something, short enough to show beside a progress bar.

    Examples
    --------
    >>> first_line("\n# Train\nfit()")
    '# Train'
    """
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= width else line[: width - 1] + "…"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _siblings(path: Path) -> list[str]:
    """Notebooks beside a path that does not exist, to suggest."""
    return [str(file) for file in path.parent.glob("*.ipynb")] if path.parent.is_dir() else []


def _document(path: Path, content: bytes) -> Mapping[str, Any]:
    try:
        document: Any = json.loads(content)
    except ValueError as error:
        raise InvalidData(f"{path} is not a notebook: it is not JSON ({error})", path=str(path)) from error
    if not isinstance(document, dict) or not isinstance(document.get("nbformat"), int):
        raise InvalidData(f"{path} is not a notebook: it has no 'nbformat'", path=str(path))
    if document["nbformat"] < 4:
        document = _upgraded(path, content)
    cells = document.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise InvalidData(f"{path} is not a notebook: it has no list of cells", path=str(path))
    return dict(document)


def _upgraded(path: Path, content: bytes) -> dict[str, Any]:
    import nbformat

    try:
        return dict(nbformat.reads(content.decode(), as_version=4))  # type: ignore[no-untyped-call]
    except Exception as error:
        raise InvalidData(f"{path} is not a notebook that can be read: {error}", path=str(path)) from error

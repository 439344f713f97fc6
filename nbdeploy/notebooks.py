"""A notebook file, read without executing it and without nbformat (which takes 1.4 s to import)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.errors import InvalidData, NotFound

__all__ = ["PARAMETERS_TAG", "Notebook", "first_line", "marked", "source", "tag_marked", "without_mark"]

PARAMETERS_TAG = "parameters"
_MARK = re.compile(r"(?P<blank>\s*)(?P<mark>%%deploy[ \t]+parameters)[ \t]*(?=\n|$)")


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
        """Number (from 1) and source of the cell tagged ``parameters``, else of the first that begins as one."""
        found = [number for number, cell in enumerate(self.cells) if PARAMETERS_TAG in _tags(cell)]
        found += [number for number, cell in enumerate(self.cells) if marked(source(cell)) and _is_code(cell)]
        return (found[0] + 1, without_mark(source(self.cells[found[0]]))) if found else None

    def _metadata(self, key: str) -> Mapping[str, Any]:
        found = (self.document.get("metadata") or {}).get(key)
        return found if isinstance(found, dict) else {}


def marked(text: str) -> bool:
    r"""Whether a cell begins with ``%%deploy parameters``, which says that it is the parameters cell.

    Examples
    --------
    >>> marked("%%deploy parameters\nmonth = 1"), marked("%%deploy parameters other.ipynb")
    (True, False)
    """
    return _MARK.match(text) is not None


def without_mark(text: str) -> str:
    """The cell as plain code, with its lines where they were."""
    return _MARK.sub(lambda mark: f"{mark['blank']}# {mark['mark']}", text)


def tag_marked(cells: Iterable[Any]) -> None:
    """Make cells that begin with the mark plain code, and tag the first of them unless another cell is tagged.

    Parameters
    ----------
    cells : iterable of dict
        The cells, which are changed.
    """
    cells = list(cells)
    found = [cell for cell in cells if _is_code(cell) and marked(source(cell))]
    if found and not any(PARAMETERS_TAG in _tags(cell) for cell in cells):
        found[0].setdefault("metadata", {})["tags"] = [*_tags(found[0]), PARAMETERS_TAG]
    for cell in found:
        cell["source"] = without_mark(source(cell))


def _tags(cell: Mapping[str, Any]) -> Sequence[str]:
    tags = (cell.get("metadata") or {}).get("tags", ())
    return tags if isinstance(tags, list) else ()


def _is_code(cell: Mapping[str, Any]) -> bool:
    return cell.get("cell_type") == "code"


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
    for number, cell in enumerate(cells, 1):
        if not _is_cell(cell):
            raise InvalidData(
                f"{path} is not a notebook that can be run: cell {number} has no type, or no text",
                path=str(path),
                cell=number,
            )
    return dict(document)


def _is_cell(cell: Mapping[str, Any]) -> bool:
    text, about = cell.get("source", ""), cell.get("metadata") or {}
    written = isinstance(text, str) or (isinstance(text, list) and all(isinstance(line, str) for line in text))
    return written and isinstance(cell.get("cell_type"), str) and isinstance(about, dict)


def _upgraded(path: Path, content: bytes) -> dict[str, Any]:
    import nbformat

    try:
        return dict(nbformat.reads(content.decode(), as_version=4))  # type: ignore[no-untyped-call]
    except Exception as error:
        raise InvalidData(f"{path} is not a notebook that can be read: {error}", path=str(path)) from error

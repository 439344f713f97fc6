"""skops files made deterministic, with references to the notebook's ``__main__`` rewritten.

skops names files and nodes after ``id()`` and dates the archive, so the same model is never twice the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.pickling import captured_module

__all__ = ["Rewritten", "skops_io", "write_canonical"]

_ZERO = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"} | {
    "content": "0",
    "is_json": True,
    "__id__": -1,
}
_EPOCH = (1980, 1, 1, 0, 0, 0)
_WRAPPED = frozenset({"cupy", "dask", "torch"})


def skops_io() -> Any:
    """Return ``skops.io``, imported without the array libraries that scikit-learn can wrap.

    skops lists every estimator by walking scikit-learn's packages, and the walk imports what their wrappers
    wrap: with PyTorch installed that takes longer than everything else together.
    """
    if sys.modules.get("skops.io"):
        return sys.modules["skops.io"]
    absent = _Absent(threading.get_ident())
    sys.meta_path.insert(0, absent)
    try:
        return import_module("skops.io")
    finally:
        sys.meta_path.remove(absent)


class _Absent:
    """Finds no array library for one thread, unless it is imported already."""

    def __init__(self, thread: int) -> None:
        self._thread = thread

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in _WRAPPED and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def write_canonical(raw: BinaryIO, module: str | None, functions: Mapping[int, str], path: Path) -> None:
    """Rewrite a skops file: nodes numbered in order, files named by node, no dates, ``__main__`` → `module`.

    Helper modules are looked for below `module`. Nothing is compressed: most of a model is numbers that hardly get
    smaller, and a bundle is written once but checked and read at every load.

    Parameters
    ----------
    raw : binary file
        What skops wrote, while the model it wrote is still there.
    module : str or None
        Name of the captured module.
    functions : mapping of int to str
        The notebook's functions in the model, by ``id()``: the names they have in the captured module.
    path : Path
        Where to.
    """
    with zipfile.ZipFile(raw) as archive:
        schema = json.loads(archive.read("schema.json"))
        renamed = _renumber(schema, set(archive.namelist()) - {"schema.json"}, module, functions)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
            target.writestr(zipfile.ZipInfo("schema.json", _EPOCH), json.dumps(schema))
            for old, new in renamed.items():
                target.writestr(zipfile.ZipInfo(new, _EPOCH), archive.read(old))


class Rewritten(io.RawIOBase):
    """A file for ``skops.io.dump``, which writes once: what it writes is rewritten to `path`, and copied nowhere else.

    Parameters
    ----------
    path, module, functions : Path, str or None, mapping
        See :func:`write_canonical`.
    """

    def __init__(self, path: Path, module: str | None, functions: Mapping[int, str]) -> None:
        self._path = path
        self._module = module
        self._functions = functions

    def write(self, content: Any) -> int:
        """Take everything that skops has to write."""
        with io.BufferedReader(_Memory(content)) as raw:
            write_canonical(cast(BinaryIO, raw), self._module, self._functions, self._path)
        return len(content)


class _Memory(io.RawIOBase):
    """Bytes in memory, read as a file without being copied first."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Copy the next piece."""
        piece = self._content[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, as in any file."""
        self._at = offset + (0, self._at, len(self._content))[whence]
        return self._at

    def tell(self) -> int:
        """Where it stands."""
        return self._at


def _renumber(schema: Any, files: set[str], module: str | None, functions: Mapping[int, str]) -> dict[str, str]:
    """Rewrite a schema in place; return the new name of every file that it uses."""
    _forget_process(schema)
    numbers: dict[int, int] = {}
    renamed: dict[str, str] = {}
    for node in _nodes(schema):
        if node.get("__loader__") == "FunctionNode":
            node["__class__"] = _importable(functions.get(node["__id__"], node["__class__"]))
            node["__module__"] = "__main__" if node["__id__"] in functions else node["__module__"]
        if "__id__" in node:
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
        if isinstance(node.get("file"), str) and node["file"] in files:
            old = node["file"]
            node["file"] = renamed.setdefault(old, f"{len(renamed) + 1}.{old.rpartition('.')[2]}")
        if module is not None and isinstance(node.get("__module__"), str):
            node["__module__"] = captured_module(node["__module__"], module)
    return renamed


def _importable(name: str) -> str:
    if not name.isidentifier():
        raise NotCapturable(f"skops stores functions by the name they have in their module, and {name} has none")
    return name


def _forget_process(schema: Any) -> None:
    """Remove what differs from process to process: an ``id()`` that text vectorizers keep, and the order of sets."""
    for node in _nodes(schema):
        if isinstance(node.get("_stop_words_id"), dict):
            node["_stop_words_id"]["content"] = "0"
        if node.get("__class__") in {"BallTree", "KDTree"}:
            _forget_counters(node)
        if node.get("__loader__") == "SetNode":
            node["content"].sort(key=_without_ids)


def _forget_counters(tree: dict[str, Any]) -> None:
    """A tree of neighbours counts how it was searched: ``n_trims``, ``n_leaves``, ``n_splits`` and ``n_calls``."""
    state = next(node["content"] for node in _nodes(tree) if node.get("__loader__") == "TupleNode")
    state[7:11] = [{**_ZERO} for _ in range(4)]


def _without_ids(document: Any) -> str:
    """A node as text, without addresses."""
    return re.sub(r'"(__id__|file)": ("[^"]*"|[0-9]+)', "", json.dumps(document))


def _nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in the schema, in order."""
    if isinstance(document, dict):
        yield document
        for value in document.values():
            yield from _nodes(value)
    elif isinstance(document, list):
        for value in document:
            yield from _nodes(value)

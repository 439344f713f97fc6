"""skops files made deterministic, with references to the notebook's ``__main__`` rewritten.

skops names files and nodes after ``id()`` and dates the archive, so the same model is never twice the same bytes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import mmap
import re
import struct
import sys
import threading
import zipfile
from collections.abc import Collection, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.pickling import captured_module

__all__ = ["nodes", "read_audited", "skops_io", "write_canonical"]

_ZERO = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"} | {
    "content": "0",
    "is_json": True,
    "__id__": -1,
}
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SCHEMA = "schema.json"
_LOCAL_HEADER = struct.Struct("<26xHH")
"""What is before a member's bytes, of which only the lengths of its name and extra field are read, which follow."""
_OPTIONAL = frozenset({"cupy", "dask", "pytest", "torch"})


def skops_io() -> Any:
    """Return ``skops.io``, imported without what scikit-learn can do without: array libraries, and pytest.

    skops lists every estimator by walking scikit-learn's packages, and the walk imports what their wrappers
    wrap: with PyTorch installed that takes longer than everything else together. It also looks every function of
    ``scipy.special`` up in one module after the other, in the order of their import: that one is better early.
    """
    if sys.modules.get("skops.io"):
        return sys.modules["skops.io"]
    absent = _Absent(threading.get_ident())
    sys.meta_path.insert(0, absent)
    try:
        with _uncollected():
            import_module("scipy.special")
            return import_module("skops.io")
    finally:
        sys.meta_path.remove(absent)


class _Absent:
    """Finds nothing optional for one thread, unless it is imported already."""

    def __init__(self, thread: int) -> None:
        self._thread = thread

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in _OPTIONAL and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def write_canonical(model: Any, path: Path, module: str | None, functions: Mapping[int, str]) -> list[str]:
    """Write a skops file: nodes numbered in order, files too, no dates, ``__main__`` → `module`.

    What ``skops.io.dump`` writes into memory, text indented, goes straight to the disk. Helper modules are looked for
    below `module`. Nothing is compressed: most of a model is numbers that hardly get smaller, and a bundle is written
    once but checked and read at every load.

    Parameters
    ----------
    model : object
        What to write.
    path : Path
        Where to.
    module : str or None
        Name of the captured module.
    functions : mapping of int to str
        The notebook's functions in the model, by ``id()``: the names they have in the captured module.

    Returns
    -------
    list of str
        The types in it that skops does not trust by itself, sorted.
    """
    skops_io()
    from skops import __version__
    from skops.io._utils import SaveContext, get_state

    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        arrays = _Arrays(archive)
        context = SaveContext(cast(zipfile.ZipFile, arrays))
        state = get_state(model, context)
        schema = json.loads(json.dumps({**state, "protocol": context.protocol, "_skops_version": __version__}))
        _renumber(schema, arrays.names, module, functions)
        archive.writestr(zipfile.ZipInfo(_SCHEMA, _EPOCH), json.dumps(schema))
    return _untrusted(schema)


class _Arrays:
    """What skops takes for the archive: arrays are named by their order, not by where they were in memory."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.names: dict[str, str] = {}

    def namelist(self) -> Collection[str]:
        """The names by which skops knows what it wrote."""
        return self.names

    def writestr(self, name: str, content: Any) -> None:
        """Write an array."""
        self.names[name] = f"{len(self.names) + 1}.{name.rpartition('.')[2]}"
        self._archive.writestr(zipfile.ZipInfo(self.names[name], _EPOCH), content)


def _untrusted(schema: Any) -> list[str]:
    """What ``skops.io.get_untrusted_types`` finds in a file, without reading the arrays, which have no types."""
    from skops.io._audit import get_tree
    from skops.io._utils import LoadContext

    tree = get_tree(schema, LoadContext(cast(zipfile.ZipFile, _NoArrays()), schema["protocol"]), trusted=None)
    return sorted(tree.get_unsafe_set())


class _NoArrays:
    def read(self, name: str) -> bytes:
        """Return nothing."""
        return b""


def read_audited(path: Path, trusted: Collection[str]) -> Any:
    """Build the model in a skops file whose digest was compared, all types in it audited before the first is built.

    What ``skops.io.load`` does, but that arrays are not summed up once more.

    Parameters
    ----------
    path : Path
        The file.
    trusted : collection of str
        The types that it may have besides those that skops trusts.

    Raises
    ------
    skops.io.exceptions.UntrustedTypesFoundException
        If it has others.
    """
    skops_io()
    from skops.io._audit import audit_tree, get_tree
    from skops.io._utils import read_schema

    with _Verified(path) as archive, _uncollected():
        schema, context = read_schema(archive)
        tree = get_tree(schema, context, trusted=None)  # else every node makes a list of them all
        audit_tree(tree, trusted=sorted(trusted))
        return tree.construct()


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Let nothing be looked for that can be thrown away, while much is made that is all needed."""
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()


class _Verified(zipfile.ZipFile):
    """An archive of which nothing needs to be checked against the small checksums of its members."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._bytes = mmap.mmap(cast(BinaryIO, self.fp).fileno(), 0, access=mmap.ACCESS_READ)

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        """Return a member: a piece of the file, unless it is compressed."""
        info = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED:
            return super().read(info, pwd)
        header = _LOCAL_HEADER.unpack_from(self._bytes, info.header_offset)
        start = info.header_offset + _LOCAL_HEADER.size + sum(header)
        return self._bytes[start : start + info.file_size]


def _renumber(schema: Any, files: Mapping[str, str], module: str | None, functions: Mapping[int, str]) -> None:
    """Rewrite a schema in place, with the new name of every file."""
    _forget_process(schema)
    numbers: dict[int, int] = {}
    for node in nodes(schema):
        if node.get("__loader__") == "FunctionNode":
            node["__class__"] = _importable(functions.get(node["__id__"], node["__class__"]))
            node["__module__"] = "__main__" if node["__id__"] in functions else node["__module__"]
        if "__id__" in node:
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
        if isinstance(node.get("file"), str):
            node["file"] = files.get(node["file"], node["file"])
        if module is not None and isinstance(node.get("__module__"), str):
            node["__module__"] = captured_module(node["__module__"], module)


def _importable(name: str) -> str:
    if not name.isidentifier():
        raise NotCapturable(f"skops stores functions by the name they have in their module, and {name} has none")
    return name


def _forget_process(schema: Any) -> None:
    """Remove what differs from process to process: an ``id()`` that text vectorizers keep, and the order of sets."""
    for node in nodes(schema):
        if isinstance(node.get("_stop_words_id"), dict):
            node["_stop_words_id"]["content"] = "0"
        if node.get("__class__") in {"BallTree", "KDTree"}:
            _forget_counters(node)
        if node.get("__loader__") == "SetNode":
            node["content"].sort(key=_without_ids)


def _forget_counters(tree: dict[str, Any]) -> None:
    """A tree of neighbours counts how it was searched: ``n_trims``, ``n_leaves``, ``n_splits`` and ``n_calls``."""
    state = next(node["content"] for node in nodes(tree) if node.get("__loader__") == "TupleNode")
    state[7:11] = [{**_ZERO} for _ in range(4)]


def _without_ids(document: Any) -> str:
    """A node as text, without addresses."""
    return re.sub(r'"(__id__|file)": ("[^"]*"|[0-9]+)', "", json.dumps(document))


def nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in the schema, in order."""
    todo = [document]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            yield value
            todo += reversed(value.values())
        elif isinstance(value, list):
            todo += reversed(value)

"""skops files made deterministic, with references to the notebook's ``__main__`` rewritten.

skops names files and nodes after ``id()`` and dates the archive, so the same model is never twice the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from nbdeploy.errors import NotCapturable
from nbdeploy.flavors.pickling import captured_module

__all__ = ["canonical"]

_ZERO = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"} | {
    "content": "0",
    "is_json": True,
    "__id__": -1,
}
_EPOCH = (1980, 1, 1, 0, 0, 0)


def canonical(raw: bytes, module: str | None, functions: Mapping[int, str]) -> bytes:
    """Rewrite a skops file: nodes numbered in order, files named by node, no dates, ``__main__`` → `module`.

    Helper modules are looked for below `module`.

    Parameters
    ----------
    raw : bytes
        What skops wrote, while the model it wrote is still there.
    module : str or None
        Name of the captured module.
    functions : mapping of int to str
        The notebook's functions in the model, by ``id()``: the names they have in the captured module.
    """
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        schema = json.loads(archive.read("schema.json"))
        files = {name: archive.read(name) for name in archive.namelist() if name != "schema.json"}
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
    return _archive({"schema.json": json.dumps(schema).encode(), **{new: files[old] for old, new in renamed.items()}})


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


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()

"""What differs between two stored models, read from their files without building anything."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Learned", "compared", "parameters_of", "read"]

_LARGEST = 2**26
_SHORT = 40
_IGNORED = ("__id__", "__module__")
_VERSIONS = frozenset({"_sklearn_version", "_skops_version"})

Node = Any
Path = tuple[str, ...]


@dataclass(frozen=True)
class Learned:
    """What differs.

    Attributes
    ----------
    parameters : sequence of str
        As scikit-learn names them: ``forest__max_depth 1 → 2``.
    steps : sequence of str
        The steps whose fitted numbers are others; one without a name is the model itself.
    """

    parameters: Sequence[str] = ()
    steps: Sequence[str] = ()


def read(raw: bytes) -> Node | None:
    """Read the tree of a skops file; None where it is not understood.

    Parameters
    ----------
    raw : bytes
        The file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if archive.getinfo("schema.json").file_size > _LARGEST:
                return None
            sums = {entry.filename: entry.CRC for entry in archive.infolist()}
            return _plain(json.loads(archive.read("schema.json")), sums)
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, RecursionError, AttributeError):
        return None


def parameters_of(raw: bytes) -> Mapping[str, str]:
    """The parameters in a booster's ``estimator.json`` as text; none where it is not understood."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    found = document.get("parameters") if isinstance(document, dict) else None
    return {name: _told(value) for name, value in found.items()} if isinstance(found, dict) else {}


def compared(before: Node, after: Node) -> Learned:
    """Compare two trees.

    Examples
    --------
    >>> old, new = ({"class": "Ridge", "parts": {"alpha": alpha, "coef_": 1}} for alpha in (1.0, 2.0))
    >>> compared(old, new).parameters
    ['alpha 1.0 → 2.0']
    """
    parameters: dict[str, None] = {}
    steps: dict[str, None] = {}
    for path, old, new in _changes(before, after, ()):
        names = [part[1:] for part in path if part.startswith("/")]
        fitted = any(part.endswith("_") or part.startswith("_") for part in path)
        classes = [one.get("class") if isinstance(one, dict) else None for one in (old, new)]
        if not path and None not in classes and classes[0] != classes[1]:
            parameters[f"the model is a {classes[1]} and was a {classes[0]}"] = None
        elif fitted or not path:
            steps[names[-1] if names else ""] = None
        else:
            told = "__".join(part.removeprefix("/") for part in path if part not in {"steps", "transformers"})
            parameters[f"{told or 'steps'} {_told(old)} → {_told(new)}"] = None
    return Learned(list(parameters), list(steps))


def _plain(node: Node, sums: Mapping[str, int]) -> Node:
    """A node without what is only of this file: objects with their parts, values, and the checksums of arrays."""
    if isinstance(node, list):
        return [_plain(one, sums) for one in node]
    if not isinstance(node, dict):
        return node
    loader, content = node.get("__loader__"), node.get("content")
    if loader == "JsonNode":
        return json.loads(content) if isinstance(content, str) else content
    if "file" in node:
        return {"class": node.get("__class__"), "sum": sums.get(node["file"])}
    if loader in {"ListNode", "TupleNode"} and isinstance(content, list):
        return [_plain(one, sums) for one in content]
    if loader == "DictNode" and isinstance(content, dict):
        return {"class": "dict", "parts": {key: _plain(one, sums) for key, one in content.items()}}
    if "__class__" in node and isinstance(content, dict) and content.get("__loader__") == "DictNode":
        return {"class": node["__class__"], "parts": _plain(content, sums)["parts"]}
    return {key: _plain(one, sums) for key, one in node.items() if key not in _IGNORED}


def _changes(old: Node, new: Node, path: Path) -> Iterator[tuple[Path, Node, Node]]:
    """The places that differ, as deep as both are alike; the names of steps begin with a slash."""
    if old == new:
        return
    parts = [one.get("parts") if isinstance(one, dict) else None for one in (old, new)]
    if parts[0] is not None and parts[1] is not None and old["class"] == new["class"]:
        for name in dict.fromkeys((*parts[0], *parts[1])):
            if name not in _VERSIONS:
                yield from _changes(parts[0].get(name), parts[1].get(name), (*path, name))
        return
    names = [_names(one) for one in (old, new)]
    if names[0] and names[0] == names[1]:
        for name, one, other in zip(names[0], old, new, strict=True):
            yield from _changes(one[1:], other[1:], (*path, f"/{name}"))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) == 1:
        yield from _changes(old[0], new[0], path)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and not names[0]:
        for one, other in zip(old, new, strict=True):
            yield from _changes(one, other, path)
    else:
        yield path, old, new


def _names(node: Node) -> list[str]:
    """The names of steps or transformers: of a list of a name and what it names, each."""
    named = isinstance(node, list) and all(
        isinstance(one, list) and len(one) > 1 and isinstance(one[0], str) for one in node
    )
    return [one[0] for one in node] if named else []


def _told(node: Node) -> str:
    if isinstance(node, dict):
        return str(node.get("class", "an object"))
    if names := _names(node):
        return ", ".join(names)
    text = repr(node)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"

"""What differs between the documents of two snapshots: inputs, outputs, packages, metrics, files, code."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.manifest import CODE, Manifest
from nbdeploy.types import Signature

__all__ = ["Change", "changed", "code_patch", "environment_of", "files_of", "signature_of"]

_LONGEST = 2**20


@dataclass(frozen=True)
class Change:
    """One thing that differs; None where one side does not have it."""

    name: str
    before: Any
    after: Any


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Compare two mappings, in the order of their keys.

    Examples
    --------
    >>> changed({"a": 1, "b": 2}, {"b": 2, "c": 4})
    [Change(name='a', before=1, after=None), Change(name='c', before=None, after=4)]
    """
    keys = dict.fromkeys((*before, *after))
    return [Change(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]


def signature_of(signature: Signature) -> dict[str, Any]:
    """Everything in a signature, each under a name of its own: ``age: type``, ``predict: columns``."""
    found: dict[str, Any] = {"columns": ", ".join(signature.names)}
    for kind, parts in (("", {c.name: c for c in signature.columns}), ("answer ", signature.outputs)):
        for name, part in parts.items():
            fields = msgspec.to_builtins(part)
            found |= {f"{kind}{name}: {field}": value for field, value in fields.items() if field != "name"}
    rest = msgspec.structs.asdict(signature)
    return {**{k: v for k, v in rest.items() if k not in {"columns", "outputs"} and v is not None}, **found}


def environment_of(manifest: Manifest) -> dict[str, Any]:
    """Python and every distribution with its version."""
    environment = manifest.parsed.environment
    return {"python": environment.python, **dict(sorted(environment.packages.items()))}


def files_of(manifest: Manifest) -> dict[str, str]:
    """Every file that determines answers, except code, with its size and the beginning of its digest."""
    files = sorted(manifest.parsed.files.items())
    return {path: f"{e.size:,} bytes, {e.sha256[:12]}" for path, e in files if not path.startswith(CODE)}


def code_patch(before: Path, after: Path, documents: Sequence[Manifest]) -> list[str]:
    """Return the unified diff of captured source.

    Modules are named by their content, so a changed one has another name: it is compared with what is most like it.

    Parameters
    ----------
    before, after : Path
        The bundles' folders.
    documents : (Manifest, Manifest)
        Their documents, which say what is code.
    """
    old, new = (_sources(folder, manifest) for folder, manifest in zip((before, after), documents, strict=True))
    lines: list[str] = []
    for left, right in _pairs(old, new):
        names = (left or "/dev/null", right or "/dev/null")
        lines += difflib.unified_diff(old.get(left, []), new.get(right, []), *names, lineterm="")
    return lines


def _sources(folder: Path, manifest: Manifest) -> dict[str, list[str]]:
    paths = [path for path, entry in sorted(manifest.parsed.files.items()) if path.startswith(CODE)]
    return {path: (folder / path).read_text("utf-8", "replace")[:_LONGEST].splitlines() for path in paths}


def _pairs(old: Mapping[str, list[str]], new: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """Files of the same name; then what is most alike; an empty name where there is no counterpart."""
    same = [(path, path) for path in old if path in new]
    left, right = [path for path in old if path not in new], [path for path in new if path not in old]
    alike = sorted(((_likeness(old[a], new[b]), a, b) for a in left for b in right), reverse=True)
    for likeness, a, b in alike:
        if likeness > 0 and a in left and b in right:
            same.append((a, b))
            left.remove(a)
            right.remove(b)
    return sorted([*same, *((a, "") for a in left), *(("", b) for b in right)])


def _likeness(a: list[str], b: list[str]) -> float:
    return difflib.SequenceMatcher(None, a, b, autojunk=False).quick_ratio()

"""Why a snapshot became a new version: what determines its answers and is not as it was in the version before."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from nbdeploy.manifest import CODE, Manifest
from nbdeploy.snapshots.comparing.changes import Change, changed, environment_of
from nbdeploy.snapshots.comparing.learned import Learned, compared, parameters_of, read
from nbdeploy.snapshots.pages.wording import first_few, together
from nbdeploy.store import Store, Version
from nbdeploy.types import Column, Signature

__all__ = ["novelty", "why_new"]

_SHOWN = 3
_LARGEST = 2**24
_MODEL = "model/"
_RANGE = frozenset({"low", "high"})

Read = Callable[[str], bytes]


def novelty(store: Store, version: Version) -> list[str]:
    """Say why a version is new, where there was one before."""
    earlier = [other for other in store.versions(version.name) if other.number < version.number]
    if not earlier:
        return []
    before = max(earlier, key=lambda other: other.number)
    return [why_new(store.manifest(before), store.manifest(version), store.blob)]


def why_new(before: Manifest, after: Manifest, blob: Read) -> str:
    """Say in one sentence how the content of a new version differs from that of the one before.

    Parameters
    ----------
    before, after : Manifest
        The documents of both.
    blob : callable
        Returns a file of either by its SHA-256.
    """
    old, new = before.parsed, after.parsed
    unlike = f"unlike {before.parsed_record.name}:{before.number}"
    learned = _learned(before, after, blob)
    told = [
        *_titled("the flavor", [f"{old.flavor} → {new.flavor}"] if old.flavor != new.flavor else []),
        *_titled("parameters", learned.parameters),
        *_titled("the notebook's code", _code(before, after, blob)),
        *_titled("columns", _columns(old.signature, new.signature)),
        *_titled("answers", _answers(old.signature, new.signature)),
        *_titled("packages", [_step(change) for change in changed(environment_of(before), environment_of(after))]),
        *_titled("how native code is called", _fields(old.canonical, new.canonical)),
    ]
    fitted = [_fitted(learned.steps)] if learned.steps else []
    if fitted and not told:
        return f"{unlike} only in {fitted[0]}{_cause(before, after)}"
    every = [*told, *fitted] or ["how it is loaded"]
    return f"{unlike} in {together(every)}"


def _titled(title: str, changes: Sequence[str]) -> list[str]:
    return [f"{title} ({first_few(changes, _SHOWN)})"] if changes else []


def _step(change: Change) -> str:
    if change.before is None:
        return f"{change.name} {change.after} is new"
    return f"{change.name} is gone" if change.after is None else f"{change.name} {change.before} → {change.after}"


def _fitted(steps: Sequence[str]) -> str:
    named = [f"'{step}'" for step in steps if step]
    if not named:
        return "the fitted numbers"
    return f"the fitted numbers of step{'s' if len(named) > 1 else ''} {first_few(named, _SHOWN)}"


def _cause(before: Manifest, after: Manifest) -> str:
    """Whether other data is the reason, as far as the records know it."""
    data = [manifest.record_document.get("lineage", {}).get("data", {}).get("sha256") for manifest in (before, after)]
    seed = "a fit without a fixed seed is another model each time (set random_state, and the same notebook stores "
    if None not in data:
        other = ", learned from other data (a split without random_state makes other data)"
        return f", of the same data: {seed}nothing new)" if data[0] == data[1] else other
    return f": other data, or {seed}nothing new)"


def _learned(before: Manifest, after: Manifest, blob: Read) -> Learned:
    """What differs in the model's own files."""
    files = [{p: e for p, e in manifest.parsed.files.items() if p.startswith(_MODEL)} for manifest in (before, after)]
    paths = [path for path in dict.fromkeys((*files[0], *files[1])) if files[0].get(path) != files[1].get(path)]
    parameters: list[str] = []
    steps: list[str] = []
    for path in paths:
        both = [one[path] for one in files if path in one]
        known = len(both) == 2 and all(entry.size <= _LARGEST for entry in both)
        raw = [blob(entry.sha256) for entry in both] if known and path.endswith((".skops", ".json")) else []
        if raw and path.endswith(".json"):
            parameters += [_step(change) for change in changed(*map(parameters_of, raw))]
            continue
        trees = [read(one) for one in raw]
        found = compared(*trees) if trees and None not in trees else Learned(steps=[""])
        parameters += found.parameters
        steps += found.steps or ([] if found.parameters else [""])
    return Learned(list(dict.fromkeys(parameters)), list(dict.fromkeys(steps)))


def _code(before: Manifest, after: Manifest, blob: Read) -> list[str]:
    """The functions, classes and values that differ in captured source."""
    return [_verb(change) for change in changed(_definitions(before, blob), _definitions(after, blob))]


def _verb(change: Change) -> str:
    if change.before is None:
        return f"{change.name} is new"
    return f"{change.name} is gone" if change.after is None else f"{change.name} changed"


def _definitions(manifest: Manifest, blob: Read) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, entry in sorted(manifest.parsed.files.items()):
        if not path.startswith(CODE):
            continue
        own = path.removeprefix(CODE).count("/") == 0 and "nbdeploy_" in path
        if own and path.endswith(".py") and entry.size <= _LARGEST:
            found |= _defined(blob(entry.sha256))
        else:
            found["a value it uses" if own else path.removeprefix(CODE)] = entry.sha256
    return found


def _defined(source: bytes) -> dict[str, str]:
    """By name, what a captured module defines; its imports go by what they import."""
    try:
        nodes = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {"the source": source.decode(errors="replace")}
    found = {}
    for node in nodes:
        own = getattr(node, "name", None)
        for name in [own] if own else [t.id for t in getattr(node, "targets", []) if isinstance(t, ast.Name)]:
            found[f"{name}()" if isinstance(node, ast.FunctionDef) else name] = ast.unparse(node)
    return found or {"the source": source.decode(errors="replace")}


def _columns(old: Signature, new: Signature) -> list[str]:
    """What the model takes."""
    before, after = ({column.name: column for column in one.columns} for one in (old, new))
    told = [f"{name} is gone" for name in before.keys() - after.keys()]
    told = sorted(told) + [f"{name} is new" for name in new.names if name not in before]
    shared = [name for name in new.names if name in before]
    told += [told_of for name in shared for told_of in _column(before[name], after[name])]
    if not told and old.names != new.names:
        told = ["in another order"]
    rest = ("container", "dims", "dtype", "index", "header", "unknown", "unseen")
    return told + [f"{name} {getattr(old, name)} → {getattr(new, name)}" for name in rest if _differ(old, new, name)]


def _column(old: Column, new: Column) -> list[str]:
    fields = [name for name in old.__struct_fields__ if _differ(old, new, name)]
    fields = [name for name in fields if name != "dtype" or "type" not in fields]
    told = [f"{old.name}: {name} {_brief(getattr(old, name))} → {_brief(getattr(new, name))}" for name in fields]
    if not _RANGE & {*fields}:
        return told
    told = [one for one, name in zip(told, fields, strict=True) if name not in _RANGE]
    if None in (old.low, new.low):  # of a private column no range is kept
        return told
    return [*told, f"{old.name}: values within {old.low} … {old.high} → {new.low} … {new.high}"]


def _answers(old: Signature, new: Signature) -> list[str]:
    told = [_verb(change) for change in changed(old.outputs, new.outputs)]
    return told + (
        [f"default {old.default_method} → {new.default_method}"] if _differ(old, new, "default_method") else []
    )


def _fields(old: Any, new: Any) -> list[str]:
    names = [name for name in old.__struct_fields__ if _differ(old, new, name)]
    return [f"{name} {_brief(getattr(old, name))} → {_brief(getattr(new, name))}" for name in names]


def _differ(old: Any, new: Any, name: str) -> bool:
    return bool(getattr(old, name) != getattr(new, name))


def _brief(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} of them"
    return "none" if value is None else str(value)

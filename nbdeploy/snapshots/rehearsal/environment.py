"""The distributions behind the modules that a model imports, as pip and uv can install them again."""

from __future__ import annotations

import functools
import json
import platform
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from nbdeploy.manifest import Environment

__all__ = ["Needed", "environment", "owners", "requirements"]

_OURS = frozenset({"nbdeploy"})


@dataclass(frozen=True)
class Needed:
    """An environment, and what its author should know of it.

    Attributes
    ----------
    environment : Environment
        The distributions.
    notices : sequence of str
        What cannot be installed elsewhere.
    """

    environment: Environment
    notices: tuple[str, ...]


def environment(modules: Mapping[str, str]) -> Needed:
    """Find the distributions behind modules, and those that they require.

    What a distribution requires belongs to it although it was not imported: pip would install it, at any version.

    Parameters
    ----------
    modules : mapping of str to str
        Module to its file, for example ``{"sklearn.tree": "/…/sklearn/tree/__init__.py"}``.

    Returns
    -------
    Needed
        Exact versions, by distribution name; the extras that were in use; sources where there is no index.
    """
    imported = set(_distributions(modules)) - _OURS
    found, extras = _closed(imported)
    sources = {name: source for name, installed in found.items() if (source := _source(installed)) is not None}
    notices = tuple(
        f"{name} {found[name].version} was installed from {_local(found[name])}: it cannot be installed elsewhere; "
        "publish it to an index or a git repository, or define what the model needs of it in a cell"
        for name, source in sources.items()
        if not source
    )
    packages = {name: installed.version for name, installed in found.items()}
    return Needed(Environment(platform.python_version(), packages, extras, sources), notices)


def owners() -> Mapping[str, list[str]]:
    """Top-level packages to the distributions that have a part of them; looked up again when one was installed."""
    folders = [Path(entry) for entry in sys.path if any(Path(entry).glob("*-info"))]  # the notebook's often changes
    return _owners(tuple((str(folder), folder.stat().st_mtime_ns) for folder in folders))


@functools.lru_cache(maxsize=1)
def _owners(_: tuple[tuple[str, int], ...]) -> Mapping[str, list[str]]:
    return packages_distributions()


def requirements(env: Environment) -> bytes:
    """``requirements.txt`` with exact versions.

    A build label such as ``+cpu`` is left out, as indexes have different builds of one version; what was
    installed from a folder is a comment, as an index may have something else of its name.
    """
    return "".join(f"{_line(name, version, env)}\n" for name, version in env.packages.items()).encode()


def _line(name: str, version: str, env: Environment) -> str:
    extras = f"[{','.join(env.extras[name])}]" if name in env.extras else ""
    source = env.sources.get(name)
    if source is None:
        return f"{name}{extras}=={Version(version).public}"
    return f"{name}{extras} @ {source}" if source else f"# {name}{extras}=={version} was installed from a local folder"


def _distributions(modules: Mapping[str, str]) -> Iterator[str]:
    """The distribution of every module; by its file where several share a package, as in a namespace."""
    known = owners()
    for module, file in modules.items():
        candidates = {canonicalize_name(name) for name in known.get(module.partition(".")[0], ())}
        if len(candidates) > 1:
            candidates = {name for name in candidates if _has(name, file)}
        yield from candidates


def _has(name: str, file: str) -> bool:
    installed = distribution(name)
    wanted = Path(file)
    return any(Path(str(installed.locate_file(path))) == wanted for path in installed.files or ())


@dataclass(frozen=True)
class _Installed:
    """A distribution, and what it says of itself, read once."""

    distribution: Distribution
    version: str
    requires: Sequence[Requirement]
    extras: Sequence[str]

    @classmethod
    def found(cls, name: str) -> _Installed:
        here = distribution(name)
        told = here.metadata
        requires = [Requirement(text) for text in here.requires or ()]
        return cls(here, str(told["Version"]), requires, told.get_all("Provides-Extra") or ())

    def needs(self, extra: str) -> list[Requirement]:
        """What it requires, plain (an empty name) or with an extra."""
        return [need for need in self.requires if need.marker is None or need.marker.evaluate({"extra": extra})]


def _closed(imported: Collection[str]) -> tuple[dict[str, _Installed], dict[str, list[str]]]:
    """The distributions and what they require, sorted by name; and the extras they are required with."""
    found: dict[str, _Installed] = {}
    extras: dict[str, set[str]] = {}
    todo = [Requirement(name) for name in imported]
    while todo:
        need = todo.pop()
        name = canonicalize_name(need.name)
        wanted = {canonicalize_name(extra) for extra in need.extras} - extras.get(name, set())
        if name in _OURS or (name in found and not wanted):
            continue
        if name not in found:
            try:
                found[name] = _Installed.found(name)
            except PackageNotFoundError:
                continue
            wanted |= _extras(found[name], imported)
        extras.setdefault(name, set()).update(wanted)
        todo += [more for extra in ("", *wanted) for more in found[name].needs(extra)]
    return dict(sorted(found.items())), {name: sorted(used) for name, used in sorted(extras.items()) if used}


def _extras(installed: _Installed, imported: Collection[str]) -> set[NormalizedName]:
    """The extras whose every distribution was imported: as few as bring all of them."""
    plain = {canonicalize_name(need.name) for need in installed.needs("")}
    offered: dict[NormalizedName, set[str]] = {}
    for extra in installed.extras:
        needs = [need for need in installed.needs(extra) if canonicalize_name(need.name) not in plain]
        if needs and all(canonicalize_name(need.name) in imported and _is_met(need) for need in needs):
            offered[canonicalize_name(extra)] = {canonicalize_name(need.name) for need in needs}
    found: dict[NormalizedName, set[str]] = {}
    for extra, brings in sorted(offered.items(), key=lambda item: (-len(item[1]), item[0] not in item[1], item[0])):
        if not brings <= set().union(*found.values()):
            found[extra] = brings
    return set(found)


def _is_met(need: Requirement) -> bool:
    return need.specifier.contains(distribution(need.name).version, prereleases=True)


def _source(installed: _Installed) -> str | None:
    """What pip installs a distribution from (PEP 610): None for an index, empty for a place on this machine."""
    told = _direct_url(installed)
    if not told:
        return None
    url = _without_secrets(str(told.get("url", "")))
    folder = f"#subdirectory={told['subdirectory']}" if told.get("subdirectory") else ""
    version_control = told.get("vcs_info")
    if version_control:
        return f"{version_control['vcs']}+{url}@{version_control['commit_id']}{folder}"
    return "" if url.startswith("file:") else f"{url}{folder}"


def _direct_url(installed: _Installed) -> dict[str, Any]:
    try:
        told = json.loads(installed.distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _without_secrets(url: str) -> str:
    """Without user names and passwords, except ``git@`` and environment variables as pip expands them."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    kept = user and (user == "git" or re.fullmatch(r"\$\{[A-Z0-9_]+\}(:\$\{[A-Z0-9_]+\})?", user))
    return url if not user or kept else urlunsplit(parts._replace(netloc=host))


def _local(installed: _Installed) -> str:
    told = _direct_url(installed)
    editable = " (editable)" if told.get("dir_info", {}).get("editable") else ""
    return f"{str(told.get('url', '')).removeprefix('file://')}{editable}"

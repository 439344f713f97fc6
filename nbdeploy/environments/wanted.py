"""What a snapshot wants of an environment, and what of it is not so here."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from nbdeploy.errors import Corrupted
from nbdeploy.manifest import Content

__all__ = ["HERE", "OURS", "Wanted", "our_needs"]

OURS = frozenset(
    {
        "cloudpickle",
        "datasketches",
        "msgspec",
        "packaging",
        "platformdirs",
        "polars",
        "pyarrow",
        "pyyaml",
        "threadpoolctl",
        "treelite",
    }
)
"""The distributions that nbdeploy needs to load a bundle and answer its sample, by a twin if it has one."""

HERE = ".".join(map(str, sys.version_info[:2]))
"""The running Python, as far as packages are made for it: ``3.11``."""

_FORMAT = 1
_SCHEMES = frozenset({"https", "git+https", "git+ssh"})


@dataclass(frozen=True)
class Wanted:
    """Python and the packages that a snapshot was proven with.

    Attributes
    ----------
    python : str
        Its version, as far as packages are made for it: ``3.11``.
    lines : tuple of str
        Requirements, as installers read them.
    """

    python: str
    lines: tuple[str, ...]

    @classmethod
    def by(cls, bundle: Path, content: Content) -> Wanted:
        r"""Read a bundle's requirements, which nobody vouches for: no line may be an order to the installer.

        Parameters
        ----------
        bundle : Path
            Its folder.
        content : Content
            What it says of itself.

        Raises
        ------
        Corrupted
            If a line is something else than a requirement of a package.

        Examples
        --------
        >>> import tempfile
        >>> from types import SimpleNamespace
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "requirements.txt").write_text("numpy==2.4.6\n# a comment\n")
        ...     Wanted.by(Path(folder), SimpleNamespace(environment=SimpleNamespace(python="3.11.9")))
        Wanted(python='3.11', lines=('numpy==2.4.6',))
        """
        file = bundle / "requirements.txt"
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
        return cls(".".join(content.environment.python.split(".")[:2]), tuple(map(_checked, lines)))

    @property
    def digest(self) -> str:
        """Names an environment: the same for the same requirements, on the same Python, for the same nbdeploy."""
        said = json.dumps([_FORMAT, self.python, sorted(self.lines), sorted(our_needs()), sys.base_prefix])
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def differences(self) -> list[str]:
        """Say what is not so here: ``scikit-learn 1.9.1 here, not ==1.8.0``; nothing if all is."""
        python = [] if self.python == HERE else [f"Python {HERE} here, not {self.python}"]
        return [*python, *(told for line in self.lines if (told := _difference(Requirement(line))))]


def our_needs(exact: bool = False, but: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield what nbdeploy requires of those that loading a bundle needs.

    Parameters
    ----------
    exact : bool
        Whether in the versions that are here.
    but : tuple of str
        Requirements of others, who choose the version then.
    """
    known = {need.name: need for need in map(Requirement, _required()) if need.marker is None}
    chosen = {canonicalize_name(Requirement(line).name) for line in but}
    for name in sorted(OURS):
        if exact and name not in chosen:
            yield f"{name}=={Version(version(name)).public}"
        else:
            yield f"{name}{known[name].specifier if name in known else ''}"


def _required() -> list[str]:
    try:
        return requires("nbdeploy") or []
    except PackageNotFoundError:
        return []


def _checked(line: str) -> str:
    try:
        found = Requirement(line)
    except InvalidRequirement as error:
        raise Corrupted(f"requirements.txt has a line that is no requirement of a package: {line[:100]!r}") from error
    if found.url is not None and urlsplit(found.url).scheme not in _SCHEMES:
        raise Corrupted(
            f"requirements.txt wants {found.name} from {found.url[:100]!r}; only {', '.join(sorted(_SCHEMES))} may be"
        )
    return line


def _difference(need: Requirement) -> str:
    if need.marker is not None and not need.marker.evaluate():
        return ""
    try:
        here = distribution(need.name)
    except PackageNotFoundError:
        return f"{need.name} is not installed here"
    if need.url is not None:
        source = json.loads(here.read_text("direct_url.json") or "{}")
        commit = source.get("vcs_info", {}).get("commit_id")
        return "" if commit and f"@{commit}" in need.url else f"{need.name} {here.version} here, not from {need.url}"
    fits = need.specifier.contains(here.version, prereleases=True)
    return "" if fits else f"{need.name} {here.version} here, not {need.specifier}"

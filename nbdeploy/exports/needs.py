"""What an endpoint has to have installed: what a snapshot names, and what nbdeploy needs to serve it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from nbdeploy.errors import NotFound

__all__ = ["NOTEBOOK", "needs"]

NOTEBOOK = frozenset(
    {
        "bc-detect-secrets",
        "ipykernel",
        "ipython",
        "ipywidgets",
        "jupyter-client",
        "jupyter-server",
        "jupyterlab",
        "nbclient",
        "nbconvert",
        "nbformat",
        "papermill",
        "python-dotenv",
        "tornado",
        "tqdm",
        "traitlets",
    }
)
"""What nbdeploy needs in notebooks and for batch runs only."""

_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}


def needs(named: Mapping[str, str]) -> dict[str, str]:
    """Return what serving needs besides, with the exact versions that are installed here.

    Parameters
    ----------
    named : mapping of str to str
        What the snapshot names, with its versions: those come first.

    Returns
    -------
    dict of str to str
        Distribution to version, by name; none of those that are named.

    Raises
    ------
    NotFound
        If nbdeploy itself is not installed, so that nobody says what it needs.
    """
    known = {canonicalize_name(name) for name in named}
    found: dict[str, str] = {}
    waiting = [name for name in _required("nbdeploy") if name not in NOTEBOOK]
    while waiting:
        name = waiting.pop()
        if name in found or name in known:
            continue
        found[name] = Version(distribution(name).version).public
        waiting += _required(name)
    return dict(sorted(found.items()))


def _required(name: str) -> Iterator[str]:
    try:
        lines = distribution(name).requires or ()
    except PackageNotFoundError:
        raise NotFound("installed package", name, hint="install nbdeploy with pip to export from here") from None
    for need in map(Requirement, lines):
        if need.marker is None or need.marker.evaluate(_LINUX):
            yield canonicalize_name(need.name)

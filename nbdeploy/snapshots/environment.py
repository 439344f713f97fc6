"""The distributions that a model needs, at the versions it was made with."""

from __future__ import annotations

import functools
import platform
import sys
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nbdeploy.manifest import Environment

__all__ = ["environment", "requirements"]


def environment(packages: Collection[str]) -> Environment:
    """Find the distributions behind top-level modules, and those that they require.

    Parameters
    ----------
    packages : collection of str
        Top-level modules, for example ``sklearn``.

    Returns
    -------
    Environment
        Exact versions, by distribution name.
    """
    todo = [name for package in packages - _NOT_NEEDED for name in _distributions().get(package, ())]  # type: ignore[operator]
    found: dict[str, str] = {}
    while todo:
        name = canonicalize_name(todo.pop())
        if name in found:
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        found[name] = installed.version
        needs = [Requirement(text) for text in installed.requires or ()]
        todo += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return Environment(python=platform.python_version(), packages=dict(sorted(found.items())))


def requirements(env: Environment) -> bytes:
    """``requirements.txt`` with exact versions."""
    return "".join(f"{name}=={version}\n" for name, version in env.packages.items()).encode()


_NOT_NEEDED = frozenset({"nbdeploy", "builtins", "__main__", *sys.stdlib_module_names})


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())

"""Python and the packages that nbdeploy needs."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from nbdeploy.api.checks.finding import Finding
from nbdeploy.settings import Settings
from nbdeploy.version import __version__

__all__ = ["packages"]


def packages(_: Settings) -> list[Finding]:
    """Whether every package that nbdeploy names is there in a version that it names."""
    here = f"nbdeploy {__version__}, Python {platform.python_version()}"
    try:
        named = [Requirement(text) for text in requires("nbdeploy") or ()]
    except PackageNotFoundError:
        return [Finding("packages", f"{here}; run from a folder, so that nobody says what it needs")]
    needed = [each for each in named if each.marker is None or each.marker.evaluate({"extra": ""})]
    wrong = [why for each in needed if (why := _why(each))]
    if wrong:
        step = f"{sys.executable} -m pip install --upgrade nbdeploy"
        return [Finding("packages", f"not as nbdeploy {__version__} needs them: {'; '.join(wrong)}", step)]
    return [Finding("packages", f"{here}, {len(needed)} packages")]


def _why(needed: Requirement) -> str:
    """What is wrong with a package, if anything."""
    try:
        found = version(needed.name)
    except PackageNotFoundError:
        return f"{needed.name} is missing"
    fits = needed.specifier.contains(found, prereleases=True)
    return "" if fits else f"{needed.name} {found} is not {needed.specifier}"

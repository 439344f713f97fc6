"""What a check answers, and the checks there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nbdeploy.plugins import Registry
from nbdeploy.settings import Settings

__all__ = ["CHECKS", "Finding"]


@dataclass(frozen=True)
class Finding:
    """How one thing is.

    Attributes
    ----------
    check : str
        What was looked at.
    message : str
        How it is.
    next : str
        What to do about it; empty if it is well.
    """

    check: str
    message: str
    next: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is nothing to do."""
        return not self.next


CHECKS: Registry[Callable[[Settings], Sequence[Finding]]] = Registry(
    "check",
    {
        "database": "nbdeploy.api.checks.places:database",
        "endpoint": "nbdeploy.api.checks.remote:endpoint",
        "home": "nbdeploy.api.checks.places:home",
        "kernel": "nbdeploy.api.checks.jupyter:kernel",
        "packages": "nbdeploy.api.checks.packages:packages",
        "panel": "nbdeploy.api.checks.jupyter:panel",
        "store": "nbdeploy.api.checks.places:store",
        "targets": "nbdeploy.api.checks.remote:targets",
    },
)
"""Outside packages add to them under the entry point group ``nbdeploy.checks``."""

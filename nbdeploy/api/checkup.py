"""Whether everything here is as it should be, and what to do if it is not."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from nbdeploy.api.checks import CHECKS, Finding
from nbdeploy.cards import Card, Result, Table
from nbdeploy.settings import Settings

__all__ = ["Checkup", "doctor"]


@dataclass(frozen=True)
class Checkup(Result):
    """What was looked at, and how it is. False if there is something to do."""

    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not self._problems

    @property
    def line(self) -> str:
        """How many problems there are, and the first thing to do."""
        if self.ok:
            return f"{len(self.findings)} checks, all well"
        count = len(self._problems)
        first = self._problems[0]
        found = f"{count} problem{'' if count == 1 else 's'} in {len(self.findings)} checks"
        return f"{found}: {first.check}: {first.message}; next: {first.next}"

    def card(self) -> Card:
        """A table of checks."""
        rows = [(_sign(found), found.check, found.message, found.next) for found in self.findings]
        return Card(self.line, table=Table(("", "check", "found", "next step"), rows))

    def document(self) -> list[dict[str, Any]]:
        """One document per check."""
        return [
            {"check": f.check, "state": "ok" if f.ok else "problem", "message": f.message, "next": f.next or None}
            for f in self.findings
        ]

    @property
    def _problems(self) -> list[Finding]:
        return [found for found in self.findings if not found.ok]


def doctor(*, settings: Settings | None = None) -> Checkup:
    """Check packages, home, store, database, endpoint, targets, panel and kernel. Nothing is changed.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> bool(nd.doctor())  # doctest: +SKIP
    True
    """
    settings = settings or Settings.load()
    with ThreadPoolExecutor(len(list(CHECKS))) as threads:
        answers = threads.map(lambda name: _looked_at(name, settings), CHECKS)
        return Checkup([finding for answer in answers for finding in answer])


def _looked_at(name: str, settings: Settings) -> Sequence[Finding]:
    """A check that fails itself is a finding, and no end of the others."""
    try:
        return CHECKS[name](settings)
    except Exception as error:
        return [Finding(name, f"could not be checked: {type(error).__name__}: {error}", "report this to nbdeploy")]


def _sign(finding: Finding) -> str:
    return "✔" if finding.ok else "✘"

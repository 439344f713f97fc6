"""What a diagnosis answers: what was looked at, what was found, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbdeploy.cards import Card, Result, Table

__all__ = ["Diagnosis", "Finding"]


@dataclass(frozen=True)
class Finding:
    """Something that was looked at.

    Attributes
    ----------
    name : str
        What: ``release``, ``sample``, ``logged rows``, ``inputs`` ….
    ok : bool or None
        Whether it is as it should be; None if that is not known, or not to be judged.
    told : str
        What was found.
    verdict : str
        What it means, where it is not as it should be.
    next : str
        The command to type then.
    weight : float
        The larger, the more likely it is what is wrong.
    evidence : mapping
        The same in numbers.
    """

    name: str
    ok: bool | None
    told: str
    verdict: str = ""
    next: str = ""
    weight: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """Its sign."""
        return {True: "✔", False: "✘", None: "•"}[self.ok]


@dataclass(frozen=True)
class Diagnosis(Result):
    """What was found where something may be wrong.

    Attributes
    ----------
    subject : str
        Target and deployment, or the output.
    snapshot, digest : str
        What predicts there.
    findings : sequence of Finding
        Everything that was looked at.
    tables : sequence of (str, Table)
        The evidence at length.
    next : str
        The command to type if nothing is wrong.
    """

    subject: str
    snapshot: str
    digest: str
    findings: Sequence[Finding]
    tables: Sequence[tuple[str, Table]] = ()
    next: str = ""

    @property
    def worst(self) -> Finding | None:
        """What is most likely wrong, if anything is."""
        wrong = [finding for finding in self.findings if finding.ok is False]
        return max(wrong, key=lambda finding: finding.weight, default=None)

    @property
    def ok(self) -> bool:
        """Whether nothing was found to be wrong."""
        return self.worst is None

    @property
    def verdict(self) -> str:
        """What is most likely wrong, in a sentence."""
        worst = self.worst
        if worst is None:
            unknown = sum(finding.ok is None for finding in self.findings)
            left = f"; {unknown} of {len(self.findings)} could not be judged" if unknown else ""
            return f"nothing is found wrong{left}"
        return worst.verdict or worst.told

    @property
    def line(self) -> str:
        """The verdict, and what to type next."""
        step = (self.worst.next if self.worst is not None else "") or self.next
        return f"{self.subject}: {self.verdict}{f'; next: {step}' if step else ''}"

    def card(self) -> Card:
        """Every finding, what is wrong first to be read, and the evidence."""
        facts = [(f"{finding.mark} {finding.name}", finding.told) for finding in self.findings]
        step = (self.worst.next if self.worst is not None else "") or self.next
        return Card(f"{self.subject}: {self.verdict}", facts, next=step, parts=self.tables)

    def document(self) -> dict[str, Any]:
        """Return the document of ``diagnose --json``."""
        return {
            "subject": self.subject,
            "snapshot": self.snapshot,
            "digest": self.digest,
            "ok": self.ok,
            "verdict": self.verdict,
            "next": (self.worst.next if self.worst is not None else "") or self.next,
            "findings": [
                {"name": f.name, "ok": f.ok, "found": f.told, "next": f.next, "evidence": dict(f.evidence)}
                for f in self.findings
            ],
        }

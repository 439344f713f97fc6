"""The result of predicting a folder: what became of each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from nbdeploy.cards import Card, Patch, Result, Table, count
from nbdeploy.offline.figures import figures
from nbdeploy.offline.report import reasons_document, reasons_table
from nbdeploy.profiles import Profile

__all__ = ["FileDone", "FolderPredictions"]

_MOST_FILES = 100
_MOST_TOLD = 10
_WRITTEN = ("new", "changed")


@dataclass(frozen=True)
class FileDone:
    """What became of one file.

    Attributes
    ----------
    input, output : str
        The files.
    status : str
        ``new`` or ``changed``: it was predicted; ``done before``: nothing was to do; ``growing``: it is still being
        written, and was left; ``failed``.
    rows, rejected : int
        Rows predicted, and rows set aside.
    seconds : float
        How long it took.
    rejects : str or None
        Where rows were set aside, if any were.
    reasons : tuple of (str, str, int)
        Column, what is wrong, and in how many rows.
    error : str
        Why it was not predicted.
    profile, trained : Profile or None
        What its predictions are like, if it was predicted, and what they were like in training.
    """

    input: str
    output: str
    status: str
    rows: int = 0
    rejected: int = 0
    seconds: float = 0.0
    rejects: str | None = None
    reasons: tuple[tuple[str, str, int], ...] = ()
    error: str = ""
    profile: Profile | None = field(default=None, repr=False, compare=False)
    trained: Profile | None = field(default=None, repr=False, compare=False)

    def document(self) -> dict[str, Any]:
        """Return the file's part of the document."""
        names = ("input", "output", "status", "rows", "rejected", "seconds", "rejects")
        return {**{name: getattr(self, name) for name in names}, "error": self.error or None}


@dataclass(frozen=True)
class FolderPredictions(Result):
    """A folder of predictions.

    Attributes
    ----------
    snapshot, digest : str
        What predicted.
    input, output : str
        The folders.
    files : sequence of FileDone
        What became of each file, by name.
    seconds : float
        How long all took.
    passed : mapping of str to int
        Why other files were passed over, and how many.
    told : sequence of str
        What the user should know besides.
    rejects : str, Path or None
        The folder of rejects.
    """

    snapshot: str
    digest: str
    input: str
    output: str
    files: Sequence[FileDone]
    seconds: float
    passed: Mapping[str, int] = field(default_factory=dict)
    told: Sequence[str] = field(default=(), repr=False)
    rejects: str | Path | None = None

    @property
    def failed(self) -> bool:
        """Whether a file failed."""
        return any(file.status == "failed" for file in self.files)

    @property
    def ok(self) -> bool:
        """Whether no file failed."""
        return not self.failed

    @property
    def rows(self) -> int:
        """Rows predicted, now and before."""
        return sum(file.rows for file in self.files)

    @property
    def rejected(self) -> int:
        """Rows set aside, now and before."""
        return sum(file.rejected for file in self.files)

    @property
    def notices(self) -> Sequence[str]:
        """Files that failed or were left, and what the jobs told."""
        bad = [f"{f.input} failed: {f.error}" for f in self.files if f.status == "failed"]
        left = [f"{f.input} is still growing, and was left: {f.error}" for f in self.files if f.status == "growing"]
        return [*_some(bad), *_some(left), *self.told]

    @property
    def line(self) -> str:
        """How many files are new, were done before, failed, or were left; and how many rows were set aside."""
        if not self.files:
            return f"no files to predict in {self.input}{self._passed()}"
        found = Counter(file.status for file in self.files)
        now = [file for file in self.files if file.status in _WRITTEN]
        parts = [count(found[status], f"{status} file") for status in _WRITTEN if found[status]]
        parts = parts or ["no new files"]
        parts += [f"{found['done before']:,} done before"] if found["done before"] else []
        if rejected := sum(file.rejected for file in now):
            parts.append(f"{count(rejected, 'row')} rejected{_why(now)}")
        parts += [f"{found['failed']:,} failed{self._names('failed')}"] if found["failed"] else []
        parts += [f"{found['growing']:,} still growing and left{self._names('growing')}"] if found["growing"] else []
        return ", ".join(parts) + self._passed()

    def card(self) -> Card:
        """Every file, what the predictions of new ones are like, and what was set aside."""
        facts = [
            ("snapshot", f"{self.snapshot} ({self.digest[:19]})"),
            ("input", self.input),
            ("output", self.output),
            ("rows", f"{self.rows:,}" + (f", and {self.rejected:,} rejected" if self.rejected else "")),
            ("seconds", f"{self.seconds:.2f}"),
        ]
        facts += [("rejects", str(self.rejects))] if self.rejects is not None and self.rejected else []
        # What needs a look comes first, and is shown however many files there are.
        first = sorted(self.files, key=lambda file: file.status not in ("failed", "growing"))[:_MOST_FILES]
        rows = [
            (f.input, f"{f.rows:,}", f"{f.rejected:,}", f"{f.status}: {f.error}" if f.error else f.status)
            for f in first
        ]
        if len(self.files) > len(first):
            rows.append((f"and {len(self.files) - len(first):,} more", "", "", ""))
        parts: list[tuple[str, Table | Patch]] = []
        if (drawn := _figures(self.files)) is not None:
            parts.append(("predictions of new files", drawn))
        if reasons := _reasons(self.files):
            parts.append(("rejected", reasons_table(reasons)))
        return Card(self.line, facts, Table(("file", "rows", "rejected", "status"), rows) if rows else None, "", parts)

    def document(self) -> dict[str, Any]:
        """Return the document of ``predict --json``."""
        return {
            "snapshot": self.snapshot,
            "digest": self.digest,
            "input": self.input,
            "output": self.output,
            "rows": self.rows,
            "rejected": self.rejected,
            "seconds": self.seconds,
            "rejects": None if self.rejects is None else str(self.rejects),
            "reasons": reasons_document(_reasons(self.files)),
            "passed_over": dict(self.passed),
            "files": [file.document() for file in self.files],
        }

    def _passed(self) -> str:
        total = sum(self.passed.values())
        why = ", ".join(f"{number:,} {name}" for name, number in sorted(self.passed.items()))
        return f"; {count(total, 'other file')} passed over ({why})" if total else ""

    def _names(self, status: str) -> str:
        names = [Path(file.input).name for file in self.files if file.status == status]
        return f" ({names[0]})" if len(names) == 1 else f" ({names[0]} …)"


def _some(told: list[str]) -> list[str]:
    """The first of many."""
    more = len(told) - _MOST_TOLD
    return [*told[:_MOST_TOLD], f"… and {more:,} more like these"] if more > 0 else told


def _why(files: Sequence[FileDone]) -> str:
    reasons = _reasons(files)
    if not reasons:
        return ""
    column, reason, _ = reasons[0]
    more = ", …" if len(reasons) > 1 else ""
    return f" ({f'{column}: ' if column else ''}{reason}{more})"


def _figures(files: Sequence[FileDone]) -> Table | None:
    """What the predictions of all files that were predicted now are like together."""
    found = [file for file in files if file.profile is not None]
    profiles = [file.profile for file in found if file.profile is not None]
    return figures(reduce(Profile.merge, profiles), found[0].trained) if found else None


def _reasons(files: Sequence[FileDone]) -> list[tuple[str, str, int]]:
    """Column, what is wrong, and in how many rows of all files; the most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    for file in files:
        for column, reason, rows in file.reasons:
            counts[column, reason] += rows
    return [(column, reason, rows) for (column, reason), rows in counts.most_common()]

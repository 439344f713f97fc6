"""Figures of a benchmark, as one table of ratios against a baseline that was measured in the same run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Figures", "program", "seconds"]


@dataclass
class Figures:
    """Rows of the table: what was measured, against what, and the bar that the ratio has to stay below."""

    title: str
    rows: list[tuple[str, str, str, float, float | None]] = field(default_factory=list)

    def add(self, what: str, ours: float, baseline: float, bar: float | None = None, unit: str = "s") -> None:
        """Add a figure, its baseline and the largest ratio of the two, if there is one."""
        self.rows.append((what, f"{ours:.3g} {unit}", f"{baseline:.3g} {unit}", ours / baseline, bar))

    def show(self) -> int:
        """Print the table; return how many figures missed their bars."""
        lines = [(what, ours, base, f"{ratio:.2f}", *_judged(ratio, bar)) for what, ours, base, ratio, bar in self.rows]
        header = ("measured", "here", "baseline", "ratio", "bar", "")
        widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]
        sys.stdout.write(f"{self.title}\n")
        for line in [header, *lines]:
            sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + "\n")
        return sum(bar is not None and ratio > bar for *_, ratio, bar in self.rows)


def _judged(ratio: float, bar: float | None) -> tuple[str, str]:
    if bar is None:
        return "", ""
    return f"≤ {bar:g}", "ok" if ratio <= bar else "MISSED"


def seconds(action: Callable[[], object], times: int = 3) -> float:
    """Median wall time of an action."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def program(source: str, *arguments: str) -> str:
    """Run Python source in an interpreter of its own, and return what it printed.

    Modules are compiled once, as those of installed packages are.
    """
    command = [sys.executable, "-P", "-c", source, *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

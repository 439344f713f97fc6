"""The table of one run: every server, and the bars that our endpoint is held to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.benchmarks.serving.load import Load, median

__all__ = ["Batch", "Measured", "Table"]

Measured = dict[tuple[str, int], list[Load]]
"""Loads by server and number of connections, one per turn."""

_ABOVE_PEERS = {
    ("lr", 1): 3.5,
    ("lr", 16): 5.0,
    ("rf", 1): 25.0,
    ("rf", 16): 25.0,
    ("mixed-lr", 1): 15.0,
    ("mixed-rf", 1): 15.0,
    ("svc", 1): 1.2,
}
_ABOVE_FLOOR = {("lr", 1): 0.75}
_P99_MILLIS = 0.5
_OURS = {"ours", "floor"}
_MISSED = "MISSED"
_BATCH = (1.3, 1.0)
"""A request of 1,000 rows takes as many times what the model takes, and as many milliseconds more."""


@dataclass(frozen=True)
class Batch:
    """Milliseconds of a binary request of many rows, and of the model alone; or why there are none."""

    model: str
    ours: float = 0.0
    alone: float = 0.0
    reason: str = ""


@dataclass
class Table:
    """What was measured."""

    models: dict[str, dict[tuple[str, int], Load]] = field(default_factory=dict)
    batches: Sequence[Batch] = ()
    _bars: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, model: str, measured: Measured) -> None:
        """Add a model's loads."""
        self.models[model] = {key: median(loads) for key, loads in measured.items()}

    def show(self) -> int:
        """Print everything; return how many bars were missed."""
        for model, loads in self.models.items():
            _print(("model", "server", "c", "req/s", "p50 ms", "p99 ms", "failed"), _lines(model, loads))
            self._hold(model, loads)
        for batch in self.batches:
            self._hold_batch(batch)
        _print(("bar", "measured", "wanted", ""), self._bars)
        missed = sum(verdict == _MISSED for *_, verdict in self._bars)
        _say(f"{len(self._bars)} bars, {missed} missed; ours and the peers' numbers are medians of all turns")
        return missed

    def _hold(self, model: str, loads: dict[tuple[str, int], Load]) -> None:
        for connections in (1, 16):
            asked = f"{model} c={connections}"
            ours, floor = loads["ours", connections], loads.get(("floor", connections))
            peers = {name: one for (name, c), one in loads.items() if c == connections and name not in _OURS}
            wanted, share = _ABOVE_PEERS.get((model, connections)), _ABOVE_FLOOR.get((model, connections))
            if wanted:
                best = max(peers, key=lambda name: peers[name].rate, default="")
                self._bar(f"{asked}: rate : best peer ({best or 'none ran'})", ours, peers.get(best), wanted)
            if share:
                self._bar(f"{asked}: rate : floor", ours, floor, share)
            if floor:
                told = f"≤ {floor.p99 + _P99_MILLIS:.2f} ms (the floor's {floor.p99:.2f} + {_P99_MILLIS})"
                self._judge(f"{asked}: p99", f"{ours.p99:.2f} ms", told, ours.p99 <= floor.p99 + _P99_MILLIS)
            if ours.failed:
                self._judge(f"{asked}: failed requests", str(ours.failed), "0", ok=False)

    def _bar(self, what: str, ours: Load, other: Load | None, wanted: float) -> None:
        if other is None:
            self._bars.append((what, "", f"≥ {wanted:g} ×", "not measured"))
            return
        ratio = ours.rate / other.rate
        self._judge(what, f"{ratio:.2f} × ({ours.rate:.0f} : {other.rate:.0f}/s)", f"≥ {wanted:g} ×", ratio >= wanted)

    def _hold_batch(self, batch: Batch) -> None:
        times, more = _BATCH
        what = f"{batch.model} 1,000 rows in a binary request"
        if batch.reason:
            self._judge(what, batch.reason, "", ok=False)
            return
        most = times * batch.alone + more
        told = f"≤ {most:.2f} ms ({times} × the model's {batch.alone:.2f} + {more:g})"
        self._judge(what, f"{batch.ours:.2f} ms", told, batch.ours <= most)

    def _judge(self, what: str, measured: str, wanted: str, ok: bool) -> None:
        self._bars.append((what, measured, wanted, "ok" if ok else _MISSED))


def _lines(model: str, loads: dict[tuple[str, int], Load]) -> list[tuple[str, ...]]:
    return [
        (model, name, str(c), f"{one.rate:.0f}", f"{one.p50:.2f}", f"{one.p99:.2f}", str(one.failed))
        for (name, c), one in loads.items()
    ]


def _print(header: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]
    for line in [header, *lines]:
        _say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    _say("")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")

"""What guarding, counting and logging add to a request of the endpoint: ``python -m tests.benchmarks.overheads``.

Each is measured in one process beside the same application without it, in short slices of which the fastest count,
and held against its share of the 84 µs that an endpoint has above a bare ASGI function.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from nbdeploy.serving.guard.callers import Callers
from nbdeploy.serving.guard.gate import Gate
from nbdeploy.serving.guard.guard import Guard
from nbdeploy.serving.guard.rates import Rates
from nbdeploy.serving.guard.room import Room
from nbdeploy.serving.guard.tokens import Scope, Tokens
from nbdeploy.serving.prediction_log import Event, Queue, Subject
from nbdeploy.serving.watching.asked import note
from nbdeploy.serving.watching.metrics import Metrics
from nbdeploy.serving.watching.watched import Watch, Watched
from tests.benchmarks.figures import Figures

_TIMES, _SLICES = 100, 200


def main() -> int:
    """Measure, and print one table."""
    figures = Figures("Added to one request")
    with tempfile.TemporaryDirectory() as folder:
        tokens = Tokens(Path(folder))
        secret, _ = tokens.create("crm", "predict", models=["churn*"])
        guarded = _guarded(tokens, secret, Rates(Path(folder, "rates")))
        figures.add("admitted, counted, given ids : 30 µs", guarded * 1e6, 30, 1, "µs")
        callers, sent = Callers(tokens, steady=count().__next__), f"Bearer {secret}".encode()
        figures.add("a token looked up, and seen to hold : 5 µs", _least(lambda: callers.get(sent)) * 1e6, 5, 1, "µs")
    queue = Queue(0.999, most_events=10**9, most_cells=10**9)
    event = Event(Subject("churn", 1, "sha256:1"), "id", "oip", "crm", time.time())
    event.inputs = event.answers = pl.DataFrame({"x": [1.0]})
    figures.add("taken into the prediction log : 5 µs", _least(lambda: queue.append(event)) * 1e6, 5, 1, "µs")
    return figures.show()


def _guarded(tokens: Tokens, secret: str, rates: Rates) -> float:
    guard, metrics = Guard(Gate(tokens), rates, Room(10, 10**6)), Metrics()
    headers = {"host": "127.0.0.1", "accept": "*/*", "authorization": f"Bearer {secret}"}
    scope = {"type": "http", "method": "POST", "headers": [(k.encode(), v.encode()) for k, v in headers.items()]}

    async def bare(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"[]"})

    async def whole(scope: Any, receive: Any, send: Any) -> None:
        note(caller=guard.enter(headers, Scope.PREDICT, "churn").name)
        await bare(scope, receive, send)
        metrics.record("churn", 1, "oip", "ok", 1, 0.001)
        note(deployment="churn", version=1, rows=1)
        guard.room.leave(0)

    async def sent(_: Any) -> None:
        """Where answers go."""

    async def taken(app: Any) -> float:
        begun = time.perf_counter()
        for _ in range(_TIMES):
            await app(scope, None, sent)
        return (time.perf_counter() - begun) / _TIMES

    async def least(app: Any) -> float:
        return min([await taken(app) for _ in range(_SLICES)])

    return asyncio.run(least(Watched(whole, Watch(metrics)))) - asyncio.run(least(bare))


def _least(work: Callable[[], object]) -> float:
    """Seconds of a call, in the fastest slice."""
    found = []
    for _ in range(_SLICES):
        begun = time.perf_counter()
        for _ in range(_TIMES):
            work()
        found.append((time.perf_counter() - begun) / _TIMES)
    return min(found)


if __name__ == "__main__":
    raise SystemExit(main())

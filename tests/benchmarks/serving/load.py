"""One load generator for all servers: ``wrk`` if it is installed, else a client of our own."""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.serving.peers import Ask

__all__ = ["Load", "generator", "load", "median"]

_SCRIPT = """
local file = io.open("BODY", "rb")
wrk.method, wrk.body = "POST", file:read("*a")
HEADERS
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %d, "micros": %d, "failed": %d, "p50": %f, "p99": %f}\\n', summary.requests,
    summary.duration, e.connect + e.read + e.write + e.timeout + e.status,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


@dataclass(frozen=True)
class Load:
    """What a server did under load: requests per second, milliseconds, and how many requests failed."""

    rate: float
    p50: float
    p99: float
    failed: int


def generator() -> str:
    """Name the load generator."""
    return "wrk" if shutil.which("wrk") else "asyncio client"


def load(port: int, ask: Ask, connections: int, seconds: float) -> Load:
    """Ask a server the same thing over and over, on some connections, for some seconds."""
    if shutil.which("wrk"):
        return _wrk(port, ask, connections, seconds)
    return asyncio.run(_own(port, ask, connections, seconds))


def median(loads: list[Load]) -> Load:
    """Return the medians of several runs, and all their failures."""
    rate, p50, p99 = (statistics.median(getattr(one, name) for one in loads) for name in ("rate", "p50", "p99"))
    return Load(rate, p50, p99, sum(one.failed for one in loads))


def _wrk(port: int, ask: Ask, connections: int, seconds: float) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        body, script = Path(folder, "body"), Path(folder, "ask.lua")
        body.write_bytes(ask.body)
        headers = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in ask.headers.items())
        script.write_text(_SCRIPT.replace("BODY", str(body)).replace("HEADERS", headers))
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "--timeout",
            "10s",
            "-s",
            str(script),
        ]
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{port}{ask.path}"], capture_output=True, text=True, check=True
        )
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return Load(told["requests"] / told["micros"] * 1e6, told["p50"], told["p99"], told["failed"])


async def _own(port: int, ask: Ask, connections: int, seconds: float) -> Load:
    headers = "".join(f"{name}: {value}\r\n" for name, value in ask.headers.items())
    head = f"POST {ask.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}Content-Length: {len(ask.body)}\r\n\r\n"
    request, until = head.encode() + ask.body, time.perf_counter() + seconds
    taken: list[float] = []
    failed = 0

    async def one() -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begun := time.perf_counter()) < until:
            writer.write(request)
            answered = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line[15:]) for line in answered.lower().split(b"\r\n") if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
            taken.append(time.perf_counter() - begun)
            failed += not answered.startswith(b"HTTP/1.1 200")
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    cuts = statistics.quantiles(taken, n=100)
    return Load(len(taken) / (time.perf_counter() - begun), cuts[49] * 1000, cuts[98] * 1000, failed)

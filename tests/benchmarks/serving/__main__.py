"""Our endpoint beside what users would pick instead: ``python -m tests.benchmarks.serving CACHE``.

Every server runs in an environment of its own, made in the folder CACHE on the first run. All servers of a model run
at once and take turns at being asked, so that a machine that others use too slows all of them; the load generator
shares the machine, so only ratios mean something.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tests.benchmarks.serving.bars import Measured, Table
from tests.benchmarks.serving.binary import binary
from tests.benchmarks.serving.environments import NotInstalled, environment
from tests.benchmarks.serving.load import Load, generator, load
from tests.benchmarks.serving.models import MODELS, rows_of
from tests.benchmarks.serving.ours import Ours, endpoint
from tests.benchmarks.serving.peers import FLOOR, PEERS, Ask, Peer, Start
from tests.benchmarks.serving.processes import NotServing, free_port, serving

_WITH_FLOOR = {"lr", "rf"}


def main() -> int:
    """Measure, and print one table."""
    given = _arguments()
    _say(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, asked by {generator()}, {given.turns} turns")
    installed = _installed(given.cache, [FLOOR, *given.peers])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _train(folder)
        table = Table()
        with endpoint(folder, given.serve) as ours:
            for model in given.models:
                table.add(model, _measured(model, folder, ours, installed, given.turns, given.seconds))
            batches = [model for model in given.models if model in _WITH_FLOOR]
            table.batches = binary(folder, ours, batches, given.turns, given.seconds)
        _say(f"load at the end {os.getloadavg()[0]:.2f}")
        return table.show()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.serving", description=__doc__)
    parser.add_argument("cache", type=Path, help="where the servers' environments are kept")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument(
        "--peers",
        nargs="*",
        type=_peer,
        default=list(PEERS),
        help=f"the beginnings of some of their names, all by default: {', '.join(peer.name for peer in PEERS)}",
    )
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each is asked in a turn")
    parser.add_argument("--serve", nargs=argparse.REMAINDER, default=[], help="options of our endpoint")
    return parser.parse_args()


def _peer(text: str) -> Peer:
    """Find a server by the beginning of its name, however that is written."""
    found = [peer for peer in PEERS if _plain(peer.name).startswith(_plain(text))]
    if len(found) != 1:
        raise argparse.ArgumentTypeError(f"{text!r} is none of: {', '.join(peer.name for peer in PEERS)}")
    return found[0]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _installed(cache: Path, peers: Sequence[Peer]) -> list[tuple[Peer, Path]]:
    found = []
    for peer in peers:
        try:
            name = "".join(letter if letter.isalnum() else "-" for letter in peer.name.lower())
            found.append((peer, environment(cache.absolute(), name, peer.requirements)))
        except NotInstalled as reason:
            _say(f"{peer.name} cannot be installed here: {reason}")
    return found


def _train(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.serving.models", str(folder)]
    subprocess.run(command, env={**os.environ, "NBDEPLOY_HOME": str(folder)}, check=True)


def _measured(
    model: str, folder: Path, ours: Ours, installed: Sequence[tuple[Peer, Path]], turns: int, seconds: float
) -> Measured:
    """Every server's loads by number of connections, asked in turns."""
    rows = rows_of(folder, model)
    asked: dict[str, Callable[[int], Load]] = {
        "ours": lambda connections: load(ours.port, ours.ask(model, rows), connections, seconds)
    }
    with contextlib.ExitStack() as running:
        for peer, python in installed:
            if peer is FLOOR and model not in _WITH_FLOOR:
                continue
            try:
                port, ask = _started(peer, python, model, folder, running)
                asked[peer.name] = lambda n, port=port, ask=ask: load(port, ask, n, seconds)  # type: ignore[misc]
            except NotServing as reason:
                _say(f"{peer.name} does not serve {model}: {reason}")
        found: Measured = {}
        for connections in (1, 16):
            for _ in range(turns):
                for name, ask_it in asked.items():
                    found.setdefault((name, connections), []).append(ask_it(connections))
    return found


def _started(peer: Peer, python: Path, model: str, folder: Path, running: contextlib.ExitStack) -> tuple[int, Ask]:
    rows, port = rows_of(folder, model), free_port()
    place = folder / "servers" / f"{model}-{peer.name}".replace(" ", "-")
    frames = peer.frames or rows.mixed
    file = folder / (f"{model}-frame.joblib" if frames else f"{model}.joblib")
    environ = {
        "MODEL": str(file),
        "PORT": str(port),
        "COLUMNS": msgspec.json.encode(rows.names).decode(),
        "RECORDS": msgspec.json.encode(rows.records()).decode(),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    start, ask = Start(python, file, rows, port, place), peer.ask(rows)
    answer = running.enter_context(serving(peer.commands(start), environ, place.with_suffix(".log"), port, ask))
    _say(f"{model}: {peer.name} answers {answer[:60].decode(errors='replace')}")
    return port, ask


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

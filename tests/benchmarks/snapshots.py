"""How much a proven snapshot costs beside a bare dump: ``python -m tests.benchmarks.snapshots``.

A forest of 300 trees on 50,000 rows of 30 columns; every ratio is against a baseline of the same run.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.figures import Figures, program, seconds

_TRAIN = """
import sys, joblib, numpy as np, pandas as pd
from sklearn.ensemble import RandomForestClassifier
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(50_000, 30)), columns=[f"x{i}" for i in range(30)])
y = (X.x0 + X.x1 * X.x2 + rng.normal(size=len(X)) > 0).astype(int)
joblib.dump((RandomForestClassifier(300, n_jobs=2, random_state=0).fit(X, y), X[:2000]), sys.argv[1])
"""

_CLEAN = """
import sys, joblib, polars, sklearn
model, X = joblib.load(sys.argv[1])
model.n_jobs = 1
model.predict(X[:200]), model.predict_proba(X[:200])
"""

_PEAK = """
import resource, sys, joblib, nbdeploy as nd
import sklearn.ensemble, skops.io, polars, nbdeploy.snapshots.snapshot, nbdeploy.store
import threading, time, psutil
model, X = joblib.load(sys.argv[1])
me, peak, done = psutil.Process(), [0], threading.Event()
def watch():
    while not done.wait(0.01):
        peak[0] = max(peak[0], me.memory_info().rss)
before = me.memory_info().rss
watcher = threading.Thread(target=watch); watcher.start()
found = nd.snapshot(model, "peak", X)
done.set(); watcher.join()
print(peak[0] - before, found.stored.record["bytes"])
"""

_IMPORT = "import time; s = time.perf_counter(); import nbdeploy; print(time.perf_counter() - s)"
_EXTENSION = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
s = time.perf_counter(); shell.run_line_magic("load_ext", "nbdeploy"); print(time.perf_counter() - s)
"""


def main() -> int:
    """Measure, and print one table."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NBDEPLOY_HOME"] = folder
        return _measure(Path(folder)).show()


def _measure(folder: Path) -> Figures:
    import joblib
    import skops.io

    import nbdeploy as nd

    figures = Figures("Snapshot of RandomForestClassifier(300) on 50,000 x 30")
    trained = str(folder / "trained.joblib")
    program(_TRAIN, trained)
    model, X = joblib.load(trained)
    dumped = str(folder / "dumped.joblib")
    clean = seconds(lambda: (joblib.dump((model, X), dumped), program(_CLEAN, dumped)))
    skops_dump = seconds(lambda: skops.io.dump(model, folder / "dumped.skops"))
    names = iter(f"forest-{i}" for i in range(9))
    records = []
    whole = seconds(lambda: records.append(nd.snapshot(model, next(names), X).stored.record))
    rehearsals = sorted(record["rehearsal"]["seconds"] for record in records)
    figures.add("snapshot, one rehearsal : joblib.dump + clean load and predict", whole, clean, 2)
    figures.add("snapshot without the rehearsal : skops.dump", whole - rehearsals[1], skops_dump, 2)
    bare = seconds(lambda: nd.snapshot(model, next(names), X, compile=False))
    figures.add("the same without looking for a twin : the same baseline", bare, clean, 2)
    peak, size = map(float, program(_PEAK, trained).split())
    figures.add("peak memory beside the model : serialized size", peak / 1e6, size / 1e6, 2, "MB")
    trusted = skops.io.get_untrusted_types(file=folder / "dumped.skops")
    own = seconds(lambda: skops.io.load(folder / "dumped.skops", trusted=trusted))
    nd.load("forest-0")
    figures.add("nd.load : skops.load", seconds(lambda: nd.load("forest-0")), own, 1.3)
    figures.add("import nbdeploy : 60 ms", min(float(program(_IMPORT)) for _ in range(5)), 0.060, 1)
    figures.add("%load_ext nbdeploy : 150 ms", min(float(program(_EXTENSION)) for _ in range(5)), 0.150, 1)
    return figures


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

"""The process that tells of a run whose own process is gone: ``python -m nbdeploy.batch.notifying <run folder>``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.notifying.telling import tell
from nbdeploy.batch.record import LOST

_REASON_SECONDS = 3.0
"""Whoever sees first that a run is lost may not know why; its dispatcher says so within this time."""

if __name__ == "__main__":
    until = time.monotonic() + _REASON_SECONDS
    with Ledger(os.environ["NBDEPLOY_DB"]) as ledger:
        while (run := ledger.get(Path(sys.argv[1]).name)).status == LOST and run.error is None:
            if time.monotonic() > until:
                break
            time.sleep(0.2)
        tell(run)

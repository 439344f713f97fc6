"""The process that tells of a run whose own process is gone: ``python -m nbdeploy.batch.notifying <run folder>``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.notifying.telling import tell

_REASON_SECONDS = 3.0
"""Whoever sees first that a run is lost may not know why; its dispatcher says so within this time."""

if __name__ == "__main__":
    with Ledger(os.environ["NBDEPLOY_DB"]) as ledger:
        tell(ledger.with_reason(Path(sys.argv[1]).name, _REASON_SECONDS))

"""A scheduler whose clock runs faster, as a program that may be killed: ``hurried.py URL BEGUN SPEED FILE``.

Its runs are real: a process each, recorded, that write the time they are for into FILE.
"""

from __future__ import annotations

import logging
import random
import shlex
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.ordering.starting import Prepared, prepare_command
from nbdeploy.batch.queue.queue import enter
from nbdeploy.batch.schedules import jobs, scheduler
from nbdeploy.settings import Settings

ZERO = datetime(2026, 1, 1, tzinfo=UTC)
PAUSE = 0.4
"""Seconds before and after a run is handed on, in which a kill is most harmful."""


def moment(begun: float, speed: float) -> datetime:
    """What the clock shows."""
    return ZERO + timedelta(seconds=(time.time() - begun) * speed)


def main() -> None:
    url, begun, speed, file = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    logging.basicConfig(level=logging.WARNING)
    scheduler.LOOK_EVERY = 0.2

    def prepare(command: Sequence[str], words: str, settings: Settings, **facts: Any) -> Prepared:
        said = f"echo {shlex.quote(Path(facts['output']).name)} >> {shlex.quote(file)}"
        return prepare_command(["/bin/sh", "-c", said], words, settings, **facts)

    def hesitate(ledger: Ledger, home: Path) -> None:
        time.sleep(random.random() * PAUSE)
        enter(ledger, home)
        time.sleep(random.random() * PAUSE)

    jobs.prepare_command = prepare
    with Ledger(url) as ledger:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        scheduler.Scheduler(ledger, lambda: moment(begun, speed), hesitate).run(threading.Event())


if __name__ == "__main__":
    main()

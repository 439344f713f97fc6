"""A scheduler whose clock runs faster, as a program that may be killed: ``hurried.py URL BEGUN SPEED FILE``.

Its runs are real: a process each, recorded, that write the time they are for into FILE.
"""

from __future__ import annotations

import json
import logging
import random
import shlex
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.schedules import scheduler
from nbdeploy.batch.starting import Prepared, launch

ZERO = datetime(2026, 1, 1, tzinfo=UTC)
PAUSE = 0.4
"""Seconds before and after the start of a process in which a kill is most harmful."""


def moment(begun: float, speed: float) -> datetime:
    """What the clock shows."""
    return ZERO + timedelta(seconds=(time.time() - begun) * speed)


def main() -> None:
    url, begun, speed, file = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    logging.basicConfig(level=logging.WARNING)
    scheduler.LOOK_EVERY = 0.2

    def start(ledger: Ledger, prepared: Prepared) -> subprocess.Popen[bytes]:
        request = prepared.folder.path / "request.json"
        facts = json.loads(request.read_text())
        said = shlex.quote(prepared.run.output.name)
        request.write_text(json.dumps({**facts, "command": ["/bin/sh", "-c", f"echo {said} >> {shlex.quote(file)}"]}))
        time.sleep(random.random() * PAUSE)
        child = launch(ledger, prepared)
        time.sleep(random.random() * PAUSE)
        return child

    with Ledger(url) as ledger:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        scheduler.Scheduler(ledger, lambda: moment(begun, speed), start).run(threading.Event())


if __name__ == "__main__":
    main()

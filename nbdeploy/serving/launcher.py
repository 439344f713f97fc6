"""Starts a command as a process that belongs to nobody, and prints its number.

A server must outlive the kernel that starts it, and leave no dead entry in the kernel's list of children.
This module runs on its own, and is gone at once.
"""

from __future__ import annotations

import os
import subprocess
import sys


def main() -> None:
    """``launcher.py LOG COMMAND…``: output goes to the end of LOG."""
    log, *command = sys.argv[1:]
    with open(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb") as output:  # noqa: PTH123
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    sys.stdout.write(f"{process.pid}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

"""What a rehearsed model may not do: call the network, or read files of this machine that do not travel with it."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["deny"]

_NETWORK = frozenset({"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"})
_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/opt", "/proc", "/run", "/sbin", "/sys", "/usr", "/var/lib")
_OTHER_SYSTEMS = ("/Applications", "/Library", "/System", "/private/etc", "/private/var/db")


def deny(folders: Iterable[Path]) -> None:
    """Refuse every later connection and, with ``FileNotFoundError``, every later reading of a file of the user's own.

    What was written after this call may be read, and so may packages, the system's files, and hidden folders
    in the home directory, which hold settings and caches. Compiled readers that do not ask Python for a file are
    not seen.

    Parameters
    ----------
    folders : iterable of Path
        Where reading is part of the rehearsal.
    """
    begun = time.time() - 0.05  # the clock of a file system has longer ticks
    allowed = tuple({f"{folder}{os.sep}" for given in (*folders, *_system()) for folder in (given, given.resolve())})
    busy = [False]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in _NETWORK:
            raise PermissionError(f"a snapshot is rehearsed without network, but it called {event}{args[1:]!r}")
        if not busy[0] and _reads(event, args):
            busy[0] = True  # finding out whose a file is may open others
            try:
                path = os.path.abspath(os.fsdecode(args[0]))  # noqa: PTH100 - resolve() asks the disk
                denied = not path.startswith(allowed) and _is_own(path, begun)
            finally:
                busy[0] = False
            if denied:
                raise FileNotFoundError(
                    f"{path} is a file of this machine, and does not travel with the snapshot (reading it is denied)"
                )

    sys.addaudithook(hook)


def _reads(event: str, args: tuple[Any, ...]) -> bool:
    """Whether an event is the reading of a file, which it names."""
    if event not in {"open", "sqlite3.connect"} or not isinstance(args[0], (str, bytes)):
        return False
    if event == "open" and isinstance(args[1], str):
        return not set(args[1]) & set("wax")
    return event != "open" or (isinstance(args[2], int) and not args[2] & (os.O_WRONLY | os.O_CREAT))


def _is_own(path: str, begun: float) -> bool:
    """Whether a file was there before, and is no part of a package."""
    where = Path(path).resolve()
    try:
        if not where.is_file() or where.stat().st_mtime >= begun:
            return False
    except OSError:
        return False
    home = Path.home()
    if where.is_relative_to(home) and where.relative_to(home).parts[0].startswith("."):
        return False
    return not any(where.is_relative_to(folder) for folder in _packages())


def _packages() -> Iterator[Path]:
    """Folders of what is imported, wherever it is installed."""
    for name, module in list(sys.modules.items()):
        if "." not in name and name != "__main__":
            yield from (Path(folder).resolve() for folder in getattr(module, "__path__", ()))


@functools.cache
def _system() -> tuple[Path, ...]:
    """Folders of Python, of installed packages and of the operating system."""
    given = [*sys.path, sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    windows = [os.environ[name] for name in ("SYSTEMROOT", "PROGRAMFILES") if name in os.environ]
    return tuple(Path(folder) for folder in (*given, *windows, *_SYSTEM, *_OTHER_SYSTEMS) if folder)

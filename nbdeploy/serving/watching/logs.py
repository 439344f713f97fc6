"""The endpoint's log: lines for people or JSON for programs, each with its request, none with a secret."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from nbdeploy.errors import InvalidData
from nbdeploy.serving.watching.asked import current
from nbdeploy.serving.watching.secrets import redact

__all__ = ["FORMATS", "JsonLines", "Lines", "set_up"]

ACCESS = "nbdeploy.access"
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Lines(logging.Formatter):
    """``2026-01-31 10:00:00,000 INFO nbdeploy.serving: message [request id]``."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        asked = current.get()
        line = super().format(record)
        if record.name == ACCESS:
            line += "".join(f" {name}={value}" for name, value in _more(record).items())
        return redact(f"{line} [{asked.id}]" if asked is not None else line)


class JsonLines(logging.Formatter):
    """One JSON document per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_more(record),
        }
        asked = current.get()
        if asked is not None:
            document |= {"request_id": asked.id, "trace_id": asked.trace, "span_id": asked.span}
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(_redacted(document), enc_hook=str).decode()


_OTHERS = {
    "alembic": logging.WARNING,  # tells of each of its own parts
    "uvicorn": logging.ERROR,  # anybody can send what it warns of, as often as they like
}
FORMATS: dict[str, type[logging.Formatter]] = {"text": Lines, "json": JsonLines}


def set_up(kind: str, force: bool = True) -> None:
    """Have this process log to its standard error output.

    Parameters
    ----------
    kind : str
        ``text`` or ``json``.
    force : bool
        Whether that takes the place of logging that was set up before.

    Raises
    ------
    InvalidData
        If there is no such kind.
    """
    if kind not in FORMATS:
        raise InvalidData(f"there is no log format {kind!r}; there are: {', '.join(FORMATS)}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATS[kind]())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=force)
    logging.captureWarnings(True)
    for name, level in _OTHERS.items():
        logging.getLogger(name).setLevel(level)


def _more(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _redacted(document: dict[str, Any]) -> dict[str, Any]:
    return {name: redact(value) if isinstance(value, str) else value for name, value in document.items()}

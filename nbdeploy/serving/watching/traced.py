"""The traces that a model process works for: in its lines of the log, and in what the model itself asks others."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar

__all__ = ["Traced", "working_for"]

_traces: ContextVar[tuple[str, ...]] = ContextVar("nbdeploy_traces", default=())


class Traced(logging.Formatter):
    """``WARNING nbdeploy.serving: message [trace 0af7651916cd43dd8448eb211c80319c]``."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - as the library calls it
        """Write a record's first lines, before any traceback."""
        found = dict.fromkeys(parent.split("-")[1] for parent in _traces.get())
        return super().formatMessage(record) + (f" [trace {', '.join(found)}]" if found else "")


@contextlib.contextmanager
def working_for(traces: Sequence[str]) -> Iterator[None]:
    """Let lines of the log name the traces of requests, and requests of the model's own continue the only one.

    Parameters
    ----------
    traces : sequence of str
        The ``traceparent`` of each request that is answered together and has one.

    Examples
    --------
    >>> record = logging.LogRecord("model", logging.INFO, "", 0, "hot", None, None)
    >>> with working_for(["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]):
    ...     Traced().format(record)
    'INFO model: hot [trace 0af7651916cd43dd8448eb211c80319c]'
    """
    before = _traces.set(tuple(traces))
    try:
        with _continued(traces[0]) if len(traces) == 1 else contextlib.nullcontext():
            yield
    finally:
        _traces.reset(before)


@contextlib.contextmanager
def _continued(parent: str) -> Iterator[None]:
    """Only a model that has imported OpenTelemetry can want it."""
    if "opentelemetry.context" not in sys.modules:
        yield
        return
    from opentelemetry import context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    before = context.attach(TraceContextTextMapPropagator().extract({"traceparent": parent}))
    try:
        yield
    finally:
        context.detach(before)

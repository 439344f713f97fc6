"""Spans for OpenTelemetry, if its library is installed and its environment variables say where spans go.

``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``…_TRACES_ENDPOINT``), ``OTEL_SERVICE_NAME`` and the others are those of the
OpenTelemetry specification; its SDK reads them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from nbdeploy.serving.watching.asked import Asked
from nbdeploy.version import __version__

__all__ = ["Tracer", "tracer"]

_PLACES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_log = logging.getLogger(__name__)


class Tracer:
    """Makes one span per request.

    Parameters
    ----------
    provider : opentelemetry.sdk.trace.TracerProvider
        Samples, batches and exports them.
    """

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("nbdeploy", __version__)

    def begin(self, asked: Asked, method: str) -> Any:
        """Begin the span of a request; the trace goes on from it."""
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {"traceparent": f"00-{asked.trace}-{asked.parent}-{asked.flags}", "tracestate": asked.state}
        context = TraceContextTextMapPropagator().extract(carrier) if asked.parent else None
        span = self._tracer.start_span(method, context, trace.SpanKind.SERVER)
        found = span.get_span_context()
        asked.placed(f"{found.trace_id:032x}", f"{found.span_id:016x}", f"{int(found.trace_flags):02x}")
        return span

    def end(self, span: Any, asked: Asked, method: str, route: str, status: int) -> None:
        """End it, with what was learnt; names are those of the semantic conventions for HTTP."""
        from opentelemetry.trace import StatusCode

        span.update_name(f"{method} {route}")
        facts = {f"nbdeploy.{name}": value for name, value in asked.facts.items()}
        span.set_attributes(
            {"http.request.method": method, "http.route": route, "http.response.status_code": status, **facts}
        )
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end()

    def close(self) -> None:
        """Export what is left."""
        self._provider.shutdown()


def tracer(environ: Mapping[str, str] = os.environ) -> Tracer | None:
    """Return what the environment asks for, if anything."""
    if not any(environ.get(name) for name in _PLACES) or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        _log.warning("traces are not exported, as OpenTelemetry is not installed: pip install 'nbdeploy[otel]'")
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = environ.get("OTEL_SERVICE_NAME", "nbdeploy")
    provider = TracerProvider(
        resource=Resource.create({"service.name": name, "service.version": __version__}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracer(provider)

"""The protocols that the endpoint speaks."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from nbdeploy.plugins import Registry

__all__ = ["PROTOCOLS"]

PROTOCOLS: Registry[Sequence[Route]] = Registry(
    "protocol",
    {
        "health": "nbdeploy.serving.protocols.health:ROUTES",
        "management": "nbdeploy.serving.protocols.management:ROUTES",
        "metrics": "nbdeploy.serving.protocols.metrics:ROUTES",
        "mlflow": "nbdeploy.serving.protocols.mlflow:ROUTES",
        "oip": "nbdeploy.serving.protocols.oip:ROUTES",
        "prediction_log": "nbdeploy.serving.protocols.prediction_log:ROUTES",
        "pages": "nbdeploy.serving.pages.handlers:ROUTES",
        "records": "nbdeploy.serving.protocols.records:ROUTES",
        "repository": "nbdeploy.serving.protocols.repository:ROUTES",
        "v1": "nbdeploy.serving.protocols.v1:ROUTES",
    },
)

"""Every route of the endpoint, in one place. ``{m}`` is a deployment, ``{v}`` a version number."""

from __future__ import annotations

from urllib.parse import quote

__all__ = [
    "BLOB",
    "CHECK",
    "DEPLOYMENT",
    "DEPLOYMENTS",
    "DIAGNOSIS",
    "DOCS",
    "FEEDBACK",
    "HEADER_DIGEST",
    "HEADER_LOG",
    "HEADER_PREDICTION",
    "HEADER_UNKNOWN",
    "HEADER_VERSION",
    "INDEX",
    "INFER",
    "INVOCATIONS",
    "LIVE",
    "LOAD",
    "METRICS",
    "MLFLOW_VERSION",
    "MODEL",
    "MODEL_INVOCATIONS",
    "MODEL_READY",
    "OPENAPI",
    "PING",
    "PREDICT",
    "READY",
    "REQUESTS",
    "SAMPLE",
    "SERVER",
    "SNAPSHOT",
    "UNLOAD",
    "V1_MODEL",
    "V1_MODELS",
    "V1_PREDICT",
    "VERSION",
    "VERSION_INFER",
    "VERSION_READY",
    "path",
]

SERVER = "/v2"
LIVE = "/v2/health/live"
READY = "/v2/health/ready"
MODEL = "/v2/models/{m}"
MODEL_READY = "/v2/models/{m}/ready"
INFER = "/v2/models/{m}/infer"
VERSION = "/v2/models/{m}/versions/{v}"
VERSION_READY = "/v2/models/{m}/versions/{v}/ready"
VERSION_INFER = "/v2/models/{m}/versions/{v}/infer"

INDEX = "/v2/repository/index"
LOAD = "/v2/repository/models/{m}/load"
UNLOAD = "/v2/repository/models/{m}/unload"

V1_MODELS = "/v1/models"
V1_MODEL = "/v1/models/{m}"
V1_PREDICT = "/v1/models/{m}:predict"

INVOCATIONS = "/invocations"
MODEL_INVOCATIONS = "/models/{m}/invocations"
MLFLOW_VERSION = "/version"

PING = "/ping"
METRICS = "/metrics"
PREDICT = "/models/{m}/predict"
SAMPLE = "/models/{m}/sample"
FEEDBACK = "/models/{m}/feedback"

OPENAPI = "/models/{m}/openapi.json"
DOCS = "/models/{m}/docs"

BLOB = "/api/blobs/sha256/{hex}"
SNAPSHOT = "/api/snapshots/{digest}"
DEPLOYMENTS = "/api/deployments"
DEPLOYMENT = "/api/deployments/{m}"
CHECK = "/api/deployments/{m}/check"
REQUESTS = "/api/deployments/{m}/requests"

HEADER_LOG = "x-nbdeploy-log"
HEADER_VERSION = "x-nbdeploy-version"
DIAGNOSIS = "diagnosis"
"""The protocol, in the log and in metrics, of what is asked to look whether the endpoint is well."""

HEADER_DIGEST = "x-nbdeploy-digest"
HEADER_PREDICTION = "x-nbdeploy-prediction-id"
HEADER_UNKNOWN = "x-nbdeploy-unknown-columns"


def path(route: str, **values: object) -> str:
    """Fill in a route; values are escaped, so that none can reach another route.

    Examples
    --------
    >>> path(DEPLOYMENT, m="churn")
    '/api/deployments/churn'
    >>> path(DEPLOYMENT, m="../secrets")
    '/api/deployments/..%2Fsecrets'
    """
    return route.format(**{name: quote(str(value), safe="") for name, value in values.items()})

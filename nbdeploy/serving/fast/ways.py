"""Which lanes there are, by the paths of requests, and where each leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

from nbdeploy.serving.fast.lane import Header, Lane
from nbdeploy.serving.fast.record_twin import RecordTwin
from nbdeploy.serving.fast.row_lanes import SPLIT, PredictionsLane, RecordsLane
from nbdeploy.serving.fast.tensor_lanes import JsonTensorsLane, MatrixLane
from nbdeploy.serving.service import Service
from nbdeploy.serving.twins import Inline
from nbdeploy.serving.worker.deployments import Served
from nbdeploy.wire import routes

__all__ = ["Way", "Ways", "ways_of"]


class Way(NamedTuple):
    """A lane, where it leads, and what its answers carry.

    Attributes
    ----------
    lane : Lane
        What reads and writes.
    route : object
        What the metrics call it.
    answer : callable
        Answers bound rows with the columns of some methods; None where the application has to.
    served : Served
        The deployment.
    headers : list of (bytes, bytes)
        What all its answers carry.
    relayed : RecordTwin or None
        What knows the columns, if it is a process of the version that answers.
    """

    lane: Lane
    route: Any
    answer: Callable[[Sequence[str], Any], Any]
    served: Served
    headers: list[Header]
    relayed: RecordTwin | None = None


Ways = Mapping[str, Sequence[Way]]
"""Ways by path; requests take the first one whose lane takes them."""


def ways_of(table: Mapping[str, Served], service: Service) -> Ways:
    """Return the ways to all deployments, also those below the endpoint's prefix."""
    found: dict[str, list[Way]] = {}
    for name, served in table.items():
        default = service.options.default == name if service.options.default else len(table) == 1
        for route, way in (*_of_records(served, service, default), *_of_matrices(served, service)):
            path = routes.path(route, m=name, v=served.now.version)
            found.setdefault(path, []).append(way)
    return found | {service.options.root_path + path: ways for path, ways in found.items()}


def _of_records(served: Served, service: Service, default: bool) -> list[tuple[str, Way]]:
    """Ways of few rows in JSON, by their routes; `default` says whether it is meant where no deployment is named."""
    twin, relayed = served.record_twin, None
    if twin is None and service.cache is None:
        twin = relayed = served.relayed
    if twin is None:
        return []
    twin = replace(twin, most=min(service.options.row_limit, twin.most))
    tensors = JsonTensorsLane(twin, served.state.name, served.now.version)
    mlflow = PredictionsLane(twin, "mlflow", (SPLIT, "dataframe_records", "instances", "inputs"), json=True)
    lanes: dict[str, Lane] = {
        routes.PREDICT: RecordsLane(twin),
        routes.INFER: tensors,
        routes.VERSION_INFER: tensors,
        routes.V1_PREDICT: PredictionsLane(twin, "v1", ("instances", "inputs"), json=False),
        routes.MODEL_INVOCATIONS: mlflow,
        **({routes.INVOCATIONS: mlflow} if default else {}),
    }
    answer, headers = _answering(twin, served, service), _headers(served)
    return [
        (route, Way(lane, SimpleNamespace(path=route), answer, served, headers, relayed))
        for route, lane in lanes.items()
    ]


def _of_matrices(served: Served, service: Service) -> list[tuple[str, Way]]:
    """Ways of matrices, by their routes."""
    inline = served.inline
    if inline is None or service.cache is not None:
        return []
    most, signature = min(service.options.row_limit, inline.rows), inline.signature
    lane = MatrixLane(signature, most, served.state.name, served.now.version)
    return [
        (route, Way(lane, SimpleNamespace(path=route), _asking(inline), served, _headers(served)))
        for route in (routes.INFER, routes.VERSION_INFER)
    ]


def _asking(inline: Inline) -> Callable[[Sequence[str], Any], Any]:
    return lambda methods, matrix: inline.outputs(matrix, methods)


def _answering(twin: RecordTwin, served: Served, service: Service) -> Callable[[Sequence[str], Any], Any]:
    """Answers that are kept in this process, or those of the twin, which takes less time than looking farther."""
    cache = service.cache
    if cache is None or not cache.near:
        return twin.answer
    digest = served.now.digest

    def answer(methods: Sequence[str], records: Any) -> Any:
        name = cache.name(digest, methods, records)
        return cache.rows(name, lambda: twin.answer(methods, records))

    return answer


def _headers(served: Served) -> list[Header]:
    """What all answers of a version carry."""
    version = routes.HEADER_VERSION.encode(), str(served.now.version).encode()
    return [version, (routes.HEADER_DIGEST.encode(), served.now.digest.encode())]

"""Looking at what was asked and answered, and telling what came true of it."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import polars as pl
from starlette.requests import Request
from starlette.responses import Response

from nbdeploy.codecs import Text
from nbdeploy.compare import ROUNDING, SINGLE, compare
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.serving.dataplane import Question
from nbdeploy.serving.exchange import body_of, inferred, json_answer, route, service_of
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.prediction_log.reading import Wanted
from nbdeploy.serving.prediction_log.where import Where
from nbdeploy.serving.protocols.formats import format_accepted, format_sent
from nbdeploy.types import Signature
from nbdeploy.wire import routes
from nbdeploy.wire.messages import CheckAnswer, LogFacts, Truth

__all__ = ["ROUTES"]

_MOST = 100_000
_SECONDS = re.compile(r"\d{1,10}(\.\d{1,6})?")
_TEXT = {"binary", "categorical", "string"}


async def requests(request: Request) -> Response:
    """Logged rows.

    ``?since=SECONDS&until=SECONDS`` ago; ``id``, ``version``, ``unanswered``, ``where``, ``limit`` and ``spread`` are
    those of :class:`nbdeploy.serving.prediction_log.reading.Wanted`.
    """
    service, name = service_of(request), request.path_params["m"]
    accepted = format_accepted(request.headers.get("accept"))
    wanted = _wanted(dict(request.query_params))

    def answer() -> tuple[bytes, LogFacts]:
        found = service.log.read(name, wanted)
        if not found.requests and name not in {state.name for state in service.deployments.all()}:
            service.deployments.get(name)  # which says what there is instead
        facts = LogFacts(
            found.inputs,
            found.answers,
            found.masked,
            found.more,
            found.requests,
            found.without_rows,
            service.log.state,
        )
        return accepted.write(found.frame), facts

    body, facts = await asyncio.to_thread(answer)
    header = json.dumps(msgspec.to_builtins(facts))  # a header holds ASCII only, and names may be anything
    return Response(body, headers={routes.HEADER_LOG: header}, media_type=accepted.media_type)


async def check(request: Request) -> Response:
    """Whether the snapshot's sample is answered, by the way that all requests take, as its certificate says."""
    name = request.path_params["m"]
    served = service_of(request).deployments.get(name)
    sample, expected = await asyncio.to_thread(lambda: (served.model.sample, served.model.expected))
    if not sample.height:
        return json_answer(CheckAnswer(served.now.version, served.now.digest, 0))
    question = Question(sample, [*served.model.signature.outputs])
    answer, _ = await inferred(request, routes.DIAGNOSIS, name, None, lambda _: question, lambda _: None)
    found = compare(expected.select(answer.frame.columns), answer.frame, ROUNDING, SINGLE)
    told = CheckAnswer(answer.version, answer.digest, sample.height, len(found.rows), found.identical, found.first)
    return json_answer(told)


async def feedback(request: Request) -> Response:
    """What came true: records of ``id``, ``truth`` and perhaps ``row``, in any format that rows are sent in."""
    service, name, caller = service_of(request), request.path_params["m"], request.state.caller.name
    sent = format_sent(request.headers.get("content-type"))
    body = await body_of(request)
    served = service.deployments.get(name)

    def answer() -> Any:
        truths = _truths(sent.read(body, served.model.signature), served.model.signature)
        return service.log.join(name, truths, caller)

    return json_answer(await asyncio.to_thread(answer))


def _wanted(query: dict[str, str]) -> Wanted:
    known = ("since", "until", "id", "version", "unanswered", "where", "limit", "spread")
    for name in query:
        if name not in known:
            raise InvalidData(str(NotFound("parameter", name, known)))
    now = datetime.now(UTC)
    limit = _number(query, "limit", 10_000)
    if not 1 <= limit <= _MOST:
        raise InvalidData(f"limit={limit} is not possible; it is a number of rows from 1 to {_MOST}")
    return Wanted(
        since=_ago(query, "since", now),
        until=_ago(query, "until", now),
        id=query.get("id", ""),
        version=_number(query, "version", 0),
        unanswered=_is_set(query, "unanswered"),
        where=Where(query["where"]) if query.get("where") else None,
        limit=limit,
        spread=_is_set(query, "spread"),
    )


def _ago(query: dict[str, str], name: str, now: datetime) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    if not _SECONDS.fullmatch(text):
        raise InvalidData(f"{name}={text[:40]!r} is not understood; it is a number of seconds before now")
    try:
        return now - timedelta(seconds=float(text))
    except OverflowError:
        return None


def _is_set(query: dict[str, str], name: str) -> bool:
    words = {"true": True, "false": False, "1": True, "0": False}
    text = query.get(name, "false").lower()
    if text not in words:
        raise InvalidData(f"{name}={text[:40]!r} is neither true nor false")
    return words[text]


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isdecimal() and text.isascii() and len(text) <= 9):
        raise InvalidData(f"{name}={text[:40]!r} is not a number")
    return int(text)


def _truths(rows: Any, signature: Signature) -> list[Truth]:
    """Records of truths; of text, as in CSV, numbers are read where the model answers numbers."""
    if isinstance(rows, Text):
        rows = _read_numbers(rows.frame, signature)
    records = rows.to_dicts() if isinstance(rows, pl.DataFrame) else rows
    for place, record in enumerate([rows.columns] if isinstance(rows, pl.DataFrame) else records):
        odd = [name for name in record if name not in Truth.__struct_fields__]
        if odd or "id" not in record or "truth" not in record:
            found = ", ".join(map(str, record))[:200] or "nothing"
            raise InvalidData(f"record {place} has {found}, where id, truth and perhaps row are expected")
    try:
        return msgspec.convert(records, list[Truth])
    except msgspec.ValidationError as error:
        raise InvalidData(f"the truths are not understood: {error}") from error


def _read_numbers(frame: pl.DataFrame, signature: Signature) -> pl.DataFrame:
    kind = signature.outputs[signature.default_method].types[0]
    number = {"bool": pl.Boolean}.get(kind, pl.Int64 if "int" in kind else pl.Float64)
    kinds: dict[str, Any] = {"row": pl.Int64} | ({} if kind in _TEXT else {"truth": number})
    try:
        return frame.with_columns(pl.col(name).cast(kinds[name]) for name in kinds if name in frame.columns)
    except pl.exceptions.PolarsError as error:
        raise InvalidData(f"the truths are not understood: {str(error).splitlines()[0][:200]}") from error


ROUTES = (
    route(routes.REQUESTS, requests, "GET", Scope.READ),
    route(routes.CHECK, check, "POST", Scope.READ),
    route(routes.FEEDBACK, feedback, "POST", Scope.PREDICT),
)

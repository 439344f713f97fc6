"""What goes to the writer: requests, and their rows in blocks of requests that are alike. It may cross processes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.codecs.columns import frame_of
from nbdeploy.codecs.numpy_tables import matrix_frame
from nbdeploy.serving.prediction_log.event import Event, Records, Subject
from nbdeploy.serving.prediction_log.tables import pack

__all__ = ["Act", "Batch", "Block", "Parcel", "Request", "batch_of"]

_log = logging.getLogger(__name__)
_LONGEST = 500
_CELLS = 2**16
"""Of tables that are put together at once; half a megabyte of floats."""
_HEAD = 500
"""About how many bytes a request takes without its rows."""


class Request(msgspec.Struct, array_like=True):
    """One request: the columns of :class:`nbdeploy.database.PredictionRow`; `time` is in seconds since 1970."""

    id: str
    deployment: str
    version: int
    digest: str
    protocol: str
    methods: str
    caller: str
    time: float
    seconds: float
    rows: int
    outcome: str
    reason: str
    block: str | None = None
    first: int = 0
    endpoint: str = ""


class Block(msgspec.Struct, array_like=True):
    """Rows of requests that are alike: the columns of :class:`nbdeploy.database.BlockRow`."""

    id: str
    deployment: str
    time: float
    rows: int
    masked: list[str]
    inputs: bytes
    answers: bytes | None
    endpoint: str = ""


class Act(msgspec.Struct, array_like=True):
    """What somebody did: the columns of :class:`nbdeploy.database.AuditRow`."""

    id: str
    time: float
    who: str
    origin: str
    action: str
    subject: str
    outcome: str
    endpoint: str = ""


class Batch(msgspec.Struct, array_like=True):
    """What happened in a moment.

    Attributes
    ----------
    requests, blocks : list
        Requests and their rows.
    acts : list of Act
        What was done to the endpoint.
    dropped : int
        Rows that were lost on the way here.
    """

    requests: list[Request] = []
    blocks: list[Block] = []
    acts: list[Act] = []
    dropped: int = 0

    def __bool__(self) -> bool:
        return bool(self.requests or self.blocks or self.acts or self.dropped)

    @property
    def rows(self) -> int:
        """Rows that are told of."""
        return sum(max(request.rows, 1) for request in self.requests)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        blocks = sum(len(block.inputs) + len(block.answers or b"") for block in self.blocks)
        return blocks + _HEAD * (len(self.requests) + len(self.acts))


class Parcel(msgspec.Struct, frozen=True):
    """What goes to the writer, perhaps in another process. What is not put together before is put together there.

    Whoever answers requests spends as little time on the log as can be.

    Attributes
    ----------
    events : list of Event
        Requests with tables, and those without rows.
    records : Records
        Requests of records.
    acts : list of Act
        What was done to the endpoint.
    dropped : int
        Rows that were lost on the way here.
    endpoint : str
        Whose they are.
    batch : Batch
        What was put together before.
    """

    events: list[Event] = []
    records: Records = msgspec.field(default_factory=Records)
    acts: list[Act] = []
    dropped: int = 0
    endpoint: str = ""
    batch: Batch = msgspec.field(default_factory=Batch)

    def __bool__(self) -> bool:
        return bool(self.events or self.records or self.acts or self.dropped or self.batch)

    @property
    def rows(self) -> int:
        """Rows that are told of."""
        return sum(max(event.rows, 1) for event in self.events) + self.records.rows + self.batch.rows

    def portions(self) -> Iterator[Parcel]:
        """Give it for another process: tables put together, which is less work than to hand them over as they are."""
        for batch in self._batches():
            yield Parcel(endpoint=self.endpoint, batch=batch)
        yield Parcel([], self.records, self.acts, 0, self.endpoint, self.batch)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        tables = [table for event in self.events for table in (event.inputs, event.answers)]
        frames = sum(int(table.estimated_size()) for table in tables if isinstance(table, pl.DataFrame))
        frames += sum(int(table.nbytes) for table in tables if isinstance(table, np.ndarray))
        return frames + self.records.size + self.batch.size + _HEAD * (len(self.events) + len(self.acts))

    def opened(self) -> Iterator[Batch]:
        """Put everything together, some of it at a time."""
        yield self.batch
        yield Batch(acts=self.acts)
        yield from self._batches()
        for pile in self.records.piles():
            yield batch_of(pile, 0, self.endpoint)

    def _batches(self) -> Iterator[Batch]:
        """Put events together, so many of them that it keeps nobody waiting."""
        yield Batch(dropped=self.dropped)
        some, cells = list[Event](), 0
        for event in self.events:
            some.append(event)
            cells += event.rows * event.subject.width
            if cells >= _CELLS:
                yield batch_of(some, 0, self.endpoint)
                some, cells = [], 0
        yield batch_of(some, 0, self.endpoint)


def batch_of(events: Sequence[Event], dropped: int = 0, endpoint: str = "") -> Batch:
    """Put events together, without the values of private columns.

    Parameters
    ----------
    events : sequence of Event
        What a queue gave out.
    dropped : int
        Rows that the queue lost since.
    endpoint : str
        Whose they are.
    """
    batch = Batch([], [], [], dropped)
    groups: dict[Any, list[Event]] = {}
    for event in events:
        if event.inputs is None or not event.rows:
            batch.requests.append(_request(event))
        else:
            key = (id(event.subject), tuple(event.methods), event.answers is not None)
            groups.setdefault(key, []).append(event)
    for group in groups.values():
        _add(batch, group)
    for request in batch.requests:
        request.endpoint = endpoint
    for block in batch.blocks:
        block.endpoint = endpoint
    return batch


def _add(batch: Batch, group: list[Event]) -> None:
    """Add requests that are alike, and their rows; without their rows, if those make no table."""
    try:
        block = _block(group)
    except Exception:
        _log.exception("rows of %d requests for %s are not logged", len(group), group[0].subject.deployment)
        batch.requests += [_request(event) for event in group]
        batch.dropped += sum(event.rows for event in group)
        return
    first = 0
    for event in group:
        batch.requests.append(_request(event, block.id, first))
        first += event.rows
    batch.blocks.append(block)


def _block(group: list[Event]) -> Block:
    subject = group[0].subject
    inputs = _joined([event.inputs for event in group], subject.schema)
    if inputs.columns != [*subject.schema]:
        raise ValueError(f"columns {inputs.columns} are not those of {subject.deployment}")
    height = inputs.height  # a table without columns has none, and all may be private
    # By series: select and drop would take a name such as ^a$ for a pattern, and brackets no names for no rows.
    inputs = frame_of([series for series in inputs.get_columns() if series.name not in subject.private])
    answers = None
    if group[0].answers is not None:
        answers = _joined([event.answers for event in group], _output_names(subject, group[0].methods))
        if answers.height != height:
            raise ValueError(f"{height} rows have {answers.height} answers")
    if height != sum(event.rows for event in group):
        raise ValueError(f"{height} rows were told to be {sum(event.rows for event in group)}")
    return Block(
        group[0].id,  # no other block holds that request
        subject.deployment,
        group[0].time,
        height,
        subject.private,
        pack(inputs),
        None if answers is None else pack(answers),
    )


def _joined(parts: list[Any], schema: Any) -> pl.DataFrame:
    """One table of tables, of matrices and of lists of rows."""
    if all(isinstance(part, list) for part in parts):
        return _by_columns([row for part in parts for row in part], schema)
    if all(isinstance(part, np.ndarray) for part in parts):
        return matrix_frame(np.concatenate(parts), [*schema])
    return pl.concat([_table(part, schema) for part in parts], how="vertical_relaxed")


def _table(part: Any, schema: Any) -> pl.DataFrame:
    if isinstance(part, np.ndarray):
        return matrix_frame(part, [*schema])
    return _by_columns(part, schema) if isinstance(part, list) else part


def _by_columns(rows: list[Any], schema: Any) -> pl.DataFrame:
    """A table of rows, column by column: half the time of row by row."""
    kinds = dict(schema) if isinstance(schema, Mapping) else dict.fromkeys(schema)
    series = []
    for (name, kind), values in zip(kinds.items(), zip(*rows, strict=True), strict=True):
        series.append(pl.Series(name, [*values], dtype=kind))
    return frame_of(series)


def _output_names(subject: Subject, methods: Sequence[str]) -> list[str]:
    if subject.signature is None:
        return []
    outputs = subject.signature.outputs
    return [name for method in methods or [subject.signature.default_method] for name in outputs[method].columns]


def _request(event: Event, block: str | None = None, first: int = 0) -> Request:
    subject = event.subject
    return Request(
        event.id,
        subject.deployment,
        subject.version,
        subject.digest,
        event.protocol,
        ",".join(event.methods),
        event.caller,
        event.time,
        event.seconds,
        event.rows,
        event.outcome,
        event.reason[:_LONGEST].replace("\x00", ""),  # PostgreSQL holds none in text
        block,
        first,
    )

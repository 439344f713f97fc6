"""Lanes of protocols whose requests are few rows in JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from nbdeploy.codecs.records import Unusual
from nbdeploy.codecs.strict_json import encode
from nbdeploy.serving.fast.lane import FEW_BYTES, JSON_HEAD, Header, Read
from nbdeploy.serving.fast.record_twin import RecordTwin

__all__ = ["SPLIT", "PredictionsLane", "RecordsLane"]

SPLIT = "dataframe_split"
"""The form of rows that names the columns once."""

_any = msgspec.json.Decoder()


class _RowsLane:
    """What protocols share whose requests are rows in JSON, and methods in the query."""

    longest = FEW_BYTES

    def __init__(self, twin: RecordTwin) -> None:
        self._twin = twin
        self._default = (twin.signature.default_method,)

    def _asked(self, rows: Any, query: bytes) -> Read:
        """A request of records, or of values in the model's order."""
        methods = self._methods(query) if query else self._default
        if type(rows) is not list or not 0 < len(rows) <= self._twin.most:
            raise Unusual
        binder, kinds = self._twin.binder, {*map(type, rows)}
        if kinds == {dict}:
            return Read([binder.record(record) for record in rows], methods, binder.unknown(rows))
        if kinds != {list} or any(len(row) != len(binder.names) for row in rows):
            raise Unusual
        return Read([binder.values(row) for row in rows], methods)

    def _records(self, asked: Read, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        methods = self._twin.methods
        columns = [column for method in asked.methods for column in methods[method][1].columns]
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def _methods(self, query: bytes) -> Sequence[str]:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        return [*dict.fromkeys(value for name, value in pairs if name == "method")] or self._default


class RecordsLane(_RowsLane):
    """``POST /models/{m}/predict`` with JSON records."""

    protocol = "records"

    def takes(self, headers: Mapping[bytes, bytes]) -> bool:
        """See :class:`Lane`."""
        return headers.get(b"content-type") in _JSON and headers.get(b"accept") in _ANYTHING

    def read(self, body: bytes, query: bytes, *_: Any) -> Read:
        """See :class:`Lane`."""
        rows = _any.decode(body)
        if type(rows) is dict:
            rows = [rows]
        elif type(rows) is not list or list in map(type, rows):
            raise Unusual
        return self._asked(rows, query)

    def write(self, asked: Read, rows: Sequence[Sequence[Any]], _: str) -> tuple[bytes, Sequence[Header]]:
        """See :class:`Lane`."""
        return encode(self._records(asked, rows)), JSON_HEAD


class PredictionsLane(_RowsLane):
    """``POST /v1/models/{m}:predict`` and ``/invocations``: an object with one form of rows in, ``predictions`` out."""

    def __init__(self, twin: RecordTwin, protocol: str, forms: Collection[str], json: bool) -> None:
        super().__init__(twin)
        self.protocol = protocol
        self._forms = forms
        self._json = json

    def takes(self, headers: Mapping[bytes, bytes]) -> bool:
        """See :class:`Lane`."""
        return not self._json or headers.get(b"content-type") in _JSON

    def read(self, body: bytes, query: bytes, *_: Any) -> Read:
        """See :class:`Lane`."""
        document = _any.decode(body)
        if type(document) is not dict or len(document) != 1:
            raise Unusual
        ((form, rows),) = document.items()
        if form not in self._forms:
            raise Unusual
        return self._asked(self._split(rows) if form == SPLIT else rows, query)

    def write(self, asked: Read, rows: Sequence[Sequence[Any]], _: str) -> tuple[bytes, Sequence[Header]]:
        """See :class:`Lane`."""
        return encode({"predictions": self._predictions(asked, rows)}), JSON_HEAD

    def _predictions(self, asked: Read, rows: Sequence[Sequence[Any]]) -> list[Any]:
        if len(asked.methods) > 1:
            return self._records(asked, rows)
        flat = len(rows[0]) == 1 and self._twin.signature.outputs[asked.methods[0]].dims != 2
        return [row[0] for row in rows] if flat else [[*row] for row in rows]

    def _split(self, document: Any) -> Any:
        """A frame's rows, where its columns are the model's."""
        if type(document) is not dict or not document.keys() <= {"columns", "data", "index"}:
            raise Unusual
        if (
            document.get("columns") not in (None, self._twin.binder.names)
            or type(document.get("index", [])) is not list
        ):
            raise Unusual
        rows = document.get("data")
        if type(rows) is not list or dict in map(type, rows):
            raise Unusual
        return rows


_JSON = frozenset({None, b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_ANYTHING = frozenset(
    {None, b"*/*", b"application/json", b"application/json, */*", b"application/json, text/plain, */*"}
)

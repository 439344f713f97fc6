"""Bodies in, bodies out: few rows in JSON, by each protocol that has such."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec

from nbdeploy.codecs import oip
from nbdeploy.codecs.records import Unusual, value_reader
from nbdeploy.codecs.strict_json import encode
from nbdeploy.serving.fast.record_twin import RecordTwin
from nbdeploy.wire import routes

__all__ = ["Lane", "OipLane", "PredictionsLane", "Read", "RecordsLane", "lanes_of"]

_any = msgspec.json.Decoder()
_inference = msgspec.json.Decoder(oip.InferenceRequest)


class Read(msgspec.Struct, frozen=True, gc=False):
    """A request that was read: bound records, the methods, and what the answer's writer needs."""

    records: list[Sequence[Any]]
    methods: Sequence[str]
    unknown: int = 0
    id: str | None = None


class Lane(Protocol):
    """One protocol's way through one deployment."""

    protocol: str
    """Its name, for the metrics."""

    def takes(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request of such headers is a plain one."""

    def read(self, body: bytes, query: bytes, /) -> Read:
        """Read a request.

        Raises
        ------
        Unusual
            If it is not plain.
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError
            If it is wrong.
        """

    def write(self, asked: Read, rows: Sequence[Sequence[Any]], prediction: str, /) -> bytes:
        """Write the rows of all methods' columns."""


class _RowsLane:
    """What protocols share whose requests are rows in JSON, and methods in the query."""

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

    def read(self, body: bytes, query: bytes) -> Read:
        """See :class:`Lane`."""
        rows = _any.decode(body)
        if type(rows) is dict:
            rows = [rows]
        elif type(rows) is not list or list in map(type, rows):
            raise Unusual
        return self._asked(rows, query)

    def write(self, asked: Read, rows: Sequence[Sequence[Any]], _: str) -> bytes:
        """See :class:`Lane`."""
        return encode(self._records(asked, rows))


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

    def read(self, body: bytes, query: bytes) -> Read:
        """See :class:`Lane`."""
        document = _any.decode(body)
        if type(document) is not dict or len(document) != 1:
            raise Unusual
        ((form, rows),) = document.items()
        if form not in self._forms:
            raise Unusual
        return self._asked(self._split(rows) if form == _SPLIT else rows, query)

    def write(self, asked: Read, rows: Sequence[Sequence[Any]], _: str) -> bytes:
        """See :class:`Lane`."""
        if len(asked.methods) > 1:
            return encode({"predictions": self._records(asked, rows)})
        flat = len(rows[0]) == 1 and self._twin.signature.outputs[asked.methods[0]].dims != 2
        return encode({"predictions": [row[0] for row in rows] if flat else [[*row] for row in rows]})

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


class OipLane:
    """``POST /v2/models/{m}/infer`` with JSON tensors."""

    protocol = "oip"

    def __init__(self, twin: RecordTwin, name: str, version: int) -> None:
        self._twin = twin
        self._default = (twin.signature.default_method,)
        self._names = twin.binder.names
        self._known = frozenset(self._names)
        self._head = {"model_name": name, "model_version": str(version)}
        outputs = oip.outputs_of(twin.signature, twin.signature.default_method)
        self._outputs = [(tensor.name, tensor.datatype) for tensor in outputs]

    def takes(self, headers: Mapping[bytes, bytes]) -> bool:
        """See :class:`Lane`."""
        return b"inference-header-content-length" not in headers

    def read(self, body: bytes, _: bytes) -> Read:
        """See :class:`Lane`."""
        asked = _inference.decode(body)
        if asked.parameters or asked.outputs or any(tensor.parameters for tensor in asked.inputs):
            raise Unusual
        inputs = asked.inputs
        rows = self._matrix(inputs[0]) if self._is_matrix(inputs) else self._columns(inputs)
        if not 0 < len(rows) <= self._twin.most:
            raise Unusual
        values = self._twin.binder.values
        return Read([values(row) for row in rows], self._default, id=asked.id)

    def write(self, asked: Read, rows: Sequence[Sequence[Any]], prediction: str) -> bytes:
        """See :class:`Lane`."""
        tensors = [
            oip.Tensor(name, [len(rows)], datatype, [row[i] for row in rows])
            for i, (name, datatype) in enumerate(self._outputs)
        ]
        return encode({**self._head, "id": asked.id or prediction, "outputs": tensors})

    def _is_matrix(self, inputs: Sequence[oip.Tensor]) -> bool:
        return len(inputs) == 1 and inputs[0].name not in self._known

    def _matrix(self, tensor: oip.Tensor) -> Sequence[Sequence[Any]]:
        width, data = len(self._names), tensor.data
        if type(data) is not list or len(tensor.shape) != 2 or tensor.shape[1] != width:
            raise Unusual
        rows = data if data and type(data[0]) is list else [data[at : at + width] for at in range(0, len(data), width)]
        if len(rows) != tensor.shape[0] or any(type(row) is not list or len(row) != width for row in rows):
            raise Unusual
        return [_sent(tensor.datatype, row) for row in rows]

    def _columns(self, inputs: Sequence[oip.Tensor]) -> Sequence[Sequence[Any]]:
        found = {tensor.name: tensor for tensor in inputs}
        if found.keys() != self._known or len(found) < len(inputs):
            raise Unusual
        height, columns = inputs[0].shape[:1], []
        for name in self._names:
            tensor = found[name]
            if type(tensor.data) is not list or tensor.shape not in (height, [*height, 1]):
                raise Unusual
            if [len(tensor.data)] != height:
                raise Unusual
            columns.append(_sent(tensor.datatype, tensor.data))
        return [*zip(*columns, strict=True)]


def lanes_of(twin: RecordTwin, name: str, version: int, default: bool = False) -> list[tuple[str, str, Lane]]:
    """Return the lanes of a deployment, with their routes and paths.

    Parameters
    ----------
    twin : RecordTwin
        What answers.
    name, version : str, int
        The deployment, and the version that it serves.
    default : bool
        Whether it is meant where none is named.
    """
    tensors = OipLane(twin, name, version)
    mlflow = PredictionsLane(twin, "mlflow", (_SPLIT, "dataframe_records", "instances", "inputs"), json=True)
    lanes: dict[str, Lane] = {
        routes.PREDICT: RecordsLane(twin),
        routes.INFER: tensors,
        routes.VERSION_INFER: tensors,
        routes.V1_PREDICT: PredictionsLane(twin, "v1", ("instances", "inputs"), json=False),
        routes.MODEL_INVOCATIONS: mlflow,
        **({routes.INVOCATIONS: mlflow} if default else {}),
    }
    return [(route, routes.path(route, m=name, v=version), lane) for route, lane in lanes.items()]


def _sent(datatype: str, values: Sequence[Any]) -> Sequence[Any]:
    """The values that a tensor means, None being missing."""
    read = _READERS.get(datatype)
    if read is None:
        raise Unusual
    if datatype == "FP64" and {*map(type, values)} == {float}:
        return values
    return [read(value) for value in values]


_READERS = {
    "BOOL": value_reader("bool"),
    "BYTES": value_reader("string"),
    "FP32": value_reader("float32"),
    "FP64": value_reader("float64"),
    **{f"{sign.upper()}INT{bits}": value_reader(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
_SPLIT = "dataframe_split"
_JSON = frozenset({None, b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_ANYTHING = frozenset(
    {None, b"*/*", b"application/json", b"application/json, */*", b"application/json, text/plain, */*"}
)

"""The embedded endpoint, from afar."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import polars as pl

from nbdeploy.codecs.frames import CONTAINERS, container_of
from nbdeploy.connections import Connection, token_variable
from nbdeploy.errors import (
    Forbidden,
    NbdeployError,
    NotFound,
    RemoteError,
    Unauthenticated,
    Unreachable,
)
from nbdeploy.hints import typed
from nbdeploy.manifest import Manifest
from nbdeploy.store import Store, Version
from nbdeploy.tables import frames, open_source
from nbdeploy.targets.logged import LoggedRows
from nbdeploy.targets.results import CallResult, Push, TargetStatus, Undeployed
from nbdeploy.types import Progress, Report, check_name, ignore_progress
from nbdeploy.wire import routes
from nbdeploy.wire.client import ANSWER_SECONDS, Client
from nbdeploy.wire.messages import (
    PREPARING,
    CheckAnswer,
    Deploy,
    Deployment,
    DeploymentList,
    FeedbackAnswer,
    LogFacts,
    Offer,
    OfferAnswer,
    Truth,
)

__all__ = ["NbdeployTarget"]

_ARROW = "application/vnd.apache.arrow.stream"
_CHUNK = 100_000


class NbdeployTarget:
    """An endpoint that ``nbdeploy serve`` runs. See :class:`nbdeploy.targets.Target`.

    Parameters
    ----------
    connection : Connection
        Its address, and the token to send there.
    """

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name
        self.url = connection.url
        self._connection = connection

    @property
    def headers(self) -> dict[str, str]:
        """What a client of your own has to send: the bearer token, if there is one."""
        token = self._connection.bearer()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def push(
        self,
        store: Store,
        version: Version,
        deployment: str | None = None,
        new: bool = False,
        progress: Report = ignore_progress,
    ) -> Push:
        """Upload what the endpoint lacks, serve it, and return when it answers."""
        name = check_name(deployment or version.name, "deployment name")
        with self._client() as client:
            self._refuse_unknown(client, name, version.name, new)
            uploaded = _upload(client, store, store.manifest(version), progress)
            progress(Progress(message=f"{version} is loaded and proven at {self.name}"))
            order = Deploy(version.name, version.number, version.digest, new)
            state = client.ask("PUT", routes.path(routes.DEPLOYMENT, m=name), Deployment, order)
            while state.state == PREPARING:
                progress(Progress(message=f"{version} at {self.name}: {state.reason}"))
                state = client.ask("PUT", routes.path(routes.DEPLOYMENT, m=name), Deployment, order)
        if version.digest not in {serving.digest for serving in state.serving}:
            raise RemoteError(f"{self.name}/{name} says it serves {state.serving}, and not {version.digest}")
        return Push(
            self.name, self.url, name, str(version), version.digest, uploaded, state.state, tuple(state.serving)
        )

    def status(self) -> TargetStatus:
        """Say what serves there, or why that is not known."""
        try:
            with self._client(seconds=20) as client:
                found = client.ask("GET", routes.DEPLOYMENTS, DeploymentList)
        except NbdeployError as error:
            return TargetStatus(self.name, self.url, healthy=False, reason=str(error))
        failed = [deployment for deployment in found.deployments if deployment.state == "failed"]
        reason = "; ".join(f"{deployment.name}: {deployment.reason}" for deployment in failed)
        return TargetStatus(
            self.name, self.url, not failed, reason, tuple(found.deployments), found.log, usage=found.usage
        )

    def predict(self, deployment: str, data: Any, method: str | None = None) -> CallResult:
        """Predict rows in any container, or of a file; tables travel as Arrow, so that types survive."""
        path = routes.path(routes.PREDICT, m=check_name(deployment, "deployment name"))
        media_type, body = _body(data)
        headers = {"Content-Type": media_type, "Accept": _ARROW}
        with self._client() as client:
            answer = client.request("POST", path, body, headers, {"method": method} if method else None)
        frame = _table(answer.content, self.name)
        try:
            version, digest = int(answer.headers[routes.HEADER_VERSION]), answer.headers[routes.HEADER_DIGEST]
        except (KeyError, ValueError) as error:
            raise RemoteError(f"{self.name} did not say which version answered") from error
        prediction = answer.headers.get(routes.HEADER_PREDICTION, "")
        return CallResult(f"{self.name}/{deployment}", version, digest, prediction, frame)

    def sample(self, deployment: str) -> pl.DataFrame:
        """Return the rows that the served snapshot was rehearsed with."""
        path = routes.path(routes.SAMPLE, m=check_name(deployment, "deployment name"))
        with self._client() as client:
            return _table(client.request("GET", path, headers={"Accept": _ARROW}).content, self.name)

    def requests(
        self,
        deployment: str,
        since: timedelta | None = None,
        until: timedelta | None = None,
        **wanted: Any,
    ) -> LoggedRows:
        """Return rows that a deployment was asked, with its answers."""
        spans = {"since": since, "until": until}
        query = {name: span.total_seconds() for name, span in spans.items() if span is not None}
        query |= {name: value for name, value in wanted.items() if value}
        path = routes.path(routes.REQUESTS, m=check_name(deployment, "deployment name"))
        with self._client() as client:
            answer = client.request("GET", path, headers={"Accept": _ARROW}, query=query)
        try:
            facts = msgspec.json.decode(answer.headers.get(routes.HEADER_LOG, ""), type=LogFacts)
        except msgspec.MsgspecError as error:
            raise RemoteError(f"{self.name} did not say what its rows are: {error}") from error
        return LoggedRows(f"{self.name}/{deployment}", _table(answer.content, self.name), facts)

    def feedback(self, deployment: str, truths: Sequence[Truth]) -> FeedbackAnswer:
        """Tell what came true of predictions."""
        path = routes.path(routes.FEEDBACK, m=check_name(deployment, "deployment name"))
        with self._client() as client:
            return client.ask("POST", path, FeedbackAnswer, list(truths))

    def check(self, deployment: str) -> CheckAnswer:
        """Have the snapshot's sample answered, and compared with its certificate."""
        path = routes.path(routes.CHECK, m=check_name(deployment, "deployment name"))
        with self._client() as client:
            return client.ask("POST", path, CheckAnswer)

    def undeploy(self, deployment: str) -> Undeployed:
        """Serve a deployment no more."""
        with self._client() as client:
            client.ask(
                "DELETE", routes.path(routes.DEPLOYMENT, m=check_name(deployment, "deployment name")), Deployment
            )
        return Undeployed(self.name, deployment)

    @contextlib.contextmanager
    def _client(self, seconds: float | None = None) -> Iterator[Client]:
        """A client whose refusals say what to do about this target."""
        entry = self._connection
        with Client(self.url, entry.bearer(), seconds or ANSWER_SECONDS, entry.ca, entry.fingerprint) as client:
            try:
                yield client
            except Unauthenticated as error:
                raise Unauthenticated(f"{self.name}: {error}; {self._give_token()}", target=self.name) from error
            except Forbidden as error:
                raise Forbidden(f"{self.name}: {error}", target=self.name) from error
            except Unreachable as error:
                start = self._connection.home is not None
                step = (
                    f"start it with: {typed(f'serve --home {self._connection.home}')}"
                    if start
                    else f"check the address with: {typed(f'target check {self.name}')}"
                )
                raise Unreachable(f"{self.name}: {error}; {step}", target=self.name, url=self.url) from error

    def _give_token(self) -> str:
        variable = self._connection.token_env or token_variable(self.name)
        return f"put a valid one into the environment variable {variable}, or into targets.toml"

    def _refuse_unknown(self, client: Client, name: str, model: str, new: bool) -> None:
        """Say so before anything large is sent; the endpoint checks again."""
        if name == model or new:
            return
        known = [deployment.name for deployment in client.ask("GET", routes.DEPLOYMENTS, DeploymentList).deployments]
        if name not in known:
            raise NotFound(
                "deployment",
                f"{self.name}/{name}",
                [f"{self.name}/{one}" for one in known],
                hint="to make a new one, add --new",
            )


def _upload(client: Client, store: Store, manifest: Manifest, progress: Report) -> int:
    """Send the blobs that the endpoint lacks, then the snapshot; return how many bytes the blobs had."""
    path = routes.path(routes.SNAPSHOT, digest=manifest.digest)
    offer = Offer(**manifest.to_wire())
    answer = client.ask("PUT", path, OfferAnswer, offer)
    total = sum(manifest.blobs.get(digest, 0) for digest in answer.missing)
    sent = 0
    for digest in answer.missing:
        with TemporaryDirectory(prefix="nbdeploy-") as temporary:
            file = Path(temporary, digest)
            store.save_blob(digest, file)  # checked against its digest as it is read
            with _Reported(file, sent, total, progress) as body:
                client.request("PUT", routes.path(routes.BLOB, hex=digest), body)
            sent += file.stat().st_size
    if answer.missing:
        answer = client.ask("PUT", path, OfferAnswer, offer)
    if not answer.stored:
        raise RemoteError(f"{client.url} still lacks {len(answer.missing)} files of {manifest.name}; push again")
    return sent


class _Reported(io.FileIO):
    """A file as a body that tells how much of it was read."""

    def __init__(self, path: Path, before: int, total: int, progress: Report) -> None:
        super().__init__(path)
        self._before, self._total, self._progress = before, total, progress

    def read(self, size: int | None = -1) -> bytes:
        """Read, and tell."""
        piece = super().read(-1 if size is None else size)
        self._progress(Progress(self._before + self.tell(), self._total, "bytes", "uploading"))
        return piece or b""


def _body(data: Any) -> tuple[str, bytes]:
    """Rows as they are, with their media type; the endpoint fits them to the signature."""
    if isinstance(data, Path):
        source = open_source(data)
        frame = pl.concat([*frames(source, _CHUNK)])
        if source.text:
            return "text/csv", frame.write_csv().encode()
    else:
        frame = pl.DataFrame([part.series().alias(part.name) for part in CONTAINERS[container_of(data)].parts(data)])
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return _ARROW, buffer.getvalue()


def _table(content: bytes, target: str) -> pl.DataFrame:
    try:
        return pl.read_ipc_stream(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise RemoteError(f"{target} did not answer with a table: {error}") from error

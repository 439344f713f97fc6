"""An endpoint as others reach it: TLS, a prefix, pages of other origins, log and traces; and no secret anywhere."""

from __future__ import annotations

import hashlib
import http.server
import json
import logging
import os
import re
import shutil
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from nbdeploy import api
from nbdeploy.connections import Connection, Connections
from nbdeploy.errors import InvalidData, Unreachable, WrongUsage
from nbdeploy.serving import background
from nbdeploy.serving.guard.tls import fingerprint, secured
from nbdeploy.serving.guard.tokens import Tokens
from nbdeploy.serving.home import Home
from nbdeploy.serving.options import Options
from nbdeploy.serving.protocols.oip_grpc.messages import MESSAGES, SERVICE
from nbdeploy.settings import Settings
from nbdeploy.store import Store
from nbdeploy.targets import connect
from tests.serving.guard.conftest import Certificates

PREDICT = "/models/churn/predict"
ROW = {"age": 1, "balance": 0}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CHOSEN = "s3cr3t-chosen-by-an-operator-0123456789"


class Collector(http.server.ThreadingHTTPServer):
    """What OpenTelemetry sends its spans to."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        super().__init__(("127.0.0.1", 0), _Collecting)


class _Collecting(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server: Any = self.server
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Exposed(NamedTuple):
    """An endpoint in the background, and what watches it."""

    url: str
    home: Path
    connection: Connection
    collector: Collector
    ca: str
    grpc: str

    def ask(self, method: str, path: str, token: str | None = "", **more: Any) -> requests.Response:
        secret = self.connection.token if token == "" else token
        headers = {**({"Authorization": f"Bearer {secret}"} if secret else {}), **more.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, verify=self.ca, timeout=60, **more)

    def logged(self, request: str, lines: int = 1) -> list[dict[str, Any]]:
        """The lines of this request, once there are as many: an answer may arrive before its line is written."""

        def look() -> list[dict[str, Any]] | None:
            whole = (self.home / "server.log").read_text().rpartition("\n")[0]
            told = map(json.loads, whole.splitlines())
            mine = [line for line in told if line.get("request_id") == request]
            found = [line for line in mine if line["logger"] == "nbdeploy.access"]  # gRPC's own warnings are others
            return found if len(found) >= lines else None

        found: list[dict[str, Any]] = eventually(look)
        return found


@pytest.fixture(scope="module")
def exposed(
    snapshots: Store, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exposed]:
    """One endpoint with everything on, that serves `churn`."""
    folder = tmp_path_factory.mktemp("exposed")
    settings = Settings.load(folder, {"NBDEPLOY_HOME": str(folder / "user")})
    options = Options(
        port=0,
        grpc_port=0,
        certfile=str(certificates.certificate),
        keyfile=str(certificates.key),
        root_path="/team/models-here",
        cors=["https://app.team"],
        log_format="json",
        access_log=True,
    )
    collector = Collector()
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_address[1]}")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        endpoint = background.start(folder / "endpoint", settings, options)
    try:
        connection = Connections(settings.home).get(endpoint.target)
        connect(connection).push(snapshots, snapshots.resolve("churn:1"))
        authority = str(certificates.authority)
        yield Exposed(endpoint.url, folder / "endpoint", connection, collector, authority, endpoint.grpc)
    finally:
        background.stop(folder / "endpoint")
        collector.shutdown()
        collector.server_close()


def test_a_certificate_is_trusted_by_its_authority_or_for_what_it_is(exposed: Exposed) -> None:
    """Its own machine knows it by its fingerprint, others by a file; nobody else trusts it."""
    assert exposed.url.startswith("https://127.0.0.1:")
    assert connect(exposed.connection).status().healthy
    elsewhere = Connection("prod", exposed.url.replace("127.0.0.1", "localhost"), token=exposed.connection.token)
    assert connect(replace(elsewhere, ca=exposed.ca)).status().healthy
    for stranger in (elsewhere, replace(elsewhere, fingerprint="ab" * 32)):
        with pytest.raises(Unreachable, match=r"not trusted here.*target add NAME URL --ca FILE"):
            connect(stranger).sample("churn")
    with pytest.raises(requests.ConnectionError):
        requests.get(exposed.url.replace("https", "http") + "/ping", timeout=10)


def test_a_renewed_certificate_is_taken_while_it_runs(
    run: Any, certificates: Certificates, tmp_path: Path, snapshots: Store
) -> None:
    """By HTTP and gRPC, as soon as its key is there too; its own machine knows it, and nobody is cut off."""
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    for file, source in ((chain, certificates.certificate), (key, certificates.key)):
        shutil.copy(source, file)
    with run(certfile=str(chain), keyfile=str(key), grpc_port=0, workers=2) as place:
        place.target.push(snapshots, snapshots.resolve("churn:1"))
        with requests.Session() as session:
            session.verify, session.trust_env = str(certificates.authority), False
            assert session.get(f"{place.url}/ping", timeout=30).status_code == 200
            chain.write_bytes(certificates.authority.read_bytes())
            time.sleep(1.5)
            assert place.target.status().healthy  # a certificate without its key changes nothing
            shutil.copy(certificates.key.with_name("other.key"), key)
            eventually(lambda: presented(place.url) == presented(place.endpoint.grpc) == fingerprint(str(chain)))
            eventually(lambda: connect(Connections(tmp_path / "user").get(place.endpoint.target)).status().healthy)
            for _ in range(8):
                assert presented(place.url) == fingerprint(str(chain))
            assert session.get(f"{place.url}/ping", timeout=30).status_code == 200


def presented(place: str) -> str:
    """The fingerprint of the certificate that a server shows."""
    host, _, port = place.rpartition("//")[2].partition(":")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, int(port))))).hexdigest()


def test_a_target_is_added_with_the_file_of_its_authority(
    exposed: Exposed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its path holds wherever it is used from; one that is no file is refused."""
    url = exposed.url.replace("127.0.0.1", "localhost") + "/team/models-here"
    monkeypatch.setenv("PROD", str(exposed.connection.token))
    monkeypatch.chdir(Path(exposed.ca).parent)
    api.target_add("prod", url, token_env="PROD", ca=Path(exposed.ca).name)
    monkeypatch.chdir(tmp_path)
    assert api.target_check("prod")
    assert api.call("prod/churn").document()["version"] == 1
    with pytest.raises(InvalidData, match="no file"):
        api.target_add("other", url, ca="nowhere.pem")


def test_certificates_that_cannot_be_used_are_refused_before_it_listens(certificates: Certificates) -> None:
    """With the reason, and without asking anybody for a password."""
    folder = certificates.key.parent
    wrong = {
        (certificates.certificate, folder / "nowhere.key"): "no file",
        (certificates.certificate, folder / "other.key"): "belongs to another certificate",
        (certificates.certificate, folder / "locked.key"): "encrypted",
        (certificates.certificate, ""): "--keyfile",
        (certificates.key, certificates.key): "cannot be used",
    }
    for (certificate, key), reason in wrong.items():
        with pytest.raises(WrongUsage, match=reason):
            secured(str(certificate), str(key))
    with pytest.raises(InvalidData, match="--certfile"):
        Options(keyfile=str(certificates.key))


def test_routes_are_found_below_the_prefix_and_without_it(exposed: Exposed) -> None:
    """A proxy may take the prefix away or leave it."""
    for path in (PREDICT, f"/team/models-here{PREDICT}"):
        assert exposed.ask("POST", path, json=[ROW]).status_code == 200
    assert exposed.ask("POST", f"/team/other{PREDICT}", json=[ROW]).status_code == 404
    with pytest.raises(InvalidData, match="/team/models"):
        Options(root_path="team/")


def test_pages_of_other_origins_may_ask_only_where_that_was_said(exposed: Exposed, shared: Any) -> None:
    """And never to change what is served."""
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}

    def allowed(place: Any, origin: str, method: str = "POST") -> str | None:
        asked = {**wanted, "Origin": origin, "Access-Control-Request-Method": method}
        answer = place.ask("OPTIONS", PREDICT, token=None, headers=asked)
        header: str | None = answer.headers.get("Access-Control-Allow-Origin")
        return header if answer.status_code == 200 else None

    assert allowed(exposed, "https://app.team") == "https://app.team"
    assert allowed(exposed, "https://evil.example") is None
    assert allowed(exposed, "https://app.team", "DELETE") is None
    assert allowed(shared, "https://app.team") is None
    answer = exposed.ask("POST", PREDICT, json=[ROW], headers={"Origin": "https://app.team"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.team"
    assert "x-nbdeploy-version" in answer.headers["Access-Control-Expose-Headers"]
    with pytest.raises(InvalidData, match="origin"):
        Options(cors=["app.team/page"])


def test_a_request_keeps_its_id_and_its_trace(exposed: Exposed) -> None:
    """In the answer, in each line of the log, and in the span that OpenTelemetry gets."""
    sent = {"x-request-id": "order-17", "traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1"}
    answer = exposed.ask("POST", PREDICT, json=[ROW], headers=sent)
    assert answer.headers["x-request-id"] == "order-17"
    trace, span = answer.headers["traceresponse"].split("-")[1:3]
    assert (trace, span != SPAN) == (TRACE, True)
    line = exposed.logged("order-17")[0]
    assert (line["trace_id"], line["route"], line["status"]) == (TRACE, PREDICT.replace("churn", "{m}"), 200)
    assert (line["deployment"], line["version"], line["rows"], line["caller"]) == ("churn", 1, 1, "owner")
    found = eventually(lambda: [s for s in exposed.collector.spans if s.span_id.hex() == span])[0]
    assert (found.trace_id.hex(), found.parent_span_id.hex()) == (TRACE, SPAN)
    assert (found.name, found.trace_state) == ("POST /models/{m}/predict", "vendor=1")
    facts = {a.key: a.value.string_value or a.value.int_value for a in found.attributes}
    assert facts["nbdeploy.deployment"] == "churn"
    assert facts["http.response.status_code"] == 200


def test_grpc_is_encrypted_watched_and_guarded_as_http_is(exposed: Exposed) -> None:
    """One certificate, one line in the log, one span; and a token sees its own models only."""

    def ask(channel: Any, method: str, secret: str | None, **fields: Any) -> Any:
        message = MESSAGES[f"{method}Request"](**fields)
        metadata = [("x-request-id", "order-18"), ("traceparent", f"00-{TRACE}-{SPAN}-01")]
        metadata += [("authorization", f"Bearer {secret}")] if secret else []
        call = channel.unary_unary(f"/{SERVICE}/{method}")
        body = call(message.SerializeToString(), metadata=metadata, timeout=20)
        return MESSAGES[f"{method}Response"].FromString(body)

    credentials = grpc.ssl_channel_credentials(Path(exposed.ca).read_bytes())
    address = exposed.grpc.replace("127.0.0.1", "localhost")
    other = Tokens(exposed.home).create("other-only", "deploy", None, ["other*"])[0]
    with grpc.secure_channel(address, credentials) as channel:
        assert ask(channel, "ServerReady", None).ready
        assert ask(channel, "ModelMetadata", exposed.connection.token, name="churn").name == "churn"
        for secret, name, code, told in (
            (other, "churn", grpc.StatusCode.PERMISSION_DENIED, "not for 'churn'"),
            (other, "other-1", grpc.StatusCode.NOT_FOUND, "no deployment 'other-1'"),
            ("nbd_" + "w" * 43, "churn", grpc.StatusCode.UNAUTHENTICATED, "unknown or was revoked"),
            (exposed.connection.token, other, grpc.StatusCode.NOT_FOUND, "[secret]"),
        ):
            with pytest.raises(grpc.RpcError) as error:
                ask(channel, "ModelMetadata", secret, name=name)
            assert (error.value.code(), told in error.value.details()) == (code, True)
            assert secret == exposed.connection.token or "'churn'" not in error.value.details().partition("not for")[0]
    with grpc.insecure_channel(exposed.grpc) as plain, pytest.raises(grpc.RpcError):
        ask(plain, "ServerLive", None)
    lines = exposed.logged("order-18", 6)
    assert {line["route"] for line in lines} == {f"{SERVICE}/ServerReady", f"{SERVICE}/ModelMetadata"}
    assert {line["status"] for line in lines} == {200, 401, 403, 404}
    names = {span.name for span in eventually(lambda: [s for s in exposed.collector.spans if "gRPC" in s.name])}
    assert f"gRPC {SERVICE}/ServerReady" in names


def test_messages_of_strangers_are_not_read(exposed: Exposed) -> None:
    """However large they are: 160 MB of them leave the endpoint's memory as it is."""
    running = Home(exposed.home).running()
    assert running is not None
    peak = re.compile(r"VmHWM:\s+(\d+) kB")
    status = Path("/proc", str(running.pid), "status")
    before = int(peak.findall(status.read_text())[0])
    credentials = grpc.ssl_channel_credentials(Path(exposed.ca).read_bytes())
    body = b"\0" * 40_000_000
    options = [("grpc.max_send_message_length", -1)]
    address = exposed.grpc.replace("127.0.0.1", "localhost")
    with grpc.secure_channel(address, credentials, options) as channel:
        call = channel.unary_unary(f"/{SERVICE}/ModelInfer")
        for answer in [call.future(body, timeout=60) for _ in range(4)]:
            assert answer.code() == grpc.StatusCode.UNAUTHENTICATED
    assert int(peak.findall(status.read_text())[0]) - before < 40_000


@pytest.mark.parametrize("sent", ["", "a b", "x" * 200, "é", '"},{"level":"error'])
def test_an_id_that_could_be_mistaken_in_a_log_is_replaced(exposed: Exposed, sent: str) -> None:
    """A caller writes no lines of ours."""
    answer = exposed.ask("GET", "/ping", token=None, headers={"x-request-id": sent.encode()})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_no_secret_is_seen_anywhere(exposed: Exposed, tmp_path: Path) -> None:
    """Whatever goes wrong with it, and wherever a client puts it: answers, log, metrics, spans and files."""
    tokens = Tokens(exposed.home)
    known = {name: tokens.create(name, "read")[0] for name in ("reader", "gone", "turned")}
    tokens.revoke("gone")
    known["new"] = tokens.rotate("turned")[0]
    tokens.accept([("chosen", "predict", CHOSEN)])
    secrets = [*known.values(), CHOSEN, "nbd_" + "w" * 43, str(exposed.connection.token)]
    answers = []
    for secret in secrets:
        answers += [
            exposed.ask("GET", "/api/deployments", token=secret),
            exposed.ask("POST", PREDICT, token=secret, json=[ROW]),
            exposed.ask("PUT", "/api/deployments/churn", token=secret, data=b"{"),
            exposed.ask("GET", "/metrics", token=None, headers={"Authorization": f"Basic {secret}"}),
            exposed.ask("GET", f"/ping?token={secret}", token=None),
            exposed.ask("GET", f"/nowhere?token={secret}", token=secret),
        ]
        if secret != CHOSEN:  # a token of ours is known by its look, also where nobody would expect one
            answers += [
                exposed.ask("POST", f"/models/{secret}/predict", json=[ROW]),
                exposed.ask("GET", f"/{secret}"),
                exposed.ask("POST", PREDICT, json=[{secret: 1}]),
                exposed.ask("POST", PREDICT, json=[{"age": secret, "balance": 0}]),
                exposed.ask("POST", f"{PREDICT}?method={secret}", json=[ROW]),
            ]
    assert {answer.status_code for answer in answers} >= {200, 400, 401, 403, 404}
    eventually(lambda: len(exposed.collector.spans) >= len(answers))
    seen = {f"answer {answer.status_code}": answer.text + str(answer.headers) for answer in answers}
    seen["metrics"] = exposed.ask("GET", "/metrics").text
    seen["spans"] = str(exposed.collector.spans)
    files = [path for path in exposed.home.rglob("*") if path.is_file()]
    seen |= {str(path): path.name + path.read_bytes().decode("latin-1") for path in files}
    assert any(name.endswith("server.log") for name in seen)
    assert [(name, secret) for name, text in seen.items() for secret in secrets if secret in text] == []


def test_an_exposed_port_without_tls_is_warned_of(run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Tokens would travel in the clear."""
    Tokens(tmp_path / "endpoint").create("team", "deploy")
    with caplog.at_level(logging.WARNING), run(host="0.0.0.0"):
        assert "tokens travel in the clear" in caplog.text


def eventually(look: Any, seconds: float = 20.0) -> Any:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.05)
    return found


def test_without_being_asked_nothing_is_exported() -> None:
    """Nothing is exported unless the environment says where."""
    from nbdeploy.serving.watching.tracing import tracer

    assert tracer({}) is None
    assert tracer({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}) is None
    assert os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") is None

"""The first process of an endpoint: hold the home, listen, register, supervise until told to stop.

``python -m nbdeploy.serving.server --home DIR --connections DIR`` is what runs in the background.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.connections import Connections
from nbdeploy.errors import Conflict, Forbidden, NbdeployError, WrongUsage
from nbdeploy.hints import typed
from nbdeploy.serving.guard.tls import Renewal, fingerprint, secured
from nbdeploy.serving.guard.tokens import Tokens
from nbdeploy.serving.home import Home, Running, began
from nbdeploy.serving.options import SECRETS, Options
from nbdeploy.serving.registration import register
from nbdeploy.serving.results import Endpoint
from nbdeploy.serving.supervisor.supervisor import Supervisor
from nbdeploy.serving.watching.logs import set_up
from nbdeploy.version import __version__
from nbdeploy.zygote import Zygote

__all__ = ["Server", "main", "serve"]

_log = logging.getLogger(__name__)

_CUT_OFF_SECONDS = 5.0
_RENEWAL_SECONDS = 1.0


class Server:
    """An endpoint that :meth:`run` serves in the calling thread.

    Parameters
    ----------
    home : Path
        The folder of its state.
    options : Options
        Where it listens and what it lets in.
    connections : Connections, optional
        Where it registers itself; nowhere if not given.
    output : int, optional
        An open file for what its workers log; this process's standard output and error if not given.
    nursery : Zygote, optional
        What the processes of versions are forked from; one of its own if not given.

    Attributes
    ----------
    supervisor : Supervisor or None
        Its other processes, once they are started.
    """

    def __init__(
        self,
        home: Path,
        options: Options,
        connections: Connections | None = None,
        output: int | None = None,
        nursery: Zygote | None = None,
    ) -> None:
        self._home, self._output, self._nursery = Home(home), output, nursery
        self._options = options
        self._connections = connections
        self._stopped = threading.Event()
        self.supervisor: Supervisor | None = None

    def run(self, on_ready: Callable[[Endpoint], None] = lambda _: None) -> Endpoint:
        """Serve until :meth:`stop`, SIGTERM or Ctrl-C.

        Parameters
        ----------
        on_ready : callable
            Called once, when it answers.

        Returns
        -------
        Endpoint
            What ran.

        Raises
        ------
        Conflict
            If another server holds the home, or the port is taken.
        WrongUsage
            If other machines could reach it and it has no token.
        """
        if self._options.certfile:
            secured(self._options.certfile, self._options.keyfile)
        with (
            self._home.held(),
            _listening(self._options, self._home.cut_off) as listener,
            _reserved(self._options) as options,
        ):
            tokens = Tokens(self._home.folder)
            tokens.accept(list(_given(options)))
            _refuse_exposure(options, tokens)
            running = self._running(listener.getsockname()[1], options.grpc_port, tokens)
            endpoint = Endpoint.of(running, str(self._home.folder), started=True)

            def ready() -> None:
                self._home.announce(running)
                on_ready(replace(endpoint, serves=supervisor.releases.serving))

            self.supervisor = supervisor = Supervisor(self._home, options, listener, self._output, self._nursery)
            try:
                with _ended_by_signals(self.stop):
                    supervisor.start()
                    ready()
                    self._wait(options.grpc_port, listener.getsockname()[1], tokens)
            finally:
                supervisor.stop()
                self._home.depart()
        return endpoint

    def stop(self) -> None:
        """Let :meth:`run` finish what it answers and return. From any thread."""
        self._stopped.set()

    def _wait(self, grpc_port: int | None, port: int, tokens: Tokens) -> None:
        """Wait for the end; a certificate that was renewed is made known to clients on this machine."""
        if not self._options.certfile:
            self._stopped.wait()
            return
        renewal = Renewal(self._options.certfile, self._options.keyfile)
        while not self._stopped.wait(_RENEWAL_SECONDS):
            if renewal.pair() is not None:
                self._home.announce(self._running(port, grpc_port, tokens))
                _log.info("the certificate was renewed: %s", self._options.certfile)

    def _running(self, port: int, grpc_port: int | None, tokens: Tokens) -> Running:
        certfile, host = self._options.certfile, _reachable(self._options.host)
        url, grpc = (
            f"{'https' if certfile else 'http'}://{host}:{port}",
            "" if grpc_port is None else f"{host}:{grpc_port}",
        )
        known_by = fingerprint(certfile) if certfile else None
        target = ""
        if self._connections is not None:
            target = register(self._home, url, port, self._connections, tokens, known_by).name
        pid = os.getpid()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return Running(pid, began(pid), url, started, __version__, target, known_by, grpc)


def serve(
    home: Path,
    options: Options | None = None,
    connections: Connections | None = None,
    on_ready: Callable[[Endpoint], None] = lambda _: None,
) -> Endpoint:
    """Serve in the foreground until SIGTERM or Ctrl-C. See :class:`Server`."""
    return Server(home, options or Options(), connections).run(on_ready)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve as a process of its own; its output is the log."""
    parser = argparse.ArgumentParser(prog="python -m nbdeploy.serving.server", description=serve.__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--connections", type=Path, help="the folder of targets.toml")
    parser.add_argument("--options", default="{}", help="the fields of Options as JSON")
    given = parser.parse_args(arguments)
    try:
        secrets: dict[str, Any] = {name: os.environ.pop(variable, "") for name, variable in SECRETS.items()}
        options = replace(msgspec.json.decode(given.options, type=Options), **secrets)
        set_up(options.log_format)
        serve(given.home, options, Connections(given.connections) if given.connections else None)
    except NbdeployError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


@contextlib.contextmanager
def _listening(options: Options, cut_off: bool) -> Iterator[socket.socket]:
    """Listen; workers whose supervisor was killed hold the port for a moment."""
    deadline = time.monotonic() + (_CUT_OFF_SECONDS if cut_off else 0)
    while True:
        try:
            bound = _bound(options.host, options.port, "--port")
            break
        except Conflict:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    with bound as listener:
        listener.listen(2048)
        yield listener


@contextlib.contextmanager
def _reserved(options: Options) -> Iterator[Options]:
    """Hold the port of gRPC, which is bound by each process that serves it, and say which it is."""
    if options.grpc_port is None:
        yield options
        return
    # Shared ports can be taken twice: that nobody has it is seen only without sharing.
    with _bound(options.host, options.grpc_port, "--grpc-port") as alone:
        port = alone.getsockname()[1]
    with _bound(options.host, port, "--grpc-port", shared=True):
        yield replace(options, grpc_port=port)


def _bound(host: str, port: int, option: str, *, shared: bool = False) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT if shared else socket.SO_REUSEADDR, 1)
        if bound.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host.strip("[]"), port))
        if not shared:
            bound.listen()
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or error
        raise Conflict(
            f"cannot listen on {host}:{port}: {reason}; take another port with {option}, or any with 0",
            host=host,
            port=port,
        ) from error
    return bound


def _given(options: Options) -> Iterator[tuple[str, str, str]]:
    """The secrets in files, under names that tell which."""
    for number, given in enumerate(options.token_files, 1):
        scope, _, path = given.partition("=")
        try:
            yield f"file-{number}-{scope}", scope, Path(path).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUsage(
                f"the token in {path} cannot be read: {getattr(error, 'strerror', None) or error}"
            ) from None


def _refuse_exposure(options: Options, tokens: Tokens) -> None:
    if options.local:
        return
    if options.anonymous:
        raise WrongUsage(f"--anonymous is for 127.0.0.1 only, and {options.host} can be reached from other machines")
    if not tokens.all():
        raise Forbidden(
            f"{options.host} can be reached from other machines, and this endpoint has no token yet; "
            f"make one first: {typed('token create NAME --scope deploy')}"
        )
    if not options.certfile:
        _log.warning(
            "%s can be reached from other machines without TLS, so tokens travel in the clear; "
            "give --certfile and --keyfile, or let only a proxy with TLS reach it",
            options.host,
        )


def _reachable(host: str) -> str:
    """An address of this machine that a client on it can use."""
    bare = host.strip("[]")
    if bare in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared, not bound
        return "127.0.0.1" if bare != "::" else "[::1]"
    return f"[{bare}]" if ":" in bare else bare


@contextlib.contextmanager
def _ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Only the first thread of a program can be told; elsewhere whoever started it stops it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop()) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    raise SystemExit(main())

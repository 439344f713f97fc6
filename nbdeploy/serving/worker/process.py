"""What an HTTP worker does, from its fork to its end."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvicorn

from nbdeploy.serving import messages
from nbdeploy.serving.app import GRACE_SECONDS, application
from nbdeploy.serving.fast.protocol import swift
from nbdeploy.serving.guard.tls import Renewal
from nbdeploy.serving.home import Home
from nbdeploy.serving.link import Gone, Link
from nbdeploy.serving.options import Options
from nbdeploy.serving.protocols.table import PROTOCOLS
from nbdeploy.serving.service import Service
from nbdeploy.serving.watching.logs import set_up
from nbdeploy.serving.watching.metrics import FLUSH_SECONDS
from nbdeploy.serving.worker.deployments import Served
from nbdeploy.serving.worker.model import Model
from nbdeploy.zygote import Serve

__all__ = ["Control", "prepare"]

_log = logging.getLogger(__name__)

FAREWELL_SECONDS = 0.7
BEAT_SECONDS = 1.0
_SWITCH_SECONDS = 0.001
"""How long the event loop waits at most until a thread that computes lets it go on."""
_SHARE = 0.75
"""Of the time that a request may take: a process that is silent so long is ended, and others are answered."""


def prepare(home: Path, options: Options, listener: int) -> Serve:
    """Import what all workers share, and return what each does."""
    set_up(options.log_format)
    sys.setswitchinterval(_SWITCH_SECONDS)
    for name in PROTOCOLS:
        PROTOCOLS[name]

    def serve(connection: Connection) -> None:
        with socket.socket(fileno=listener) as taken:
            Control(Home(home), options, Link(connection)).run(taken)

    return serve


class Control:
    """A worker's side of the line to the supervisor.

    Parameters
    ----------
    home : Home
        The endpoint's state.
    options : Options
        What it lets in.
    link : Link
        To the supervisor.
    """

    def __init__(self, home: Home, options: Options, link: Link) -> None:
        self._link = link
        self._seconds = _SHARE * options.timeout
        self._models: dict[str, Model] = {}
        self._orders: dict[int, Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._service = Service(home, options, self)
        self._renewal = Renewal(options.certfile, options.keyfile) if options.certfile else None
        self._server = _Uvicorn(_config(self._service), lambda: self._tell(messages.Listening()))

    def run(self, listener: socket.socket) -> None:
        """Serve until the supervisor says otherwise, or has ended."""
        self._server.run(sockets=[listener])

    def order(self, what: str, *arguments: Any) -> Any:
        """Have the supervisor do something, and wait for what comes of it; not in the event loop."""
        number = next(self._numbers)
        reply: Future[Any] = Future()
        self._orders[number] = reply
        self._tell(messages.Order(number, what, arguments))
        value = reply.result()
        if isinstance(value, Exception):
            raise value
        return value

    def note(self, topic: str, content: Any) -> None:
        """Tell whoever listens to a topic at the supervisor."""
        self._tell(messages.Note(topic, content))

    async def begin(self) -> None:
        """In the event loop, before requests are taken: learn what serves."""
        self._loop = asyncio.get_running_loop()
        self._known = asyncio.Event()
        threading.Thread(target=self._listen, name="control", daemon=True).start()
        self._beat()
        self._count()
        await self._known.wait()

    # -- parts -----------------------------------------------------------------------------------

    def _beat(self) -> None:
        self._tell(messages.Beat())
        if self._renewal is not None and self._server.config.ssl is not None:
            self._renewal.renew(self._server.config.ssl)
        self._loop.call_later(BEAT_SECONDS, self._beat)

    def _count(self) -> None:
        """Show how many requests wait, as often as other counts are shown."""
        self._service.metrics.wait({model.place: model.processes.waiting for model in self._models.values()})
        self._loop.call_later(FLUSH_SECONDS, self._count)

    def _tell(self, message: object) -> None:
        try:
            self._link.send(message)
        except Gone:
            _log.debug("the supervisor has ended")

    def _listen(self) -> None:
        """Do what the supervisor says, in order. What takes long is done here, the rest in the event loop."""
        try:
            while True:
                message, sockets = self._link.receive()
                if isinstance(message, messages.Load):
                    self._load(message)
                elif isinstance(message, messages.Reply):
                    self._orders.pop(message.number).set_result(message.value)
                else:
                    self._loop.call_soon_threadsafe(self._obey, message, sockets)
        except Gone:
            pass
        except Exception:
            _log.exception("what the supervisor says is not understood, so this worker ends")
        self._farewell()

    def _load(self, message: messages.Load) -> None:
        try:
            model = Model(
                message.version,
                self._seconds,
                lambda key, number: self._tell(messages.Silent(key, number)),
                self._service.metrics.called,
            )
        except Exception as error:
            _log.exception("%s cannot be read", message.version.key)
            self._tell(messages.Ack(message.turn, f"{type(error).__name__}: {error}"))
            return

        def loaded() -> None:
            before = self._models.get(model.key)
            self._models[model.key] = model
            if before is not None:
                before.drop()
            self._tell(messages.Ack(message.turn))

        self._loop.call_soon_threadsafe(loaded)

    def _obey(self, message: Any, sockets: list[socket.socket]) -> None:
        if isinstance(message, messages.Table):
            pairs = message.deployments.items()
            self._service.deployments.install(
                {name: Served(state, self._models.get(key or "")) for name, (state, key) in pairs}
            )
            self._known.set()
            self._tell(messages.Ack(message.turn))
        elif isinstance(message, messages.Stop):
            self._server.should_exit = True
        elif isinstance(message, messages.Line):
            self._connect(message, sockets[0])
        elif message.key in self._models:
            self._change(message)

    def _connect(self, message: messages.Line, line: socket.socket) -> None:
        if message.key not in self._models:
            line.close()
            return
        task = self._loop.create_task(self._models[message.key].processes.connect(message.process, line))
        self._connecting = task  # the loop itself keeps only a weak reference

    def _change(self, message: messages.Leave | messages.Unready | messages.Drop) -> None:
        model = self._models[message.key]
        if isinstance(message, messages.Leave):
            model.processes.leave(message.process)
        elif isinstance(message, messages.Unready):
            model.processes.unready(message.reason)
        else:
            del self._models[message.key]
            model.drop()

    def _farewell(self) -> None:
        """The supervisor was killed: answer what is asked, for a moment, and end with it."""
        self._server.should_exit = True
        threading.Event().wait(FAREWELL_SECONDS)
        os._exit(1)


class _Uvicorn(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()


def _config(service: Service) -> uvicorn.Config:
    return uvicorn.Config(
        application(service),
        loop="uvloop",
        http=swift(service.options.patience),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=service.options.certfile or None,
        ssl_keyfile=service.options.keyfile or None,
    )

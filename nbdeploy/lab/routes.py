"""The panel's routes. Each parses, calls one function of :mod:`nbdeploy.api` and answers with its document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import tornado.web
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join

from nbdeploy.errors import InvalidData, NbdeployError
from nbdeploy.lab.paths import file_below, path_below
from nbdeploy.settings import Settings
from nbdeploy.wire.statuses import status_of

__all__ = ["handlers"]

B = TypeVar("B")


class RunOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A notebook to run. Texts among the values are read by the types that the notebook declares."""

    notebook: str
    parameters: Mapping[str, Any] = {}
    output: str = ""


class PushOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A snapshot to push, and the notebook whose settings are in force."""

    ref: str
    to: str | None = None
    new: bool = False
    notebook: str = ""


class Route(APIHandler):
    """Answers with documents, or with ``{"error": …}``; the work is done off the event loop."""

    auth_resource = "nbdeploy"

    async def answer(self, work: Callable[[], Any]) -> None:
        """Do the work in a thread, and write what it returns."""
        try:
            document = await asyncio.to_thread(work)
        except NbdeployError as error:
            self.set_status(status_of(error))
            document = {"error": str(error)}
        await self.finish(msgspec.json.encode(document, enc_hook=str))

    @property
    def root(self) -> Path:
        """The folder that JupyterLab shows."""
        return Path(self.settings["server_root_dir"]).expanduser()

    def notebook(self) -> str:
        """The path of the open notebook, as the query gives it."""
        return str(self.get_query_argument("notebook", "", strip=False))

    def settings_for(self, notebook: str) -> Settings:
        """The settings in force for a notebook, as its kernel would find them."""
        return Settings.load(file_below(self.root, notebook).parent if notebook else self.root)

    def order(self, kind: type[B]) -> B:
        """The body of the request.

        Raises
        ------
        InvalidData
            If it is not JSON of this kind.
        """
        try:
            return msgspec.json.decode(self.request.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidData(f"the request is not understood: {error}") from error


class Snapshots(Route):
    """The snapshots in the store."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """List them."""
        await self.answer(self.list_snapshots)

    def list_snapshots(self) -> Any:
        """See `nbdeploy.api.list_snapshots`."""
        from nbdeploy import api

        return api.list_snapshots(settings=self.settings_for(self.notebook())).document()


class Targets(Route):
    """The targets, and what serves there."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """List them."""
        await self.answer(self.status)

    def status(self) -> Any:
        """See `nbdeploy.api.status`."""
        from nbdeploy import api

        return api.status(settings=self.settings_for(self.notebook())).document()


class Parameters(Route):
    """The parameters of a notebook."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """List them."""
        await self.answer(self.parameters)

    def parameters(self) -> Any:
        """See `nbdeploy.api.parameters`."""
        from nbdeploy import api

        return api.parameters(file_below(self.root, self.notebook())).document()


class Runs(Route):
    """The runs of notebooks."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """List them."""
        await self.answer(self.runs)

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Start one, and answer while it runs."""
        await self.answer(self.run)

    def runs(self) -> Any:
        """See `nbdeploy.api.runs`."""
        from nbdeploy import api

        documents = api.runs(settings=self.settings_for(self.notebook())).document()
        return [self._with_link(document) for document in documents]

    def run(self) -> Any:
        """See `nbdeploy.api.run`."""
        from nbdeploy import api

        order = self.order(RunOrder)
        notebook = file_below(self.root, order.notebook)
        folder = order.notebook.rpartition("/")[0]
        run = api.run(
            notebook,
            {name: _typed(value) for name, value in order.parameters.items()},
            output=file_below(self.root, f"{folder}/{order.output}") if order.output else None,
            wait=False,
            settings=self.settings_for(order.notebook),
        )
        return self._with_link(run.document())

    def _with_link(self, document: dict[str, Any]) -> dict[str, Any]:
        """Say where the executed notebook opens in JupyterLab, once it is there."""
        output = Path(document["output"])
        return document | {"opens": path_below(self.root, output) if output.exists() else None}


class Push(Route):
    """The way of a snapshot to a target."""

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Push, and answer when it serves."""
        await self.answer(self.push)

    def push(self) -> Any:
        """See `nbdeploy.api.push`."""
        from nbdeploy import api

        order = self.order(PushOrder)
        settings = self.settings_for(order.notebook)
        return api.push(order.ref, to=order.to, new=order.new, settings=settings).document()


def _typed(value: Any) -> Any:
    """What stands in a field of a form: text, whose ``{{ words }}`` mean this moment."""
    from nbdeploy.batch import Text
    from nbdeploy.batch.parameters.words import meant, render

    if not isinstance(value, str):
        return value
    return Text(render(value, meant()) if "{{" in value else value)


def handlers(base_url: str) -> list[tuple[str, type[Route]]]:
    """The routes below a server's base address."""
    table: dict[str, type[Route]] = {
        "snapshots": Snapshots,
        "targets": Targets,
        "parameters": Parameters,
        "runs": Runs,
        "push": Push,
    }
    return [(url_path_join(base_url, "nbdeploy", "api", name), route) for name, route in table.items()]

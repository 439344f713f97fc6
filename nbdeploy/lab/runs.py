"""The panel's routes of runs: parameters, list, begin, log, stop, go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import tornado.web
from jupyter_server.auth.decorator import authorized

from nbdeploy.errors import InvalidData
from nbdeploy.lab.paths import file_below
from nbdeploy.lab.route import Route

__all__ = ["Log", "Parameters", "Resumption", "Runs", "Stop"]


class RunOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A notebook to run. Texts among the values are read by the types that the notebook declares."""

    notebook: str
    parameters: Mapping[str, Any] = {}
    output: str = ""


class StopOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run to stop, what it then counts as, and the notebook whose settings are in force."""

    run: str
    ends_as: str = "stopped"
    notebook: str = ""


class ResumeOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run to go on with, and the notebook whose settings are in force."""

    run: str
    notebook: str = ""


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
        return [self.linked(document) for document in documents]

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
        return self.linked(run.document())


class Log(Route):
    """What a run's log says after a position."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Read on."""
        await self.answer(self.part)

    def part(self) -> Any:
        """See `nbdeploy.api.runs.log_part`."""
        from nbdeploy.api.runs import log_part

        run, position = self.get_query_argument("run"), self.get_query_argument("position", "0")
        if not position.isdecimal():
            raise InvalidData(f"the request is not understood: position {position!r} is no number of bytes")
        return log_part(run, int(position), settings=self.settings_for(self.notebook())).document()


class Stop(Route):
    """The early end of a run."""

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Stop it, and answer when it has ended."""
        await self.answer(self.stop)

    def stop(self) -> Any:
        """See `nbdeploy.api.stop`."""
        from nbdeploy import api

        order = self.order(StopOrder)
        settings = self.settings_for(order.notebook)
        return self.linked(api.stop(order.run, order.ends_as, settings=settings).document())


class Resumption(Route):
    """A run that goes on with another one."""

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Start it, and answer while it runs."""
        await self.answer(self.resume)

    def resume(self) -> Any:
        """See `nbdeploy.api.run`."""
        from nbdeploy import api

        order = self.order(ResumeOrder)
        settings = self.settings_for(order.notebook)
        return self.linked(api.run(resume=order.run, wait=False, settings=settings).document())


def _typed(value: Any) -> Any:
    """What stands in a field of a form: text, whose ``{{ words }}`` mean this moment."""
    from nbdeploy.batch import Text
    from nbdeploy.batch.parameters.words import meant, render

    if not isinstance(value, str):
        return value
    return Text(render(value, meant()) if "{{" in value else value)

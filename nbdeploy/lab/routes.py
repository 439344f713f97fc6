"""The panel's routes. Each parses, calls one function of :mod:`nbdeploy.api` and answers with its document."""

from __future__ import annotations

from typing import Any

import msgspec
import tornado.web
from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join

from nbdeploy.lab.files import Output, Report
from nbdeploy.lab.route import Route
from nbdeploy.lab.runs import Log, Parameters, Resumption, Runs, Stop
from nbdeploy.lab.schedules import Change, Preview, Schedules

__all__ = ["handlers"]


class PushOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A snapshot to push, and the notebook whose settings are in force."""

    ref: str
    to: str | None = None
    new: bool = False
    notebook: str = ""


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


def handlers(base_url: str) -> list[tuple[str, type[Route]]]:
    """The routes below a server's base address."""
    table: dict[str, type[Route]] = {
        "snapshots": Snapshots,
        "targets": Targets,
        "parameters": Parameters,
        "runs": Runs,
        "runs/log": Log,
        "runs/output": Output,
        "runs/report": Report,
        "runs/stop": Stop,
        "runs/resume": Resumption,
        "schedules": Schedules,
        "schedules/preview": Preview,
        "schedules/(pause|resume|trigger|remove)": Change,
        "push": Push,
    }
    return [(url_path_join(base_url, "nbdeploy", "api", name), route) for name, route in table.items()]

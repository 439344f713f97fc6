"""The panel's routes of schedules: list, add, preview, pause, resume, trigger, remove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import tornado.web
from jupyter_server.auth.decorator import authorized

from nbdeploy.lab.paths import file_below
from nbdeploy.lab.route import Route

__all__ = ["Change", "Preview", "Schedules"]


class ScheduleOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A notebook to run at the times of a cron line. Texts among the values may hold ``{{ words }}``."""

    name: str
    notebook: str
    cron: str
    timezone: str = ""
    missed: str = "last"
    parameters: Mapping[str, Any] = {}
    output: str = ""


class NameOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A schedule, and the notebook whose settings are in force."""

    name: str
    notebook: str = ""


class Schedules(Route):
    """The schedules."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """List them."""
        await self.answer(self.schedules)

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Add one."""
        await self.answer(self.add)

    def schedules(self) -> Any:
        """See `nbdeploy.api.schedule_list`."""
        from nbdeploy import api

        return api.schedule_list(settings=self.settings_for(self.notebook())).document()

    def add(self) -> Any:
        """See `nbdeploy.api.schedule_add`."""
        from nbdeploy import api
        from nbdeploy.batch import Text

        order = self.order(ScheduleOrder)
        notebook = file_below(self.root, order.notebook)
        folder = order.notebook.rpartition("/")[0]
        return api.schedule_add(
            order.name,
            notebook,
            {name: Text(value) if isinstance(value, str) else value for name, value in order.parameters.items()},
            cron=order.cron,
            timezone=order.timezone or None,
            missed=order.missed,
            output=file_below(self.root, f"{folder}/{order.output}") if order.output else None,
            folder=notebook.parent,
            settings=self.settings_for(order.notebook),
        ).document()


class Preview(Route):
    """The next times of a cron line."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell them."""
        await self.answer(self.preview)

    def preview(self) -> Any:
        """See `nbdeploy.api.schedules.schedule_preview`."""
        from nbdeploy.api.schedules import schedule_preview

        return schedule_preview(self.get_query_argument("cron"), self.get_query_argument("timezone", "")).document()


class Change(Route):
    """What is done to a schedule."""

    @tornado.web.authenticated
    @authorized
    async def post(self, what: str) -> None:
        """Do it."""
        await self.answer(lambda: self.change(what))

    def change(self, what: str) -> Any:
        """See the functions of `nbdeploy.api`."""
        from nbdeploy import api

        ways = {
            "pause": api.schedule_pause,
            "resume": api.schedule_resume,
            "trigger": api.schedule_trigger,
            "remove": api.schedule_rm,
        }
        order = self.order(NameOrder)
        return ways[what](order.name, settings=self.settings_for(order.notebook)).document()

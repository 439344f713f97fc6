"""The panel's routes of files that lie where JupyterLab shows none: what runs published, and reports of them."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import tornado.web
from jupyter_server.auth.decorator import authorized

from nbdeploy.errors import NbdeployError, NotFound
from nbdeploy.lab.route import Route
from nbdeploy.wire.statuses import status_of

__all__ = ["Output", "Report"]

_SHOWN = ("text/", "image/", "application/json", "application/pdf")
"""Kinds that browsers show; others are saved."""
_PIECE = 2**20


class File(Route):
    """Answers with a file. What notebooks wrote has no part in the session: scripts in it see an origin of its own."""

    @property
    def content_security_policy(self) -> str:
        """As the server itself shows files."""
        return "sandbox allow-scripts"

    async def show(self, find: Callable[[], Path]) -> None:
        """Find the file in a thread, and send it piece by piece."""
        try:
            path = await asyncio.to_thread(find)
        except NbdeployError as error:
            self.set_status(status_of(error))
            await self.finish({"error": str(error)})
            return
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        way = "inline" if kind.startswith(_SHOWN) else "attachment"
        self.set_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        self.set_header("Content-Disposition", f"{way}; filename*=UTF-8''{quote(path.name)}")
        self.set_header("X-Content-Type-Options", "nosniff")
        with path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                self.write(piece)
                await self.flush()
        await self.finish(set_content_type=self._headers["Content-Type"])


class Output(File):
    """A file that a run published."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Show or save it."""
        await self.show(self.output)

    def output(self) -> Path:
        """See `nbdeploy.api.get_run`."""
        from nbdeploy import api

        run = api.get_run(self.get_query_argument("run"), settings=self.settings_for(self.notebook()))
        name = self.get_query_argument("name")
        if name not in run.outputs:
            raise NotFound(f"output of run {run.id}", name, run.outputs)
        if not run.outputs[name].is_file():
            raise NotFound("file", str(run.outputs[name]), hint="a folder is opened at its place")
        return run.outputs[name]


class Report(File):
    """The executed notebook of a run as a page."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Show it."""
        await self.show(self.report)

    def report(self) -> Path:
        """See `nbdeploy.api.report`."""
        from nbdeploy import api

        run = self.get_query_argument("run")
        return Path(api.report(run, settings=self.settings_for(self.notebook())).document()["report"])

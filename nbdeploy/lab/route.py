"""What the panel's routes share: who may ask, what is asked, and how it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler

from nbdeploy.errors import InvalidData, NbdeployError
from nbdeploy.lab.paths import file_below, opening
from nbdeploy.settings import Settings
from nbdeploy.wire.statuses import status_of

__all__ = ["Route"]

B = TypeVar("B")


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

    def linked(self, document: dict[str, Any]) -> dict[str, Any]:
        """Say of a run's document where its executed notebook and its outputs open in JupyterLab, as far as they do."""
        ended = document["finished"] is not None and document["notebook"] is not None
        return document | {
            "opens": opening(self.root, document["output"]),
            "links": {name: opening(self.root, path) for name, path in document["outputs"].items()},
            "reports": ended and Path(document["output"]).is_file(),
        }

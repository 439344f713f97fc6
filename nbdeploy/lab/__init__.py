"""The Jupyter server extension behind the Deploy panel, and what the panel calls in a kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__: list[str] = []


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Where the Jupyter server finds `_load_jupyter_server_extension`."""
    return [{"module": __name__}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where the built panel lies, for ``jupyter-builder develop``."""
    return [{"src": "../labextension", "dest": "nbdeploy"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Add the panel's routes to a Jupyter server, and let it see to schedules if nothing else does."""
    from nbdeploy.lab.routes import handlers
    from nbdeploy.lab.scheduling import begin

    server.web_app.add_handlers(".*$", handlers(server.web_app.settings["base_url"]))
    begin(Path(server.web_app.settings["server_root_dir"]).expanduser(), server.log)

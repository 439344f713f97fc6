"""A real Jupyter server in a process of its own, with settings, data and home in temporary folders."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

READY_SECONDS = 60
OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
    "--ServerApp.port_retries=0",
)
LAB_OPTIONS = (
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


class JupyterProcess:
    """A Jupyter server (``jupyter_server``) or JupyterLab (``jupyterlab``) that shows `root`."""

    def __init__(self, module: str, folder: Path, theme: str = "JupyterLab Light") -> None:
        self.root = folder / "root"
        self.home = folder / "home"
        self.token = secrets.token_hex(16)
        self.url = ""
        self._module = module
        self._folder = folder
        self._theme = theme

    def __enter__(self) -> JupyterProcess:
        self.root.mkdir(parents=True)
        self._write_settings()
        lab = LAB_OPTIONS if self._module == "jupyterlab" else ()
        self._log = (self._folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            [
                sys.executable,
                *("-m", self._module, *OPTIONS, *lab),
                f"--IdentityProvider.token={self.token}",
                f"--ServerApp.root_dir={self.root}",
            ],
            env=self.environment(),
            cwd=self.root,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        try:
            self.url = self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def environment(self) -> dict[str, str]:
        """What the server, and the kernels that it starts, see."""
        places = {
            "IPYTHONDIR": "ipython",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "NBDEPLOY_HOME": "home",
        }
        return os.environ | {name: str(self._folder / place) for name, place in places.items()}

    def request(self, method: str, address: str, **options: Any) -> requests.Response:
        """One request with the token, to an address below the server's own."""
        return requests.request(
            method,
            self.url + address,
            headers={"Authorization": f"token {self.token}"},
            timeout=60,
            **options,
        )

    def close(self) -> None:
        """Stop the server; it stops its kernels."""
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def _wait_until_ready(self) -> str:
        deadline = time.monotonic() + READY_SECONDS
        runtime = self._folder / "runtime"
        while time.monotonic() < deadline and self._process.poll() is None:
            for file in runtime.glob("jpserver-*.json"):
                url = json.loads(file.read_text() or "{}").get("url", "")
                if url and _answers(url):
                    return str(url)
            time.sleep(0.1)
        log = (self._folder / "server.log").read_text()
        raise AssertionError(f"the Jupyter server did not start:\n{log}")

    def _write_settings(self) -> None:
        """No pop-up with news, and the theme."""
        folder = self._folder / "settings" / "@jupyterlab" / "apputils-extension"
        folder.mkdir(parents=True)
        silence = {"fetchNews": "false", "checkForUpdates": False}
        (folder / "notification.jupyterlab-settings").write_text(json.dumps(silence))
        (folder / "themes.jupyterlab-settings").write_text(json.dumps({"theme": self._theme}))


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}api", timeout=5).ok
    except requests.RequestException:
        return False

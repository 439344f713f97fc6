"""The folder of an image: linted, complete, and its own commands run here as they would in the image."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import requests
from dockerfile_parse import DockerfileParser
from packaging.requirements import Requirement

from nbdeploy import api
from nbdeploy.errors import Conflict, WrongUsage
from nbdeploy.exports.needs import NOTEBOOK
from tests.models import NUMBERS

BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"{{name}} is not in the image", name=name)
sys.meta_path.insert(0, Blocker())
"""
MODULES = {name.replace("-", "_") for name in NOTEBOOK} - {"tqdm", "bc_detect_secrets"} | {"IPython", "detect_secrets"}


@pytest.fixture
def exported(stock: Path, tmp_path: Path) -> Path:
    """The folder of an image for ``lr``."""
    result = api.export("lr", tmp_path / "image", format="docker")
    assert result.line.endswith(f"docker build --tag lr {tmp_path / 'image'}")
    return tmp_path / "image"


def instructions(folder: Path, kind: str) -> list[str]:
    parser = DockerfileParser(path=str(folder))
    return [each["value"] for each in parser.structure if each["instruction"] == kind]


def test_the_dockerfile_is_linted_and_leaves_nothing_to_chance(exported: Path) -> None:
    """Pinned, without root, and what it copies is there."""
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, exported / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    (base,) = instructions(exported, "FROM")
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim", base)
    assert instructions(exported, "USER") == ["10001"]
    for line in instructions(exported, "COPY"):
        source = next(word for word in line.split() if not word.startswith("--"))
        assert (exported / source).exists()
    pins = [Requirement(line) for line in (exported / "requirements.txt").read_text().splitlines() if line[0] != "#"]
    assert all(re.fullmatch(r"==\d[^*]*", str(pin.specifier)) for pin in pins)
    names = [pin.name for pin in pins]
    assert len(names) == len(set(names))
    assert {"starlette", "uvicorn", "uvloop", "polars", "scikit-learn", "sqlalchemy", "click"} <= set(names)
    assert not NOTEBOOK & set(names)
    assert str(next(pin for pin in pins if pin.name == "uvicorn").specifier) == f"=={version('uvicorn')}"


@pytest.fixture
def container(exported: Path, tmp_path: Path) -> Any:
    """Runs commands of the Dockerfile with its environment, its folders moved, and notebook packages out of reach."""
    root = tmp_path / "root"
    app, home = root / "opt/nbdeploy", root / "srv/nbdeploy"
    for name in ("nbdeploy", "bundle"):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (exported / name).rename(app / name)
    home.mkdir(parents=True)
    (exported / "endpoint").rename(home / "endpoint")
    (root / "blocked").mkdir()
    (root / "blocked/sitecustomize.py").write_text(BLOCKER.format(blocked=MODULES))

    def moved(text: str) -> str:
        return text.replace("/opt/nbdeploy", str(app)).replace("/srv/nbdeploy", str(home))

    environment = dict(os.environ)
    for line in instructions(exported, "ENV"):
        environment |= dict(pair.partition("=")[::2] for pair in shlex.split(moved(line)))
    environment["PYTHONPATH"] += f"{os.pathsep}{root / 'blocked'}"

    def start(words: list[str], **more: Any) -> subprocess.Popen[str]:
        command = [sys.executable if word == "python" else moved(word) for word in words]
        return subprocess.Popen(command, cwd=home, env=environment, text=True, stderr=subprocess.PIPE, **more)

    return start


def test_the_image_serves_what_was_exported(exported: Path, container: Any, tmp_path: Path) -> None:
    """The Dockerfile's last RUN proves the snapshot, and its ENTRYPOINT serves it with the token of a file."""
    assert "not in the image" in container(["python", "-c", "import papermill"]).communicate(timeout=30)[1]
    for part in instructions(exported, "RUN")[-1].split("&&"):
        process = container(shlex.split(part))
        said = process.communicate(timeout=120)[1]
        assert process.returncode == 0, said
    token = tmp_path / "token"
    token.write_text("0123456789abcdef" * 2)
    entry = json.loads(instructions(exported, "ENTRYPOINT")[0]) + json.loads(instructions(exported, "CMD")[0])
    changed = {"8080": "0", "predict=/run/secrets/nbdeploy_token": f"predict={token}"}
    process = container([changed.get(word, word) for word in entry])
    try:
        url = ""
        end = time.monotonic() + 60
        while not url and time.monotonic() < end:
            line = process.stderr.readline()
            assert line, f"it ended: {process.wait()}"
            url = next(iter(re.findall(r"serves at (http://[\d.:]+)", line)), "")
        row = dict.fromkeys(NUMBERS, 40.0)
        path = f"{url}/models/lr/predict"
        answer = requests.post(path, json=[row], headers={"Authorization": f"Bearer {token.read_text()}"}, timeout=30)
        assert (answer.status_code, list(answer.json()[0])) == (200, ["prediction"])
        assert requests.post(path, json=[row], timeout=30).status_code == 401
        (check,) = instructions(exported, "HEALTHCHECK")
        words = json.loads(check[check.index("[") :])
        words[-1] = words[-1].replace("http://127.0.0.1:8080", url)
        healthy = container(words)
        assert (healthy.communicate(timeout=30)[1], healthy.returncode) == ("", 0)
    finally:
        process.terminate()
        rest = process.communicate(timeout=30)[1]
    assert process.returncode in (0, -15), rest
    assert token.read_text() not in rest


def test_what_is_there_is_never_overwritten(stock: Path, tmp_path: Path) -> None:
    """And a format that does not exist writes nothing."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("mine")
    with pytest.raises(Conflict, match="another folder"):
        api.export("lr", tmp_path / "full", format="docker")
    with pytest.raises(WrongUsage, match="docker"):
        api.export("lr", tmp_path / "new", format="rpm")
    assert not (tmp_path / "new").exists()
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["file"]
    assert list(tmp_path.glob(".*")) == []

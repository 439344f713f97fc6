"""A folder that a container image is built from: an endpoint that serves one snapshot.

::

    Dockerfile        what to do with the rest
    requirements.txt  every package with its exact version: the snapshot's own, and what serving needs
    nbdeploy/         this very nbdeploy, as source: nothing of it is built or looked up anywhere
    bundle/           the snapshot
    endpoint/         the endpoint's home: what it serves
    README.md         how to build and start it

Building needs an index of packages. The image needs no network: it holds all that it runs, and the snapshot has
answered its sample in it as it did in the notebook.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from string import Template

from nbdeploy.bundles import Bundle
from nbdeploy.errors import Conflict
from nbdeploy.exports.needs import needs
from nbdeploy.files import TemporaryFolder, writing
from nbdeploy.version import __version__

__all__ = ["ENDPOINT", "HOME", "docker_folder"]

HOME = "/srv/nbdeploy"
ENDPOINT = "endpoint"
_PACKAGE = Path(__file__).parents[1]
_FILES = Path(__file__).parent / "files"
_SYSTEM = {"lightgbm": "libgomp1"}
"""Libraries of the system that packages need and do not bring."""


@contextlib.contextmanager
def docker_folder(bundle: Bundle, out: Path) -> Iterator[Path]:
    """Write what an image is built from; the block adds the endpoint's home. All of it is there in the end, or nothing.

    Parameters
    ----------
    bundle : Bundle
        The snapshot.
    out : Path
        A new folder.

    Yields
    ------
    Path
        Where it is written until it is whole.

    Raises
    ------
    Conflict
        If there is something at `out`.
    NotWritable
        If it cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Conflict(f"{out} is there already; choose another folder", path=str(out))
    with writing(out):
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFolder(dir=out.absolute().parent, prefix=f".{out.name}.") as folder:
            part = Path(folder, "part")
            _write(bundle, part)
            yield part
            part.rename(out)


def _write(bundle: Bundle, folder: Path) -> None:
    facts = _facts(bundle)
    shutil.copytree(_PACKAGE, folder / "nbdeploy", ignore=shutil.ignore_patterns("__pycache__", "labextension"))
    (folder / "requirements.txt").write_bytes(_requirements(bundle))
    for name in ("Dockerfile", "README.md"):
        text = Template((_FILES / f"{name}.template").read_text(encoding="utf-8")).substitute(facts)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / ".dockerignore").write_text("**/__pycache__\nREADME.md\nDockerfile\n", encoding="utf-8")
    bundle.export(folder / "bundle")


def _facts(bundle: Bundle) -> dict[str, str]:
    manifest, environment = bundle.manifest, bundle.content.environment
    libraries = sorted({_SYSTEM[name] for name in environment.packages if name in _SYSTEM})
    return {
        "model": manifest.name,
        "ref": f"{manifest.name}:{manifest.number}",
        "digest": manifest.digest,
        "python": environment.python,
        "libraries": _install(libraries) if libraries else "",
        "code": "always" if manifest.runs_code else "never",
        "home": HOME,
        "endpoint": ENDPOINT,
        "version": __version__,
    }


def _install(libraries: list[str]) -> str:
    """The distribution's index keeps one version only, so that none can be pinned."""
    return (
        "# hadolint ignore=DL3008\nRUN apt-get update \\\n"
        f"    && apt-get install --yes --no-install-recommends {' '.join(libraries)} \\\n"
        "    && rm -rf /var/lib/apt/lists/*\n\n"
    )


def _requirements(bundle: Bundle) -> bytes:
    own = (bundle.path / "requirements.txt").read_bytes()
    ours = needs(bundle.content.environment.packages)
    lines = "".join(f"{name}=={version}\n" for name, version in ours.items())
    return b"# what the snapshot names\n" + own + b"# what nbdeploy needs to serve it\n" + lines.encode()

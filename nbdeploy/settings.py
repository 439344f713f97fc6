"""Settings: where things live, and which file or variable said so."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.errors import InvalidData

__all__ = ["ALLOW_CODE", "DEFAULT", "FILE_NAME", "Settings"]

FILE_NAME = "nbdeploy.toml"
DEFAULT = "default"
ALLOW_CODE = ("never", "signed", "always")
"""When code that came with a bundle may run: never, if a trusted key signed it, or always."""

_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Settings:
    """The settings in force.

    Environment variables win over ``nbdeploy.toml``, which is found upward from the
    notebook's folder; defaults come last.

    Attributes
    ----------
    home : Path
        Everything below lives here unless set otherwise (``NBDEPLOY_HOME``).
    store : str
        Path or URL of the snapshot store (``NBDEPLOY_STORE``).
    db : str
        SQLAlchemy URL of runs and schedules (``NBDEPLOY_DB``).
    target : str
        Where ``push`` goes without ``--to`` (``NBDEPLOY_TARGET``).
    allow_code : str
        When code that came with a snapshot may run: ``never``, ``signed`` or ``always`` (``NBDEPLOY_ALLOW_CODE``).
        An endpoint that other machines can reach takes ``signed``, unless this is set.
    trusted_keys : tuple of str
        Names or files of the public keys whose signatures count (``NBDEPLOY_TRUSTED_KEYS``, with ``:`` between).
    scheduler : str
        Whether a Jupyter server sees to schedules if nothing else does: ``auto`` or ``off`` (``NBDEPLOY_SCHEDULER``).
    keep_runs : str
        Which runs are kept: the newest, as ``100``, or those of the last time, as ``30d``; all of them if empty
        (``NBDEPLOY_KEEP_RUNS``).
    reports : str
        When the HTML report of a run is made: ``always``, behind its end, or ``asked`` (``NBDEPLOY_REPORTS``).
    runs_at_once : int
        How many runs go on at once on this machine, the others wait; as many as it has cores, if not set
        (``NBDEPLOY_RUNS_AT_ONCE``).
    notify : mapping
        Whom to tell how runs ended, by name: the file's tables ``[notify.NAME]``.
    sources : mapping of str to str
        Setting name to where its value came from.

    Examples
    --------
    >>> from pathlib import Path
    >>> Settings.load(Path("/"), {"NBDEPLOY_HOME": "/data"}).store
    '/data/store'
    """

    home: Path
    store: str
    db: str
    target: str
    allow_code: str = "always"
    trusted_keys: tuple[str, ...] = ()
    scheduler: str = "auto"
    keep_runs: str = ""
    reports: str = "always"
    runs_at_once: int = field(default_factory=lambda: _cores())
    notify: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, start: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings in force for a folder.

        Parameters
        ----------
        start : Path, optional
            Where the search for ``nbdeploy.toml`` begins; the working directory by default.
        environ : mapping, optional
            The environment; the process's own by default.

        Raises
        ------
        InvalidData
            If ``nbdeploy.toml`` cannot be read, or has a key that is not a setting.
        """
        env = os.environ if environ is None else environ
        path, values = _read(_find(start or Path.cwd()))
        sources: dict[str, str] = {}

        def value(name: str, default: str) -> str:
            variable = f"NBDEPLOY_{name.upper()}"
            if env.get(variable):
                sources[name] = f"environment variable {variable}"
                return env[variable]
            if name in values:
                sources[name] = str(path)
                return str(values[name])
            sources[name] = DEFAULT
            return default

        def relative(name: str, text: str) -> str:
            """A path in the file is relative to the file, not to whoever reads it."""
            if path is None or sources[name] != str(path):
                return text
            if name == "db" and text.startswith(_SQLITE):
                return f"{_SQLITE}{path.parent / Path(text.removeprefix(_SQLITE)).expanduser()}"
            return text if "://" in text else str(path.parent / Path(text).expanduser())

        def trusted() -> tuple[str, ...]:
            text = value("trusted_keys", "")
            listed = values.get("trusted_keys", [])
            if path is None or sources["trusted_keys"] != str(path):
                return tuple(filter(None, text.split(os.pathsep)))
            if not isinstance(listed, list):
                raise InvalidData(f'{path}: trusted_keys is a list: trusted_keys = ["release.pub"]', path=str(path))
            # A file is relative to the settings' file; a name is a name everywhere.
            return tuple(str(path.parent / key) if (path.parent / key).is_file() else str(key) for key in listed)

        home = Path(relative("home", value("home", "") or _user_data_dir())).expanduser().absolute()
        return cls(
            home=home,
            store=relative("store", value("store", str(home / "store"))),
            db=relative("db", value("db", f"sqlite:///{home / 'nbdeploy.db'}")),
            target=value("target", "local"),
            allow_code=value("allow_code", "always"),
            trusted_keys=trusted(),
            scheduler=value("scheduler", "auto"),
            keep_runs=value("keep_runs", ""),
            reports=value("reports", "always"),
            runs_at_once=_count("runs_at_once", value("runs_at_once", str(_cores())), sources),
            notify=_places(values.get("notify", {}), path),
            sources=sources,
        )

    @property
    def store_anywhere(self) -> str:
        """The store, as it is named from any working directory: a URL, or an absolute path."""
        return self.store if "://" in self.store else str(Path(self.store).expanduser().absolute())

    @property
    def endpoint_home(self) -> Path:
        """State of the endpoint that ``serve`` starts without ``--home``."""
        return self.home / "endpoint"

    @property
    def keys(self) -> Path:
        """Keys to sign with, and those that are trusted by name."""
        return self.home / "keys"

    @property
    def cache(self) -> Path:
        """Bundles unpacked for loading; safe to delete."""
        return self.home / "cache"


def _cores() -> int:
    """As many as this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(name: str, text: str, sources: Mapping[str, str]) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise InvalidData(f"{name} is {text!r} ({sources[name]}): give a whole number from 1", name=name, value=text)
    return int(text)


def _user_data_dir() -> str:
    from platformdirs import user_data_dir

    return user_data_dir("nbdeploy", appauthor=False)


def _find(start: Path) -> Path | None:
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def _read(path: Path | None) -> tuple[Path | None, Mapping[str, Any]]:
    if path is None:
        return None, {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidData(f"{path} cannot be read as TOML: {error}", path=str(path)) from error
    known = {
        "allow_code",
        "db",
        "home",
        "keep_runs",
        "notify",
        "reports",
        "runs_at_once",
        "scheduler",
        "store",
        "target",
        "trusted_keys",
    }
    unknown = sorted(set(values) - known)
    if unknown:
        raise InvalidData(
            f"{path} has unknown settings: {', '.join(unknown)}; there are: {', '.join(sorted(known))}",
            path=str(path),
            unknown=unknown,
        )
    return path, values


def _places(tables: Any, path: Path | None) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise InvalidData(f"{path}: notify is made of tables: [notify.team] and below it to = …", path=str(path))
    return tables

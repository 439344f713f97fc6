"""Captured source: a module of its own name, and the helper modules below it, loaded from a bundle's ``code`` folder.

The helper modules of a snapshot keep their source as it is. They live below the captured module
(``nbdeploy_0123456789ab.helpers``), and what a captured module imports by the name of one is that one: two
snapshots may each bring a ``helpers``, and neither is the ``helpers`` of the process that loads them.
"""

from __future__ import annotations

import builtins
import hashlib
import keyword
import pickle
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from nbdeploy.errors import Corrupted
from nbdeploy.flavors.local import CAPTURED

__all__ = ["EARLY", "LATE", "VALUE", "load_modules"]

EARLY, LATE = ".early.pkl", ".pkl"
"""Values that a module asks for while it is made, and those that its functions need when they are called."""

VALUE = "nbdeploy_value"
"""The function by which a captured module asks for an early value."""

_DIGEST = "__nbdeploy_sha256__"
_LOADING = threading.RLock()


def load_modules(bundle: Path, files: Collection[str]) -> None:
    """Load the captured module of a bundle, unless it is loaded already.

    Parameters
    ----------
    bundle : Path
        The bundle's folder; every file in it that is listed has been checked.
    files : collection of str
        The paths that the bundle lists below ``code``. Nothing else there is looked at.

    Raises
    ------
    Corrupted
        If a file has a name that captured ones do not have, or another module of its name is loaded.
    """
    root, helpers = _names(files)
    if root is not None:
        with _LOADING:
            _load_once(bundle, files, root, helpers)


def _load_once(bundle: Path, files: Collection[str], root: str, helpers: Mapping[str, str]) -> None:
    content = {path: (bundle / path).read_bytes() for path in sorted(files)}
    digest = hashlib.sha256(b"".join(hashlib.sha256(f"{p}\0".encode() + c).digest() for p, c in content.items()))
    if root in sys.modules:
        if getattr(sys.modules[root], _DIGEST, None) != digest.hexdigest():
            raise Corrupted(f"another module named {root} is loaded; this bundle is not what it says")
        return
    files_of = {root: f"code/{root}.py", **{f"{root}.{name}": path for name, path in helpers.items()}}
    sources = {name: _Source(bundle / path, content[path]) for name, path in files_of.items()}
    values = {suffix: content.get(f"code/{root}{suffix}") for suffix in (EARLY, LATE)}
    _load(root, sources, values, digest.hexdigest())


def _names(files: Collection[str]) -> tuple[str | None, dict[str, str]]:
    """Name of the captured module, and the paths of the helper modules by name; everything else is refused."""
    roots = [path[5:-3] for path in files if path.count("/") == 1 and CAPTURED.fullmatch(path[5:-3])]
    expected = {f"code/{name}{suffix}" for name in roots for suffix in (".py", EARLY, LATE)}
    helpers = {path: _module_name(path) for path in files if path not in expected}
    named = list(helpers.values())
    wrong = [path for path, name in helpers.items() if name is None or named.count(name) > 1]
    if wrong or len(roots) > 1 or (files and not roots):
        path = (wrong or sorted(files))[0]
        raise Corrupted(f"the bundle lists {path!r}, which is not the name of a captured module", path=path)
    return (roots[0] if roots else None), {name: path for path, name in helpers.items() if name is not None}


def _module_name(path: str) -> str | None:
    """``code/features/__init__.py`` → ``features``; None where a path is no module's."""
    where = PurePosixPath(path)
    parts = list(where.with_suffix("").parts)
    if parts[:1] != ["code"] or where.suffix != ".py" or str(where) != path:
        return None
    parts = parts[1:-1] if parts[-1] == "__init__" else parts[1:]
    sound = all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)
    return ".".join(parts) if parts and sound and not CAPTURED.match(parts[0]) else None


@dataclass(frozen=True)
class _Source:
    path: Path
    content: bytes


class _Captured:
    """Finds and loads the helper modules of every captured module, through the usual import machinery."""

    def __init__(self) -> None:
        self.sources: dict[str, _Source] = {}
        self.packages: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname not in self.sources and fullname not in self.packages:
            return None
        return spec_from_loader(fullname, self, is_package=fullname in self.packages)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        source = self.sources.get(module.__name__)
        if source is not None:
            _execute(module, source, vars(sys.modules[module.__name__.partition(".")[0]])["__builtins__"])

    def add(self, root: str, sources: Mapping[str, _Source]) -> None:
        """Make the modules of a bundle known; folders without ``__init__`` are packages too."""
        self.sources.update({name: source for name, source in sources.items() if name != root})
        parents = {name.rpartition(".")[0] for name in sources} | {
            name for name, source in sources.items() if source.path.name == "__init__.py"
        }
        while parents - self.packages:
            self.packages |= parents
            parents = {name.rpartition(".")[0] for name in parents}
        self.packages.discard("")

    def forget(self, root: str) -> None:
        """Undo what :meth:`add` did, and every import since."""
        below = (f"{root}.", root)
        self.sources = {name: source for name, source in self.sources.items() if not name.startswith(below)}
        self.packages = {name for name in self.packages if not name.startswith(below)}
        for name in [name for name in sys.modules if name == root or name.startswith(f"{root}.")]:
            del sys.modules[name]


_CAPTURED = _Captured()


def _load(root: str, sources: Mapping[str, _Source], values: Mapping[str, bytes | None], digest: str) -> None:
    if _CAPTURED not in sys.meta_path:
        sys.meta_path.append(_CAPTURED)
    local = frozenset(name.split(".")[1] for name in sources if name != root)
    module = ModuleType(root)
    early = pickle.loads(values[EARLY]) if values[EARLY] else {}  # type: ignore[arg-type]  # noqa: S301
    vars(module).update(
        {
            "__file__": str(sources[root].path),
            "__path__": [],
            _DIGEST: digest,
            "__builtins__": {**vars(builtins), "__import__": _importer(root, local)},
            VALUE: lambda name: pickle.loads(early[name]),  # noqa: S301
        }
    )
    sys.modules[root] = module
    _CAPTURED.add(root, sources)
    try:
        _execute(module, sources[root], vars(module)["__builtins__"])
        if values[LATE]:
            vars(module).update(pickle.loads(values[LATE]))  # type: ignore[arg-type]  # noqa: S301
    except BaseException:
        _CAPTURED.forget(root)
        raise


def _execute(module: ModuleType, source: _Source, names: Any) -> None:
    """Run a captured module.

    Executing code is what loading a captured module means; the bundle says so (``runs_code``). The bytes that
    were checked are compiled, and no cached bytecode is looked for.
    """
    vars(module).update({"__file__": str(source.path), "__builtins__": names})
    exec(compile(source.content, str(source.path), "exec", dont_inherit=True), vars(module))  # noqa: S102


def _importer(root: str, local: frozenset[str]) -> Callable[..., Any]:
    """``__import__`` for captured modules: the names of helper modules mean the captured ones."""

    def importer(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - names of the original
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        top = name.partition(".")[0]
        if level or top not in local:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        found = builtins.__import__(f"{root}.{name}", globals, locals, fromlist or (), 0)
        return found if fromlist else sys.modules[f"{root}.{top}"]

    return importer

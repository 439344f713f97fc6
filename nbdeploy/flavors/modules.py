"""Captured source: a module of its own name, loaded from a bundle's ``code`` folder."""

from __future__ import annotations

import hashlib
import pickle
import re
import sys
from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import Any

from nbdeploy.errors import Corrupted

__all__ = ["EARLY", "LATE", "attribute", "load_modules"]

EARLY, LATE = ".early.pkl", ".pkl"
"""Values that a module's definitions need while they are made, and those they need when they are called."""

_NAME = re.compile(r"code/(nbdeploy_[0-9a-f]{12})\.py")
_DIGEST = "__nbdeploy_sha256__"


def load_modules(bundle: Path, files: Collection[str]) -> None:
    """Load the captured modules of a bundle, unless they are loaded already.

    Parameters
    ----------
    bundle : Path
        The bundle's folder; every file in it that is listed has been checked.
    files : collection of str
        The paths that the bundle lists below ``code``. Nothing else there is looked at.

    Raises
    ------
    Corrupted
        If a module has a name that captured modules do not have, or another one of its name is loaded.
    """
    for path in files:
        if path.endswith(".py"):
            found = _NAME.fullmatch(path)
            if found is None:
                raise Corrupted(f"the bundle lists {path!r}, which is not the name of a captured module", path=path)
            beside = {suffix: f"code/{found[1]}{suffix}" for suffix in (EARLY, LATE)}
            _load(bundle, found[1], {suffix: name for suffix, name in beside.items() if name in files})


def _load(bundle: Path, name: str, pickles: dict[str, str]) -> None:
    path = bundle / "code" / f"{name}.py"
    source = path.read_bytes()
    values = {suffix: (bundle / file).read_bytes() for suffix, file in pickles.items()}
    digest = hashlib.sha256(b"\0".join([source, *values.values()])).hexdigest()
    if name in sys.modules:
        if getattr(sys.modules[name], _DIGEST, None) != digest:
            raise Corrupted(f"another module named {name} is loaded; this bundle is not what it says")
        return
    module = ModuleType(name)
    vars(module).update({"__file__": str(path), _DIGEST: digest})
    sys.modules[name] = module
    try:
        # Executing code is what loading a captured module means; the bundle says so (runs_code). The
        # bytes that were checked are compiled, and no cached bytecode is looked for.
        _fill(module, values.get(EARLY))
        exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102
        _fill(module, values.get(LATE))
    except BaseException:
        del sys.modules[name]
        raise


def _fill(module: ModuleType, values: bytes | None) -> None:
    if values is not None:
        vars(module).update(pickle.loads(values))  # noqa: S301


def attribute(module: str, qualname: str) -> Any:
    """Return what `qualname` names in a captured module: the target of rewritten pickle references."""
    found: Any = sys.modules[module]
    for part in qualname.split("."):
        found = getattr(found, part)
    return found

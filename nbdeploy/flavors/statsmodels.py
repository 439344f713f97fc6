"""Results of statsmodels: what was estimated, without the data it was estimated from wherever that is not needed."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np

from nbdeploy.errors import Corrupted, NotCapturable
from nbdeploy.flavors import Flavor, Saved
from nbdeploy.flavors.loaders import ModuleName, Name, read
from nbdeploy.flavors.local import CAPTURED
from nbdeploy.flavors.pickling import dumps, from_main

__all__ = ["FLAVOR"]

FILE = "model/results.pkl"
_LOOKED_AT = {"_nobs_int", "_summary_cache", "_summary_statistics_cache", "diagn"}
"""What a summary leaves behind in the results it was asked of."""


class _Loader(msgspec.Struct, frozen=True):
    """Of a formula: the captured module, those of its functions that it names, and modules by the names it has."""

    module: str | None = None
    functions: list[Name] = []
    imports: dict[Name, ModuleName] = {}


_WORD = re.compile(r"[^\W\d]\w*")


class Statsmodels(Flavor):
    """See :class:`nbdeploy.flavors.Flavor`. Results are pickles, and formulas are code: loading executes code."""

    priority = 20

    def accepts(self, model: Any) -> bool:
        cls = type(model)
        fitted = cls.__module__.partition(".")[0] == "statsmodels" and "Results" in cls.__name__
        return fitted and callable(getattr(model, "predict", None))

    def methods(self, model: Any) -> list[str]:
        # get_prediction would need the data of the training, which stays in the notebook.
        return ["predict"]

    def reached(self, model: Any) -> Any:
        """The results, and the notebook's functions that their formula names."""
        return model, [thing for thing in _named(_formula(model)).values() if from_main(thing)]

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        formula = _formula(model)
        named = _named(formula)
        try:
            raw = dumps(_lean(model, formula, named, example), module)
        except Exception as error:
            raise NotCapturable(f"statsmodels {type(model).__name__} cannot be stored: {error}") from error
        (folder / FILE).parent.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_bytes(raw)
        imports = {name: thing.__name__ for name, thing in sorted(named.items()) if isinstance(thing, ModuleType)}
        functions = sorted(name for name, thing in named.items() if from_main(thing))
        packages = {name.partition(".")[0] for name in imports.values()}
        return Saved(
            runs_code=True,
            loader={"module": module, "functions": functions, "imports": imports} if formula else {},
            packages=frozenset({"statsmodels", *packages}),
        )

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return True

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Any:
        names = _named_in(read(loader, _Loader))
        try:
            return _unpickled((folder / FILE).read_bytes(), names)
        except ImportError:
            raise
        except Exception as error:
            raise Corrupted(f"{folder / FILE} is not a statsmodels result, or is damaged: {error}") from error


FLAVOR = Statsmodels()


def _named_in(table: _Loader) -> dict[str, Any]:
    """What the formula of a stored result names: modules, and functions of the captured module.

    Raises
    ------
    Corrupted
        If the captured module has no such function.
    """
    names: dict[str, Any] = {name: import_module(module) for name, module in table.imports.items()}
    captured = sys.modules.get(table.module) if table.module and CAPTURED.fullmatch(table.module) else None
    for name in table.functions:
        names[name] = getattr(captured, name, None)
        if names[name] is None:
            raise Corrupted(f"the formula names {name}, and the bundle's code has no such function")
    return names


def _formula(results: Any) -> str:
    return str(getattr(getattr(results.model, "data", None), "formula", None) or "")


def _named(formula: str) -> dict[str, Any]:
    """The notebook's modules and functions that a formula names."""
    notebook = vars(sys.modules["__main__"])
    words = {word: notebook.get(word) for word in _WORD.findall(formula)}
    return {word: thing for word, thing in words.items() if isinstance(thing, ModuleType) or from_main(thing)}


def _unpickled(raw: bytes, names: Mapping[str, Any]) -> Any:
    """Unpickle where a formula finds what it names.

    statsmodels evaluates the formula again while it is unpickled, with the variables of the functions that
    called it, two to five levels up: so there are as many, and they have these.
    """
    namespace = {**names, "loads": pickle.loads, "raw": raw}
    return eval("eval(\"eval('loads(raw)')\")", namespace)  # noqa: S307 - the snapshot says that it runs code


def _lean(results: Any, formula: str, named: Mapping[str, Any], example: Any) -> Any:
    """Return a copy without the data of the training, if it answers the same, and without what was only looked at."""
    copy = _copied(results, named)
    if formula:
        # The formula is evaluated on it again: what scales or has levels needs to see them all.
        frame = copy.model.data.frame
        copy.model.data.frame = frame[[column for column in frame.columns if str(column) in formula]]
        return copy
    if example is None:
        return copy
    expected = np.asarray(results.predict(example))
    try:
        copy.remove_data()
        same = np.array_equal(np.asarray(_copied(copy, named).predict(example)), expected, equal_nan=True)
    except Exception:
        same = False
    return copy if same else _copied(results, named)


def _copied(results: Any, named: Mapping[str, Any]) -> Any:
    copy = _unpickled(pickle.dumps(results), named)
    inner = getattr(copy, "_results", copy)
    for name in _LOOKED_AT & vars(inner).keys():
        del vars(inner)[name]
    for part in (inner, getattr(inner.model, "data", inner)):
        part._cache = {}
    if hasattr(inner.model, "_tmp_like_exog"):
        # Scratch memory of generalized linear models, which is never the same.
        inner.model._tmp_like_exog = np.zeros_like(inner.model._tmp_like_exog)
    return copy

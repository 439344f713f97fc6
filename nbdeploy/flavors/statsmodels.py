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
from nbdeploy.files import write_file
from nbdeploy.flavors import Flavor, Saved
from nbdeploy.flavors.loaders import ModuleName, Name, read
from nbdeploy.flavors.local import CAPTURED
from nbdeploy.flavors.pickling import dumps, exported_name, from_main
from nbdeploy.flavors.restoring import attribute

__all__ = ["FLAVOR"]

FILE = "model/results.pkl"
VALUES = "model/names.pkl"
_LOOKED_AT = {"_nobs_int", "_summary_cache", "_summary_statistics_cache", "diagn"}
"""What a summary leaves behind in the results it was asked of."""

_NO_NAME = re.compile(r"\.\s*[^\W\d]\w*|'[^']*'|\"[^\"]*\"|\W|\b\d\w*")
"""Whatever in a formula is no name that is looked up: attributes, texts, signs, numbers."""


class _Loader(msgspec.Struct, frozen=True):
    """Of a formula: the captured module, and by the names it has for them, functions of that and other modules."""

    module: str | None = None
    functions: dict[Name, ModuleName] = {}
    imports: dict[Name, ModuleName] = {}


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
        """The results, and what of the notebook their formula names."""
        return model, [thing for thing in _named(model).values() if not isinstance(thing, ModuleType)]

    def save(self, model: Any, folder: Path, module: str | None, example: Any = None) -> Saved:
        formula = _formula(model)
        named = _named(model)
        values = {name: thing for name, thing in sorted(named.items()) if not _is_code(thing)}
        try:
            raw = dumps(_lean(model, formula, named, example), module)
            others = dumps(values, module)
        except Exception as error:
            raise NotCapturable(f"statsmodels {type(model).__name__} cannot be stored: {error}") from error
        write_file(folder / FILE, raw)
        if values:
            write_file(folder / VALUES, others)
        imports = {name: thing.__name__ for name, thing in sorted(named.items()) if isinstance(thing, ModuleType)}
        functions = {name: exported_name(thing) for name, thing in sorted(named.items()) if from_main(thing)}
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
            if (folder / VALUES).exists():
                names |= pickle.loads((folder / VALUES).read_bytes())  # noqa: S301 - marked as running code
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
        If there is no captured module, or it has no such function.
    """
    names: dict[str, Any] = {name: import_module(module) for name, module in table.imports.items()}
    if table.functions and not CAPTURED.fullmatch(table.module or ""):
        raise Corrupted(f"the formula names functions of {table.module!r}, which is no module that was captured")
    for name, exported in table.functions.items():
        try:
            names[name] = attribute(str(table.module), exported)
        except (ImportError, AttributeError) as error:
            raise Corrupted(f"the formula names {name}, and the bundle's code has no such function") from error
    return names


def _formula(results: Any) -> str:
    return str(getattr(getattr(results.model, "data", None), "formula", None) or "")


def _named(results: Any) -> dict[str, Any]:
    """What of the notebook a formula names: modules, functions and variables; a column of its name comes first."""
    notebook = vars(sys.modules["__main__"])
    columns = {str(column) for column in getattr(getattr(results.model.data, "frame", None), "columns", ())}
    words = dict.fromkeys(_NO_NAME.sub(" ", _formula(results)).split())
    return {word: notebook[word] for word in words if word in notebook and word not in columns}


def _is_code(thing: Any) -> bool:
    return isinstance(thing, ModuleType) or from_main(thing)


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

"""Giving values to the parameters of a notebook."""

from __future__ import annotations

import json
import keyword
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbdeploy.batch.parameters.declared import Parameter, Parameters, parameters_of
from nbdeploy.batch.parameters.reading import guess
from nbdeploy.batch.parameters.values import Text, Variable, portable
from nbdeploy.errors import InvalidData, NotFound, WrongUsage
from nbdeploy.notebooks import Notebook

__all__ = ["bind"]


def bind(
    notebook: Notebook,
    given: Mapping[str, Any],
    raw: Mapping[str, str] | None = None,
    files: Iterable[str | Path] = (),
) -> dict[str, Any]:
    """The values to pass to a notebook.

    Parameters
    ----------
    notebook : Notebook
        The notebook; its parameters cell decides names and types.
    given : mapping
        Values by name. A `Text` is read as the parameter's type; anything else is passed as it is.
    raw : mapping, optional
        Texts that stay texts.
    files : iterable of path
        YAML or JSON files of values; `given` and `raw` win over them.

    Raises
    ------
    WrongUsage
        If a name is not a parameter of the notebook, or a required one has no value.
    InvalidData
        If a value is of the wrong type, or a file is not a mapping.
    """
    declared = parameters_of(notebook)
    known = {item.name: item for item in declared}
    values: dict[str, Any] = {}
    for file in files:
        values |= _from_file(Path(file))
    values |= {**given, **(raw or {})}
    _check_names(declared, values)
    return {
        name: portable(name, value) if name in (raw or {}) else _accept(known.get(name), name, value)
        for name, value in values.items()
    }


def _accept(parameter: Parameter | None, name: str, value: Any) -> Any:
    if isinstance(value, Variable):
        value = _from_environment(name, value.name)
    if parameter is not None:
        return parameter.accept(value)
    return guess(str(value)) if isinstance(value, Text) else portable(name, value)


def _from_environment(name: str, variable: str) -> Text:
    if variable not in os.environ:
        raise WrongUsage(f"parameter {name!r} is to be read from the variable {variable}, which is not set", name=name)
    return Text(os.environ[variable])


def _check_names(declared: Parameters, values: Mapping[str, Any]) -> None:
    names = [item.name for item in declared]
    where = f"the parameters cell (cell {declared.cell}) of {declared.notebook}"
    for name in values:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise WrongUsage(f"{name!r} cannot be a parameter: it is not a variable's name", name=name)
        if declared.closed and name not in names:
            problem = NotFound("parameter", name, names)
            there = "" if names else "; it assigns nothing"
            raise WrongUsage(f"{problem} in {where}{there}", name=name, available=names, cell=declared.cell)
    missing = [item.declaration for item in declared if item.required and item.name not in values]
    if missing:
        raise WrongUsage(f"{where} needs a value for {', '.join(missing)}: give it with -p", missing=missing)


def _from_file(path: Path) -> dict[str, Any]:
    import yaml

    kind = "JSON" if path.suffix == ".json" else "YAML"
    try:
        text = path.expanduser().read_text(encoding="utf-8")
        values = json.loads(text) if kind == "JSON" else yaml.safe_load(text)
    except FileNotFoundError as error:
        raise NotFound("parameter file", str(path)) from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InvalidData(f"parameter file {path} cannot be read as {kind}: {error}", path=str(path)) from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise InvalidData(f"parameter file {path} is not a mapping of names to values", path=str(path))
    return values

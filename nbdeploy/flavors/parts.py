"""Models inside of models: a booster that is a step of a pipeline is stored by its own flavor.

In the stored pipeline a :class:`~nbdeploy.flavors.restoring.Part` stands in its place. Copies share everything that is
large.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbdeploy.canonical import estimators_of
from nbdeploy.errors import Corrupted, NotCapturable
from nbdeploy.files import TemporaryFolder
from nbdeploy.flavors import FLAVORS
from nbdeploy.flavors.loaders import PartEntry
from nbdeploy.flavors.restoring import NATIVE, Part, from_files

__all__ = ["load_parts", "native_reduction", "parts_run_code", "save_parts"]

_OTHERS = "the models inside of this model are not those that the bundle lists"


def save_parts(model: Any, folder: Path, module: str | None) -> tuple[Any, list[dict[str, Any]]]:
    """Store every part that has a native format below `folder`.

    Returns
    -------
    model : object
        The model itself if it has no such parts; else a copy with a place for each.
    table : list of dict
        Flavor and loader of each part.
    """
    flavors: dict[int, str] = {}
    parts = estimators_of(model, lambda part: flavors.setdefault(id(part), _native(part)) != "")
    inside = [part for part in parts if not any(part is not other and _holds(other, part) for other in parts)]
    table: list[dict[str, Any]] = []
    places: dict[int, Any] = {}
    for part in inside:
        place = Part(len(table))
        saved = FLAVORS[flavors[id(part)]].save(part, _folder(folder, place.number), module)
        table.append({"flavor": flavors[id(part)], "loader": dict(saved.loader)})
        places[id(part)] = place
    return (_replaced(model, places) if places else model), table


def load_parts(model: Any, folder: Path, table: list[PartEntry]) -> Any:
    """Put the parts back where they were.

    Raises
    ------
    Corrupted
        If a part is missing, or is one too many.
    """
    _refuse_others(table)
    places = estimators_of(model, lambda part: isinstance(part, Part))
    if {place.number for place in places} != set(range(len(table))):
        raise Corrupted(_OTHERS)
    if not table:
        return model
    loaded = [FLAVORS[part.flavor].load(_folder(folder, i), part.loader) for i, part in enumerate(table)]
    return _replaced(model, {id(place): loaded[place.number] for place in places})


def native_reduction(thing: Any) -> Any:
    """Reduce a model that has a native format for a pickle, as ``reducer_override`` does: by its native files."""
    flavor = _native(thing)
    if not flavor:
        return NotImplemented
    with TemporaryFolder() as temporary:
        try:
            saved = FLAVORS[flavor].save(thing, Path(temporary), None)
        except NotCapturable:
            return NotImplemented
        files = sorted(path for path in Path(temporary).rglob("*") if path.is_file())
        content = {str(path.relative_to(temporary)): path.read_bytes() for path in files}
    return from_files, (flavor, content, dict(saved.loader))


def parts_run_code(table: list[PartEntry]) -> bool:
    """Whether loading a part could execute code.

    Raises
    ------
    Corrupted
        If one is of a flavor that is not stored inside of others.
    """
    _refuse_others(table)
    return any(FLAVORS[part.flavor].runs_code(part.loader) for part in table)


def _refuse_others(table: list[PartEntry]) -> None:
    if any(part.flavor not in NATIVE for part in table):
        raise Corrupted(_OTHERS)


def _folder(folder: Path, number: int) -> Path:
    return folder / "model" / f"part{number}"


def _native(part: Any) -> str:
    return next((name for name in NATIVE if FLAVORS[name].accepts(part)), "")


def _holds(outer: Any, part: Any) -> bool:
    """Whether a part, such as an estimator, holds another: its booster."""
    return any(value is part for value in getattr(outer, "__dict__", {}).values())


def _replaced(model: Any, places: Mapping[int, Any]) -> Any:
    """Copy a model with other objects in some places, as ``deepcopy`` does with what it has met before."""
    shared = estimators_of(model, _is_shared)
    return copy.deepcopy(model, {**{id(part): part for part in shared}, **places})


def _is_shared(part: Any) -> bool:
    """Arrays, native objects: what nothing to be replaced is inside of."""
    if type(part).__name__ == "ndarray":
        return bool(part.dtype != object)
    return not isinstance(part, (dict, list, tuple, set, frozenset)) and not hasattr(part, "__dict__")

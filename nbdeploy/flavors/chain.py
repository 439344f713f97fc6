"""A model behind preprocessing steps that are not part of it, each part saved by its own flavor."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import msgspec

from nbdeploy.errors import Corrupted, InvalidData, NotCapturable
from nbdeploy.flavors import FLAVORS, Flavor, Saved, flavors_for
from nbdeploy.flavors.asking import in_one_thread
from nbdeploy.flavors.loaders import PartEntry, read

__all__ = ["FLAVOR", "WITH_CODE", "Chain", "by_hand", "chained", "preprocessed", "step_name"]


@dataclass(frozen=True, eq=False)
class Chain:
    """A model, and the steps that rows go through before it.

    Attributes
    ----------
    steps : tuple of object
        Fitted transformers, and functions from rows to rows, in order.
    model : object
        The model behind them.
    flavor : str
        The flavor that asks it.
    """

    steps: tuple[Any, ...]
    model: Any
    flavor: str

    def __repr__(self) -> str:
        return " → ".join([*map(step_name, self.steps), type(self.model).__name__])


def step_name(step: Any) -> str:
    """What a user calls a step: a function's own name, a transformer's class."""
    return str(getattr(step, "__name__", None) or type(step).__name__)


def apply(step: Any, rows: Any) -> Any:
    """Let rows go through one step."""
    return step.transform(rows) if hasattr(step, "transform") else step(rows)


def preprocessed(steps: Sequence[Any], rows: Any) -> Any:
    """Let rows go through steps, as the notebook does by hand.

    Raises
    ------
    InvalidData
        Naming the step that rejects its rows.
    """
    for number, step in enumerate(steps, start=1):
        try:
            rows = apply(step, rows)
        except Exception as error:
            raise InvalidData(
                f"step {number} of the preprocessing ({step_name(step)}) rejects its rows: "
                f"{type(error).__name__}: {error}; give the data as it was before any of the "
                "steps, and the steps in the order in which they were used",
                step=step_name(step),
            ) from error
    return rows


def chained(steps: Sequence[Any], model: Any) -> Any:
    """Join steps and a model into one model that takes raw rows.

    Where all are scikit-learn's, that is a plain fitted Pipeline, which other tools can load too.

    Raises
    ------
    InvalidData
        If a step neither transforms nor can be called.
    """
    for number, step in enumerate(steps, start=1):
        if isinstance(step, type) or not (callable(getattr(step, "transform", None)) or callable(step)):
            raise InvalidData(
                f"step {number} of the preprocessing is a {step_name(step)}, which has no transform method and cannot "
                "be called; give a fitted transformer, or a function from rows to rows",
                step=step_name(step),
            )
    if not steps:
        return model
    flavor = flavors_for(model)[0]
    if flavor == "sklearn" and all(map(_fits_a_pipeline, steps)):
        pipeline = _pipeline(steps, model)
        if pipeline.__sklearn_is_fitted__():
            return pipeline
    return Chain(tuple(steps), model, flavor)


def by_hand(steps: Sequence[Any], model: Any) -> Callable[[str, Any], Any] | None:
    """How the notebook gets an answer: rows through the steps, then the model. None where there are no steps."""
    return partial(FLAVOR.call, Chain(tuple(steps), model, flavors_for(model)[0])) if steps else None


def _fits_a_pipeline(step: Any) -> bool:
    if not hasattr(step, "transform"):
        return True
    return hasattr(step, "get_params") and flavors_for(step)[0] == "sklearn"


def _pipeline(steps: Sequence[Any], model: Any) -> Any:
    """A fitted Pipeline of fitted parts."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(*(step if hasattr(step, "transform") else FunctionTransformer(step) for step in steps), model)


class _Chains(Flavor):
    """See :class:`nbdeploy.flavors.Flavor`. The methods are those of the model behind the steps.

    Parameters
    ----------
    priority : int
        When it is asked.
    with_code : bool
        Whether parts that their best flavor cannot store without the notebook's code may bring it along.
    """

    one_thread = staticmethod(in_one_thread)

    def __init__(self, priority: int, with_code: bool) -> None:
        self.priority = priority
        self._with_code = with_code

    def accepts(self, model: Any) -> bool:
        return isinstance(model, Chain)

    def methods(self, model: Chain) -> list[str]:
        return FLAVORS[model.flavor].methods(model.model)

    def classes(self, model: Chain) -> list[Any] | None:
        return FLAVORS[model.flavor].classes(model.model)

    def call(self, model: Chain, method: str, data: Any) -> Any:
        rows = preprocessed(model.steps, data)
        try:
            return FLAVORS[model.flavor].call(model.model, method, rows)
        except Exception as error:
            last = step_name(model.steps[-1])
            raise InvalidData(
                f"the model ({step_name(model.model)}) rejects the rows that {last} gives it: "
                f"{type(error).__name__}: {error}; --preprocess takes the steps in the order in which they were used",
                step=last,
            ) from error

    def save(self, model: Chain, folder: Path, module: str | None, example: Any = None) -> Saved:
        saved = []
        for i, part in enumerate((*model.steps, model.model)):
            saved.append(_save(part, _folder(folder, i), module, example, self._flavors(part)))
            if example is not None and i < len(model.steps):
                example = apply(part, example)
        parts = [{"flavor": name, "loader": dict(one.loader)} for name, one in saved]
        packages = frozenset[str]().union(*(one.packages for _, one in saved))
        return Saved(any(one.runs_code for _, one in saved), {"parts": parts}, packages)

    def reached(self, model: Chain) -> Any:
        return SimpleNamespace(steps=[*map(self._reached, model.steps)], model=self._reached(model.model))

    def _reached(self, part: Any) -> Any:
        """What of a part may refer to the notebook's code, whichever of its flavors stores it."""
        reached = [FLAVORS[name].reached(part) for name in self._flavors(part)]
        several = [one for one in reached if one is not None and one is not part]
        whole = part if any(one is part for one in reached) else None
        return [whole, *several] if several else whole

    def _flavors(self, part: Any) -> list[str]:
        """The flavors for a part, the best first: those that need no more of the notebook, or all of them."""
        best, *others = flavors_for(part)
        if self._with_code or FLAVORS[best].reached(part) is not None:
            return [best, *others]
        return [best, *(name for name in others if FLAVORS[name].reached(part) is None)]

    def runs_code(self, loader: Mapping[str, Any]) -> bool:
        return any(FLAVORS[part.flavor].runs_code(part.loader) for part in _parts(loader))

    def load(self, folder: Path, loader: Mapping[str, Any]) -> Chain:
        listed = _parts(loader)
        parts = [FLAVORS[part.flavor].load(_folder(folder, i), part.loader) for i, part in enumerate(listed)]
        return Chain(tuple(parts[:-1]), parts[-1], listed[-1].flavor)


FLAVOR = _Chains(0, with_code=False)
WITH_CODE = _Chains(1, with_code=True)


def _save(part: Any, folder: Path, module: str | None, example: Any, flavors: Sequence[str]) -> tuple[str, Saved]:
    """Save one part by the best of some flavors that can, as a model by itself."""
    *better, last = flavors
    for name in better:
        try:
            return name, FLAVORS[name].save(part, folder, module, example)
        except NotCapturable:
            shutil.rmtree(folder, ignore_errors=True)
    return last, FLAVORS[last].save(part, folder, module, example)


class _Loader(msgspec.Struct, frozen=True):
    """The steps, and the model behind them."""

    parts: Annotated[list[PartEntry], msgspec.Meta(min_length=2)]


def _parts(loader: Mapping[str, Any]) -> list[PartEntry]:
    """Flavor and loader of each part, as a bundle says it."""
    parts = read(loader, _Loader).parts
    wrong = [part.flavor for part in parts if part.flavor not in FLAVORS or isinstance(FLAVORS[part.flavor], _Chains)]
    if wrong:
        raise Corrupted(f"the bundle's steps are none: {', '.join(wrong)}")
    return parts


def _folder(folder: Path, number: int) -> Path:
    return folder / "model" / f"step{number + 1}"

"""What a run declared: outputs and metrics by name, in the folder that holds them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.batch.parameters.values import showable
from nbdeploy.errors import InvalidData, InvalidName

__all__ = ["INDEX", "METRICS", "Declared", "Number", "default_name", "metric_name", "number_of", "output_name"]

Number = int | float
INDEX = "outputs.json"
"""The list of all, written when they are published; no output has this name."""
METRICS = ".metrics"
"""A line for each metric as it was told; the last one of a name counts."""
_NAME = re.compile(r"(?!\.)[\w.-]{1,100}", re.ASCII)
_OTHER = re.compile(r"[^\w.-]+", re.ASCII)
_METRIC = re.compile(r"[^\s:=](?:[^\n\r:=]{0,98}[^\s:=])?")


@dataclass(frozen=True)
class Declared:
    """Outputs and metrics of a run.

    Attributes
    ----------
    outputs : mapping of str to Path
        Files and folders by their names.
    metrics : mapping of str to int or float
        Numbers by their names.
    """

    outputs: Mapping[str, Path] = field(default_factory=dict)
    metrics: Mapping[str, Number] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Declared:
        """All that a folder of outputs holds; nothing, if it is not there."""
        found = {place.name: item for place in _folders(folder) for item in place.iterdir()}
        return cls(dict(sorted(found.items())), _metrics(folder / METRICS))

    def columns(self) -> dict[str, Any]:
        """What the database keeps of it, and the list beside the outputs; paths are relative to their folder."""
        published = [{"name": name, "path": f"{name}/{path.name}"} for name, path in self.outputs.items()]
        return {"outputs": published, "metrics": showable(dict(self.metrics))}

    @classmethod
    def from_columns(cls, outputs: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any], folder: Path) -> Declared:
        """What was published in a folder, as the database has it."""
        paths = {str(each["name"]): folder / str(each["path"]) for each in outputs}
        return cls(paths, {name: number_of(name, value) for name, value in metrics.items()})

    def __bool__(self) -> bool:
        return bool(self.outputs or self.metrics)

    def document(self) -> dict[str, Any]:
        """Paths and values by name, as JSON."""
        return {"outputs": {name: str(path) for name, path in self.outputs.items()}, "metrics": dict(self.metrics)}

    def facts(self) -> list[tuple[str, Any]]:
        """What a card says of them."""
        outputs: list[tuple[str, Any]] = [(f"output {name}", path) for name, path in self.outputs.items()]
        return [*outputs, *((name, f"{value:.6g}") for name, value in self.metrics.items())]


def output_name(name: str) -> str:
    """Return the name of an output, or raise if it cannot be one.

    Raises
    ------
    InvalidName
        If it has other characters than letters, digits, ``.``, ``_`` and ``-``, or begins with a dot.
    """
    if not _NAME.fullmatch(name) or name == INDEX:
        raise InvalidName(
            f"output name {name!r} is not allowed: use 1 to 100 letters, digits, '.', '_' or '-', no dot first"
            + (f", and not {INDEX}" if name == INDEX else ""),
            name=name,
        )
    return name


def default_name(path: Path) -> str:
    """The name of an output that was given none: its file's, without the suffix.

    Examples
    --------
    >>> default_name(Path("out/Scores of May.csv.gz")), default_name(Path("plots.d/"))
    ('Scores_of_May', 'plots')
    """
    return _OTHER.sub("_", path.name.lstrip(".").partition(".")[0])[:100].strip("_") or "output"


def metric_name(name: str) -> str:
    """Return the name of a metric, or raise if it cannot be one.

    Raises
    ------
    InvalidName
        If it is empty, longer than 100 characters, or holds ``:``, ``=`` or a line break.
    """
    if not _METRIC.fullmatch(name):
        raise InvalidName(
            f"metric name {name!r} is not allowed: use 1 to 100 characters, no ':', '=' or line break, no space around",
            name=name,
        )
    return name


def number_of(name: str, value: Any) -> Number:
    """A metric's value: a number, or text that spells one.

    Raises
    ------
    InvalidData
        If it is neither.

    Examples
    --------
    >>> number_of("auc", "0.87"), number_of("rows", 120), number_of("loss", "inf")
    (0.87, 120, inf)
    """
    plain = value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return plain
    with suppress(ValueError, TypeError):
        if isinstance(plain, str) or hasattr(plain, "__float__"):
            return float(plain)
    braces = "; an expression is written in braces, as {auc / 100}" if isinstance(plain, str) else ""
    raise InvalidData(f"metric {name!r} is {value!r}, which is no number{braces}", name=name, value=value)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [place for place in folder.iterdir() if place.is_dir() and not place.name.startswith(".")]


def _metrics(file: Path) -> dict[str, Number]:
    """The last value of each; a line that was cut off is none."""
    if not file.exists():
        return {}
    told: dict[str, Number] = {}
    *lines, _ = file.read_text(encoding="utf-8").split("\n")
    for line in lines:
        name, value = json.loads(line)
        told[name] = number_of(name, value)
    return told

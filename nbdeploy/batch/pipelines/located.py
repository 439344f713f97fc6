"""YAML whose errors name the line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nbdeploy.errors import InvalidData, NbdeployError, NotFound, WrongUsage, alternatives

__all__ = ["Located"]

_Key = tuple[str, ...]


@dataclass(frozen=True)
class Located:
    """A YAML mapping, and where in its file everything is.

    Attributes
    ----------
    path : Path
        The file.
    value : mapping
        What it says.
    lines : mapping
        Line numbers by the keys that lead to a place.
    """

    path: Path
    value: Mapping[str, Any]
    lines: Mapping[_Key, int]

    @classmethod
    def read(cls, path: Path) -> Located:
        """Read a file.

        Raises
        ------
        NotFound
            If it is not there.
        InvalidData
            If it is not a YAML mapping, or has a key twice.
        """
        if not path.is_file():
            raise NotFound("pipeline file", str(path), map(str, path.parent.glob("*.y*ml")))
        try:
            loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
            node = loader.get_single_node()
            lines: dict[_Key, int] = {(): 1}
            if isinstance(node, yaml.MappingNode):
                lines.update(_lines(node, (), path))
            value = None if node is None else loader.construct_document(node)
        except (OSError, UnicodeError) as error:
            raise InvalidData(f"{path} cannot be read: {error}", path=str(path)) from error
        except yaml.YAMLError as error:
            raise InvalidData(f"{path} is no YAML: {error}", path=str(path)) from error
        if not isinstance(value, dict):
            raise InvalidData(f"{path} is no pipeline: it is a mapping with `steps`", path=str(path))
        return cls(path, value, lines)

    def line(self, *keys: str) -> int:
        """The line of a place, or of what is around it."""
        return self.lines[keys] if keys in self.lines else self.line(*keys[:-1])

    def error(self, problem: str, *keys: str) -> WrongUsage:
        """Say what is wrong at a place."""
        line = self.line(*keys)
        return WrongUsage(f"{self.path}, line {line}: {problem}", path=str(self.path), line=line)

    @contextmanager
    def at(self, *keys: str) -> Iterator[None]:
        """Name the place in what is refused inside the block."""
        try:
            yield
        except NbdeployError as error:
            raise self.error(str(error), *keys) from error

    def only(self, known: tuple[str, ...], *keys: str) -> None:
        """Refuse keys of a mapping that are not known.

        Raises
        ------
        WrongUsage
            If it is no mapping, or has others.
        """
        found = self.get(*keys)
        if not isinstance(found, dict):
            raise self.error(f"{'.'.join(keys) or 'a pipeline'} is a mapping", *keys)
        for key in found:
            if key not in known:
                raise self.error(f"no key {key!r}; {alternatives(str(key), known)}", *keys, str(key))

    def get(self, *keys: str) -> Any:
        """What is at a place; None if there is nothing."""
        found: Any = self.value
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found


def _lines(node: yaml.MappingNode, above: _Key, path: Path) -> Iterator[tuple[_Key, int]]:
    seen = set[str]()
    for key, value in node.value:
        name = str(key.value)
        if name in seen:
            raise InvalidData(f"{path}, line {key.start_mark.line + 1}: {name!r} is there twice", path=str(path))
        seen.add(name)
        yield (*above, name), key.start_mark.line + 1
        if isinstance(value, yaml.MappingNode):
            yield from _lines(value, (*above, name), path)

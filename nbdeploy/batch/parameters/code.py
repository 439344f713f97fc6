"""Parameter values as the code of the cell that gives them to a notebook: papermill's translator, with more types."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Container, Iterable, Mapping
from datetime import date, time, timedelta
from pathlib import Path, PurePath
from typing import Any

from papermill.translators import PythonTranslator, papermill_translators

from nbdeploy.batch.parameters.values import Member, Secret, showable

__all__ = ["TypedTranslator", "assignment", "register", "values_for"]


class TypedTranslator(PythonTranslator):  # type: ignore[misc]
    """Writes Python that makes every portable value again.

    What it needs is imported under names that no notebook is likely to use, because ``import datetime`` would take the
    place of ``from datetime import datetime``.
    """

    @classmethod
    def codify(cls, parameters: Mapping[str, Any], comment: str = "Parameters") -> str:
        """The source of the injected cell."""
        writer = _Writer(parameters)
        lines = [_line(name, value, writer) for name, value in parameters.items()]
        imports = [f"import {module} as {alias}" for module, alias in sorted(writer.imported.items())]
        return "\n".join([cls.comment(comment), *imports, *lines, ""])

    @classmethod
    def translate(cls, value: Any) -> str:
        """An expression that needs no import beforehand."""
        return _Writer({}, inline=True).write(value)


def _line(name: str, value: Any, writer: _Writer) -> str:
    if isinstance(value, Secret):
        return f"# {name} is a secret"
    return f"{name} = {writer.write(value)}"


class _Writer:
    """Writes expressions, and remembers what they need.

    Parameters
    ----------
    taken : container of str
        Names that the cell assigns.
    inline : bool
        Whether modules are imported within the expression.
    """

    def __init__(self, taken: Container[str], inline: bool = False) -> None:
        self.taken = taken
        self.inline = inline
        self.imported: dict[str, str] = {}

    def module(self, name: str) -> str:
        """The name of a module in the cell."""
        if self.inline:
            return f"__import__({name!r})"
        alias = f"_{name}"
        while alias in self.taken:
            alias = f"_{alias}"
        return self.imported.setdefault(name, alias)

    def builtin(self, name: str) -> str:
        """The name of a built-in function in the cell."""
        return f"{self.module('builtins')}.{name}" if name in self.taken else name

    def write(self, value: Any) -> str:
        """An expression for a value."""
        match value:
            case None | bool() | int():
                return repr(value)
            case float():
                return repr(value) if math.isfinite(value) else f"{self.builtin('float')}({str(value)!r})"
            case str():
                return repr(value)
            case list():
                return f"[{self._several(value)}]"
            case tuple():
                return f"({self._several(value)}{',' * (len(value) == 1)})"
            case set():
                return f"{{{self._several(_sorted(value)) or '*()'}}}"
            case frozenset():
                inner = f"{{{self._several(_sorted(value))}}}" if value else ""
                return f"{self.builtin('frozenset')}({inner})"
            case Mapping():
                pairs = (f"{self.write(key)}: {self.write(item)}" for key, item in value.items())
                return f"{{{', '.join(pairs)}}}"
            case Member(enumeration=enumeration, name=name):
                plain = name.isidentifier() and not keyword.iskeyword(name)
                return f"{enumeration}.{name}" if plain else f"{enumeration}[{name!r}]"
            case PurePath():
                kind = "Path" if isinstance(value, Path) else type(value).__name__
                return f"{self.module('pathlib')}.{kind}({str(value)!r})"
            case date() | time() | timedelta():
                return self._calendar(value)
        raise TypeError(f"{type(value).__name__} has no translation")  # bind lets nothing else through

    def _several(self, items: Iterable[Any]) -> str:
        return ", ".join(self.write(item) for item in items)

    def _calendar(self, value: date | time | timedelta) -> str:
        """As Python itself writes them, which begins with the module's name."""
        written = repr(value)
        for module in ("datetime", "zoneinfo"):
            name = rf"(?<![\w.'/]){module}\.(?=[a-zA-Z])"
            if re.search(name, written):
                written = re.sub(name, f"{self.module(module)}.", written)
        return written


def _sorted(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=repr)


def register() -> None:
    """Make the translator known to papermill."""
    papermill_translators.register("python", TypedTranslator)


def assignment(name: str, value: str, kernel: str, language: str) -> str:
    """Code that assigns a text, in the language of a kernel."""
    translator = papermill_translators.find_translator(kernel, language)
    return str(translator.assign(name, translator.translate(value)))


def values_for(language: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are given to papermill: of other languages it knows numbers, texts, lists and dicts."""
    if language == "python":
        return dict(values)
    return {name: showable(value) for name, value in values.items() if not isinstance(value, Secret)}

"""The user's names: what words of a line stand for."""

from __future__ import annotations

from collections.abc import Container, Mapping
from string import Formatter
from types import CodeType
from typing import Any

from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.magics.pieces import Expansion, Text
from nbdeploy.magics.words import Word

__all__ = ["Namespace", "whole"]

_formatter = Formatter()


class Namespace:
    """The names that a line can use.

    Parameters
    ----------
    names : mapping of str to object
        The variables of the notebook.
    inner : mapping of str to object, optional
        Local variables, if the line stands in a function; they win.
    hidden : container of str, optional
        Names that are not the user's own, and never suggested.

    Examples
    --------
    >>> Namespace({"rows": [1, 2]}).evaluate("rows[0]")
    1
    """

    def __init__(
        self, names: Mapping[str, Any], inner: Mapping[str, Any] | None = None, hidden: Container[str] = ()
    ) -> None:
        self._names = {**names, **(inner or {})}
        self._hidden = hidden

    def visible(self) -> list[str]:
        """The user's own names, sorted."""
        return sorted(name for name in self._names if name not in self._hidden and not name.startswith("_"))

    def evaluate(self, word: str) -> object:
        """What a word stands for where an expression is expected.

        Raises
        ------
        NotFound
            If it uses an unknown name.
        WrongUsage
            If it is not an expression, or raises.
        """
        only = whole(word)
        if only is not None and (_compiled(only.code) or not _compiled(word)):
            return self._value(only)
        return self._run(word, str(word).removeprefix("$"))

    def expand(self, word: str) -> object:
        """What a word stands for where text is expected: an object if it is one expansion, else text.

        Raises
        ------
        NotFound
            If it uses an unknown name.
        WrongUsage
            If an expansion is not an expression, or raises.
        """
        if not isinstance(word, Word):
            return word
        only = whole(word)
        if only is not None:
            return self._value(only)
        return "".join(part.source if isinstance(part, Text) else str(self._value(part)) for part in word.pieces)

    def _value(self, expansion: Expansion) -> object:
        if _compiled(expansion.code) is not None:
            return self._run(expansion.source, expansion.code)
        code, conversion, spec = _format_parts(expansion)
        value = self._run(expansion.source, code)
        try:
            return format(_formatter.convert_field(value, conversion), spec)
        except (TypeError, ValueError) as error:
            raise WrongUsage(f"{expansion.source} cannot be formatted: {error}") from error

    def _run(self, source: str, code: str) -> object:
        compiled = _compiled(code)
        if compiled is None:
            raise WrongUsage(f"{source} is not a Python expression; single quotes keep text as it is: '{source}'")
        try:
            return eval(compiled, self._names)  # noqa: S307 - the user's own expression in her own kernel
        except NameError as error:
            if error.name is None or error.name not in compiled.co_names or error.name in self._names:
                raise WrongUsage(f"{source} raised NameError: {error}") from error
            raise self._unknown(source, error.name) from error
        except Exception as error:
            raise WrongUsage(f"{source} raised {type(error).__name__}: {error}") from error

    def _unknown(self, source: str, name: str) -> NotFound:
        hint = f"single quotes keep {source} as it is; " if source[0] in "${" else ""
        return NotFound("variable", name, self.visible(), hint=f"{hint}nothing was run")


def whole(word: str) -> Expansion | None:
    """The expansion that is the whole word, if it is one."""
    if isinstance(word, Word) and len(word.pieces) == 1 and isinstance(word.pieces[0], Expansion):
        return word.pieces[0]
    return None


def _compiled(code: str) -> CodeType | None:
    try:
        return compile(code.strip(), "<%deploy>", "eval", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None


def _format_parts(expansion: Expansion) -> tuple[str, Any, str]:
    """Read ``expr!r:spec``, as in an f-string."""
    try:
        ((_, code, spec, conversion),) = _formatter.parse("{" + expansion.code + "}")
    except ValueError:
        code, spec, conversion = None, None, None
    if not code or not (spec or conversion):
        raise WrongUsage(
            f"{expansion.source} is not a Python expression; single quotes keep text as it is: '{expansion.source}'"
        )
    return code, conversion, spec or ""

"""Where source is found: cells of the notebook, bodies of cell magics, scripts, and helper modules."""

from __future__ import annotations
import __future__

import ast
import functools
import linecache
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

__all__ = ["Text", "Trail", "same_code", "text_of", "texts"]

_FUTURES = __future__.annotations.compiler_flag
_TERMINAL = re.compile(r"<ipython-input-(\d+)-")

Trail = tuple[ast.AST, ...]
"""A node and everything around it, the outermost first."""


@dataclass(frozen=True)
class Text:
    """One piece of source as it was compiled.

    Attributes
    ----------
    filename : str
        The name that code compiled from it carries; a cell magic's body has its cell's.
    source : str
        The text.
    above : int
        Lines of the cell above this text.
    """

    filename: str
    source: str = field(repr=False)
    above: int = 0

    @functools.cached_property
    def tree(self) -> ast.Module:
        """Its syntax; empty where it is no Python."""
        return _parsed(self.source)

    def trails(self) -> Iterator[Trail]:
        """Every definition, with what it is defined in."""
        yield from _trails(self.tree, ())

    def codes(self, flags: int = 0) -> Iterator[CodeType]:
        """The code of everything in it, as this interpreter compiles it."""
        try:
            code = compile(self.source, self.filename, "exec", flags & _FUTURES, dont_inherit=True)
        except (SyntaxError, ValueError):
            return
        yield from _nested(code)

    def place(self, line: int) -> str:
        """Where a line is, as a reader of the notebook says it.

        Examples
        --------
        >>> Text("<ipython-input-3-5b82>", "").place(2)
        'In [3], line 2'
        """
        return f"{_label(self.filename)}, line {line + self.above}"


@functools.lru_cache(maxsize=512)
def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _trails(node: ast.AST, above: Trail) -> Iterator[Trail]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield (*above, child)
            yield from _trails(child, (*above, child))
        else:
            yield from _trails(child, above)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two functions were compiled from the same text."""
    return (
        (one.co_name, one.co_firstlineno, one.co_code, one.co_names)
        == (other.co_name, other.co_firstlineno, other.co_code, other.co_names)
        and len(one.co_consts) == len(other.co_consts)
        and all(
            same_code(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else a == b and type(a) is type(b)
            for a, b in zip(one.co_consts, other.co_consts, strict=True)
        )
    )


def text_of(code: CodeType) -> Text | None:
    """Find the text that a function was compiled from.

    Cells are as they were when they ran. A file may have been edited since: then it is not what was run.
    """
    if Path(code.co_filename).is_file():
        linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)
    if lines:
        text = Text(code.co_filename, "".join(lines))
        if code.co_filename in _interactive() or any(same_code(code, c) for c in text.codes(code.co_flags)):
            return text
        return None
    # The body of a cell magic (%%time) is compiled under a name that leads nowhere.
    for text in reversed(list(_bodies())):
        if any(same_code(code, found) for found in text.codes(code.co_flags)):
            return text
    return None


def texts() -> list[Text]:
    """Everything that the running script or the notebook has executed, oldest first."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    names = [*([script] if script else []), *_interactive()]
    found = [Text(name, "".join(linecache.getlines(name))) for name in names]
    return [*found, *_bodies()]


def _interactive() -> list[str]:
    """Names under which the interactive shell has compiled cells, oldest first."""
    known = getattr(getattr(_shell(), "compile", None), "_filename_map", {})
    return [name for name in linecache.cache if name in known or "ipykernel" in name or _TERMINAL.match(name)]


def _bodies() -> Iterator[Text]:
    """Bodies of cell magics: the shell keeps a call of ``run_cell_magic`` in the place of the cell."""
    for name in _interactive():
        for call in ast.walk(_parsed("".join(linecache.getlines(name)))):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "run_cell_magic":
                body = call.args[-1]
                if isinstance(body, ast.Constant) and isinstance(body.value, str):
                    yield Text(name, _transformed(body.value), above=1)


def _transformed(cell: str) -> str:
    shell = _shell()
    if shell is not None:
        return str(shell.transform_cell(cell))
    from IPython.core.inputtransformer2 import TransformerManager

    return str(TransformerManager().transform_cell(cell))  # type: ignore[no-untyped-call]


def _label(filename: str) -> str:
    numbered = _TERMINAL.match(filename)
    number = numbered[1] if numbered else getattr(_shell(), "compile", None) and _number(filename)
    if number:
        return f"In [{number}]"
    path = Path(filename)
    return path.name if path.is_absolute() else filename


def _number(filename: str) -> str | None:
    number = getattr(_shell().compile, "_filename_map", {}).get(filename)
    return None if number is None else str(number)


def _shell() -> Any:
    """The running interactive shell, if there is one; IPython is not imported for the question."""
    module = sys.modules.get("IPython")
    return None if module is None else module.get_ipython()

"""Inside a run that goes on: bringing back what the cells before had made."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbdeploy.batch.checkpoints.saving import note_definitions, read, unpickled
from nbdeploy.errors import NbdeployError

__all__ = ["restore"]

_SETTINGS = frozenset({"load_ext", "reload_ext", "matplotlib", "autoreload", "config", "env", "set_env", "cd"})
"""Magics that set the kernel up."""
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def restore(plan: str) -> None:
    """Execute again what cells import and define, and bring their saved variables back.

    Parameters
    ----------
    plan : str
        Path of a JSON file: ``cells``, each with its ``source`` and whether it is executed as a ``whole``, and
        ``files``, the checkpoints from old to new.

    Raises
    ------
    NbdeployError
        If a cell that is executed as a whole fails.
    """
    from IPython import get_ipython

    shell: Any = get_ipython()
    facts = json.loads(Path(plan).read_text(encoding="utf-8"))
    waiting: list[tuple[int, str]] = []
    for cell in facts["cells"]:
        if cell["whole"]:
            if not shell.run_cell(cell["source"], store_history=False).success:
                raise NbdeployError(f"cell {cell['number']} failed when it was executed again")
            continue
        found = _definitions(shell, cell["source"])
        waiting += [(cell["number"], source) for source in found if _executed(shell, source) is not None]
    names: list[str] = []
    for path in facts["files"]:
        known, file = read(Path(path))
        with file:
            shell.user_ns.update(unpickled(file))
        names += known
    for number, source in waiting:  # these may have needed the variables
        error = _executed(shell, source)
        if error is not None:
            first = source.partition("\n")[0]
            print(f"not defined again: {first!r} of cell {number} ({type(error).__name__}: {error})")  # noqa: T201
    print(f"restored {', '.join(dict.fromkeys(names))}")  # noqa: T201


def _definitions(shell: Any, cell: str) -> Iterator[str]:
    """The statements of a cell that import, define or set up."""
    try:
        text = shell.transform_cell(cell)
        tree = ast.parse(text)
    except SyntaxError:
        return
    lines = text.splitlines()
    for node in tree.body:
        if not _defines(node):
            continue
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            note_definitions({node.name})
        yield "\n".join(lines[first - 1 : node.end_lineno])


def _defines(node: ast.stmt) -> bool:
    match node:
        case ast.Try(body=body, orelse=others, finalbody=last, handlers=handlers):
            inner = [*body, *others, *last, *(each for handler in handlers for each in handler.body)]
            return all(map(_defines, inner)) and any(isinstance(each, _DEFINITIONS) for each in inner)
        case ast.If(body=body, orelse=others):
            inner = [*body, *others]
            return all(map(_defines, inner)) and any(isinstance(each, _DEFINITIONS) for each in inner)
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            return name.isupper() and value is not None and _is_literal(value)
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="run_line_magic"), args=[ast.Constant(value=magic), *_])):
            return magic in _SETTINGS
        case ast.Pass():
            return True
    return isinstance(node, _DEFINITIONS)


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError):
        return False
    return True


def _executed(shell: Any, source: str) -> Exception | None:
    """Execute a statement in the user's namespace, so that tools still find its source; the error, if it fails."""
    try:
        name = shell.compile.cache(source, raw_code=source)
        exec(compile(source, name, "exec", shell.compile.flags), shell.user_ns)  # noqa: S102
    except Exception as error:
        return error
    return None

"""What captured source reads from its environment, and so has to find wherever it is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbdeploy.snapshots.capture.capture import Captured

__all__ = ["settings_of"]


def settings_of(captured: Captured) -> list[str]:
    """Say which environment variables captured source reads, as far as it names them.

    Parameters
    ----------
    captured : Captured
        The source.

    Returns
    -------
    list of str
        One warning, or none.
    """
    sources = [content for path, content in captured.files.items() if path.endswith(".py")]
    names = sorted({name for source in sources for name in _read(ast.parse(source))})
    if not names:
        return []
    return [f"its code reads from the environment: {', '.join(names)}; set this wherever the snapshot is used"]


def _read(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        name: ast.expr | None = None
        if isinstance(node, ast.Subscript) and _is_environ(node.value) and isinstance(node.ctx, ast.Load):
            name = node.slice
        elif isinstance(node, ast.Call) and node.args and _is_reader(node.func):
            name = node.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value


def _is_environ(node: ast.expr) -> bool:
    return getattr(node, "attr", getattr(node, "id", "")) == "environ"


def _is_reader(node: ast.expr) -> bool:
    """Whether it is ``os.getenv``, ``getenv`` or ``os.environ.get``."""
    called = getattr(node, "attr", getattr(node, "id", ""))
    return called == "getenv" or (called == "get" and isinstance(node, ast.Attribute) and _is_environ(node.value))

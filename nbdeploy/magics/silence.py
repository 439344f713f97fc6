"""A final ``;`` silences a line's answer, and an assignment still receives it."""

from __future__ import annotations

import ast

from nbdeploy.errors import NbdeployError
from nbdeploy.magics.words import split

__all__ = ["Silencer"]

_CALLS = {"run_line_magic", "run_cell_magic"}


class Silencer(ast.NodeTransformer):
    """Makes the statement ``%deploy …;`` an expression without a value. Assignments are other statements.

    Parameters
    ----------
    magic : str
        The magic's name.
    """

    def __init__(self, magic: str) -> None:
        self.magic = magic

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """Replace ``call`` by ``(call, None)[1]`` where the call is ours and ends with a semicolon."""
        if not (isinstance(node.value, ast.Call) and self._is_silent(node.value)):
            return node
        both = ast.Tuple([node.value, ast.Constant(None)], ast.Load())
        silent = ast.Expr(ast.Subscript(both, ast.Constant(1), ast.Load()))
        return ast.fix_missing_locations(ast.copy_location(silent, node))

    def _is_silent(self, call: ast.Call) -> bool:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        words = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
        if name not in _CALLS or not words or words[0] != self.magic:
            return False
        try:
            return split("\n".join(str(word) for word in words[1:])).silent
        except NbdeployError:
            return False

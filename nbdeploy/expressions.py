"""Conditions about metrics, such as ``auc >= champion.auc - 0.002``: parsed, never executed as Python.

Numbers, percentages (``1%``), names, ``champion.auc``; ``+ - * /``, comparisons (chained too), ``and or not``,
parentheses, ``abs``, ``min``, ``max``. Nothing else is understood, so a condition may come from anybody.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any

from nbdeploy.errors import InvalidData, NotFound, WrongUsage

__all__ = ["Condition", "parse"]

Values = Mapping[str, float | None]
_Number = Callable[[Values], float | None]
_Truth = Callable[[Values], bool | None]

_LONGEST = 1000
_DEEPEST = 100
_EXAMPLE = "write a condition such as auc >= champion.auc - 0.002, or error_rate < 1%"
_PERCENT = re.compile(r"(?<![\w.])((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*%")
_ARITHMETIC: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SIGNS: dict[type, Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_COMPARISONS: dict[type, Callable[[float, float], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {"abs": (1, abs), "max": (2, max), "min": (2, min)}


@dataclass(frozen=True)
class Condition:
    """A condition that can be asked about values.

    Attributes
    ----------
    text : str
        As it was written.
    names : frozenset of str
        The names in it: ``auc``, ``champion.auc``.
    """

    text: str
    names: frozenset[str]
    _truth: _Truth = field(repr=False, compare=False)

    def holds(self, values: Values) -> bool | None:
        """Whether the condition is true.

        Parameters
        ----------
        values : mapping of str to float or None
            What each name stands for; None where that is not known. What depends on it is not known either.

        Returns
        -------
        bool or None
            None where it depends on values that are not known: ``known and unknown`` is false if ``known`` is.

        Raises
        ------
        NotFound
            If a name has no value; the message says which names have.
        InvalidData
            If something is divided by zero.

        Examples
        --------
        >>> parse("auc >= champion.auc - 0.002").holds({"auc": 0.9, "champion.auc": 0.91})
        False
        """
        for name in sorted(self.names):
            if name not in values:
                raise NotFound("metric", name, values, hint=f"the condition is {self.text!r}")
        try:
            return self._truth(values)
        except ZeroDivisionError:
            known = ", ".join(f"{name} is {values[name]}" for name in sorted(self.names))
            raise InvalidData(f"the condition {self.text!r} divides by zero where {known}") from None


def parse(text: str) -> Condition:
    """Read a condition.

    Raises
    ------
    WrongUsage
        If it is none; the message says what is not understood in it.

    Examples
    --------
    >>> sorted(parse("auc >= champion.auc - 0.002 and error_rate < 1%").names)
    ['auc', 'champion.auc', 'error_rate']
    """
    if len(text) > _LONGEST:
        raise WrongUsage(f"a condition has at most {_LONGEST} characters, and this one {len(text)}")
    reader = _Reader(text)
    try:
        tree = ast.parse(_PERCENT.sub(r"(\1/100)", text).strip(), mode="eval")
        if _depth(tree) > _DEEPEST:
            raise RecursionError
        truth = reader.truth(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        hint = "; compare with ==" if re.search(r"(?<![<>=!])=(?!=)", text) else ""
        reason = error.msg if isinstance(error, SyntaxError) else "it is too deep, or has an odd character"
        raise WrongUsage(f"the condition {text!r} is not understood: {reason}{hint}; {_EXAMPLE}") from error
    return Condition(text, frozenset(reader.names), truth)


class _Reader:
    """Turns a syntax tree into functions of values; what is not listed here is refused."""

    def __init__(self, text: str) -> None:
        self.names: set[str] = set()
        self._text = text

    def truth(self, node: ast.expr) -> _Truth:
        match node:
            case ast.BoolOp(op=operation, values=parts):
                return _joined([self.truth(part) for part in parts], isinstance(operation, ast.Or))
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return _negated(self.truth(inner))
            case ast.Compare(left=left, ops=operations, comparators=others) if all(
                type(one) in _COMPARISONS for one in operations
            ):
                pairs = pairwise([self.number(one) for one in (left, *others)])
                steps = [_compared(_COMPARISONS[type(op)], *pair) for op, pair in zip(operations, pairs, strict=True)]
                return _joined(steps, False)
        raise self._refusal(node, "is no comparison")

    def number(self, node: ast.expr) -> _Number:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return _constant(float(value))
            case ast.Name(id=name):
                return self._named(name)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                return self._named(f"{owner}.{name}")
            case ast.UnaryOp(op=sign, operand=inner) if type(sign) in _SIGNS:
                return _applied(_SIGNS[type(sign)], [self.number(inner)])
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _ARITHMETIC:
                return _applied(_ARITHMETIC[type(operation)], [self.number(left), self.number(right)])
            case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in _FUNCTIONS:
                least, function = _FUNCTIONS[name]
                if len(given) >= least and (least > 1 or len(given) == least):
                    return _applied(function, [self.number(one) for one in given])
        raise self._refusal(node, "is no number or metric")

    def _named(self, name: str) -> _Number:
        self.names.add(name)
        return lambda values: values[name]

    def _refusal(self, node: ast.expr, why: str) -> WrongUsage:
        return WrongUsage(f"the condition {self._text!r} is not understood: {ast.unparse(node)!r} {why}; {_EXAMPLE}")


def _depth(node: ast.AST) -> int:
    return 1 + max(map(_depth, ast.iter_child_nodes(node)), default=0)


def _constant(value: float) -> _Number:
    return lambda _: value


def _applied(function: Callable[..., Any], parts: list[_Number]) -> Callable[[Values], Any]:
    """Compute from what the parts are; not known if one of them is not."""

    def compute(values: Values) -> Any:
        known = [part(values) for part in parts]
        return None if None in known else function(*known)

    return compute


def _compared(comparison: Callable[[float, float], bool], left: _Number, right: _Number) -> _Truth:
    return _applied(comparison, [left, right])


def _negated(truth: _Truth) -> _Truth:
    return _applied(operator.not_, [truth])


def _joined(parts: list[_Truth], default: bool) -> _Truth:
    """Kleene's ``or`` (default true) and ``and``: decided by one part that decides it, else by all being known."""

    def compute(values: Values) -> bool | None:
        return reduce(lambda a, b: default if default in (a, b) else None if None in (a, b) else a, _each(values))

    def _each(values: Values) -> list[bool | None]:
        return [part(values) for part in parts]

    return compute

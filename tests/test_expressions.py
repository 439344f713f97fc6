"""Conditions mean what they mean in Python, and nothing else is understood."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbdeploy.errors import InvalidData, NotFound, WrongUsage
from nbdeploy.expressions import parse


class Metrics:
    """What ``champion`` is for Python's own eval."""

    def __init__(self, **values: float) -> None:
        self.__dict__.update(values)


VALUES = {"auc": 0.875, "rmse": 2.0, "zero": 0.0, "champion.auc": 0.9, "champion.rmse": -1.5}
PYTHON: dict[str, Any] = {
    **{name: value for name, value in VALUES.items() if "." not in name},
    "champion": Metrics(auc=0.9, rmse=-1.5),
    "abs": abs,
    "min": min,
    "max": max,
    "__builtins__": {},
}

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

leaves = st.one_of(
    st.sampled_from(sorted(VALUES)),
    st.integers(0, 50).map(str),  # so small that products of whole numbers are exact as floats, too
    st.floats(0, 1e6, allow_nan=False).map(repr),
)
numbers = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        inner.map("abs({})".format),
        st.tuples(st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda call: f"{call[0]}({', '.join(call[1])})"
        ),
    ),
    max_leaves=8,
)
comparisons = st.tuples(
    numbers, st.lists(st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers), min_size=1, max_size=2)
).map(lambda parts: " ".join([parts[0], *(word for pair in parts[1] for word in pair)]))
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map("not ({})".format),
        inner.map("({})".format),
    ),
    max_leaves=4,
)


@UNHURRIED
@given(conditions)
def test_a_condition_is_what_python_says(text: str) -> None:
    """Precedence, chains, signs and functions are Python's own."""
    if len(text) > 1000:
        return
    condition = parse(text)
    try:
        expected = eval(text, dict(PYTHON))
    except ZeroDivisionError:
        return  # Python stops at the first part that decides; a condition is asked as a whole
    try:
        assert condition.holds(VALUES) is expected
    except InvalidData:
        assert "/" in text


@given(st.floats(0, 1e6), st.sampled_from(["{}%", "{} %", "({}%)", "0 + {}%"]))
def test_a_percentage_is_a_hundredth(value: float, form: str) -> None:
    """1% is 0.01, wherever a number may stand."""
    condition = parse(f"x == {form.format(repr(value))}")
    assert condition.holds({"x": value / 100})
    assert not condition.holds({"x": value / 100 + 1})


@UNHURRIED
@given(conditions, conditions)
def test_what_is_unknown_decides_nothing_and_hides_nothing(left: str, right: str) -> None:
    """With a value unknown the answer is unknown, or the one that every value would give."""
    text = f"({left}) and ({right})"
    if len(text) > 1000:
        return
    condition = parse(text)
    try:
        said = condition.holds({**VALUES, "champion.auc": None})
        if said is not None:
            for value in (-1e9, 0.0, 0.5, 1e9, math.pi):
                assert condition.holds({**VALUES, "champion.auc": value}) is said
    except InvalidData:
        pass


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "auc",
            "auc - 1",
            "1",
            "True",
            "auc > True",
            "auc > 'x'",
            "auc = 1",
            "auc ==",
            "auc > 5 % 2",
            "auc > 5%%",
        ),
        *("__import__('os').system('x') > 0", "().__class__ > 0", "auc.real.imag > 0", "auc[0] > 0", "[1][0] > 0"),
        *("(lambda: 1)() > 0", "auc if auc else 1 > 0", "2 ** 9 > 0", "auc // 1 > 0", "auc is 1", "auc in (1,)"),
        *("abs(auc, 1) > 0", "min(auc) > 0", "max(*auc) > 0", "min(a=1, b=2) > 0", "pow(2, 3) > 0", "f'{auc}' > 0"),
        *("(auc > 1) + 1 > 0", "(auc > 1) > 0", "auc and auc > 1", "not auc", "x := 1", "auc > 1; auc", "auc > 1j"),
        *("(" * 300 + "1" + ")" * 300 + " > 0", "-" * 900 + "1 > 0", "a\0 > 1", "1 > 0 # x" * 200, "await auc > 1"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """No calls, attributes of attributes, subscripts, strings, powers: what is not listed is not understood."""
    with pytest.raises(WrongUsage):
        parse(text)


def test_an_unknown_metric_says_which_there_are() -> None:
    """The name, what is close to it, and the condition."""
    with pytest.raises(NotFound, match=r"no metric 'acu'; did you mean auc\?; the condition is 'acu > 1'"):
        parse("acu > 1").holds(VALUES)
    with pytest.raises(InvalidData, match=r"'auc / zero > 1' divides by zero where auc is 0.875, zero is 0.0"):
        parse("auc / zero > 1").holds(VALUES)
    with pytest.raises(WrongUsage, match="compare with =="):
        parse("auc = 1")

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.magics.namespace import Namespace
from nbdeploy.magics.words import split

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text(" '\"{}$x#;-", max_size=10)


def expand(text: str, **names: Any) -> list[object]:
    namespace = Namespace(names)
    return [namespace.expand(word) for word in split(text).words]


def evaluate(text: str, **names: Any) -> object:
    (word,) = split(text).words
    return Namespace(names).evaluate(word)


@given(anything)
def test_values_are_never_split_or_expanded_again(value: str) -> None:
    """Whatever text a variable holds, it arrives whole and as it is."""
    whole, inside, quoted = expand('{x} a-$x-b "$x {x}"', x=value)
    assert whole is value
    assert inside == f"a-{value}-b"
    assert quoted == f"{value} {value}"


@given(anything)
def test_values_never_become_options(value: str) -> None:
    """A word that holds an expansion is not taken for an option, whatever the value begins with."""
    (word,) = split("$x").words
    assert not word.startswith("-")
    assert Namespace({"x": value}).expand(word) is value


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$x", 7),
        ("{x + 1}", 8),
        ("$x.csv", "7.csv"),
        ("run-{x}", "run-7"),
        ('"{x} of {x}"', "7 of 7"),
        ("'$x {x}'", "$x {x}"),
        ("{{x}}", "{{x}}"),
        ("$$x", "$x"),
        ("$5", "$5"),
        ("{x:03d}", "007"),
        ("{x!r:>3}", "  7"),
        ("[$x,'$x']", "[7,'$x']"),
    ],
)
def test_text_slots(text: str, result: object) -> None:
    """A whole expansion is the object; inside text it is its str; quotes and doubling keep it literal."""
    assert expand(text, x=7) == [result]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("x", 7),
        ("$x", 7),
        ("{x}", 7),
        ("d['a b']", 1),
        ("$d['a b']", 1),
        ("'x + 1'", 8),
        ('{"a": x}', {"a": 7}),
        ("[x for _ in d]", [7]),
        ("[{'k': x}]", [{"k": 7}]),
    ],
)
def test_expression_slots(text: str, result: object) -> None:
    """An expression is evaluated as it was written, with or without the signs of an expansion."""
    assert evaluate(text, x=7, d={"a b": 1}) == result


def test_unknown_names_are_named_with_what_is_close() -> None:
    """The message says which name is unknown, and what may have been meant."""
    with pytest.raises(NotFound, match="no variable 'X_trian'; did you mean X_train") as caught:
        evaluate("X_trian", X_train=1, _hidden=2)
    assert caught.value.available == ["X_train"]


def test_an_unknown_name_in_text_tells_how_to_keep_the_text() -> None:
    """Text with a dollar sign may be meant as it is."""
    with pytest.raises(NotFound, match=r"single quotes keep \$price as it is"):
        expand("cost$price")


@pytest.mark.parametrize(("text", "reason"), [("{1 +}", "not a Python expression"), ("{1/0}", "ZeroDivisionError")])
def test_expressions_that_fail_are_wrong_usage(text: str, reason: str) -> None:
    """What cannot be evaluated is shown with the reason."""
    with pytest.raises(WrongUsage, match=reason):
        expand(text)


def test_a_name_error_inside_the_users_code_is_not_an_unknown_variable() -> None:
    """A function that fails inside is reported as raising."""

    def broken() -> None:
        raise NameError("name 'inner' is not defined", name="inner")

    with pytest.raises(WrongUsage, match=r"broken\(\) raised NameError"):
        evaluate("broken()", broken=broken)


def test_local_variables_win_also_in_nested_scopes() -> None:
    """A comprehension sees the local variables of the function in which the line stands."""
    namespace = Namespace({"x": 1}, {"x": 2, "y": [0]})
    assert namespace.evaluate("[x for _ in y]") == [2]

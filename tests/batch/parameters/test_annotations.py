"""What a text means under a type."""

from __future__ import annotations

import ast
import json
import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from papermill.cli import _resolve_type

from nbdeploy.batch.parameters.annotations import convert, from_text, guess, read_annotation, type_of_default

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
NESTED = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@hypothesis_settings(deadline=None)
@given(st.text() | st.integers().map(str) | st.floats().map(str) | st.sampled_from(["True", "False", "None", " 1 "]))
def test_guess_is_papermills(text: str) -> None:
    """Without any type a text means what papermill's own command line makes of it."""
    ours, theirs = guess(text), _resolve_type(text)
    assert type(ours) is type(theirs)
    assert repr(ours) == repr(theirs)


@hypothesis_settings(deadline=None)
@given(st.integers())
def test_int(value: int) -> None:
    """A written whole number is read back exactly, however large."""
    assert from_text(str(value), int) == value


@hypothesis_settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_float(value: float) -> None:
    """A written number is read back to the last bit."""
    assert from_text(repr(value), float) == value
    assert math.isnan(from_text("nan", float))


@hypothesis_settings(deadline=None)
@given(st.text())
def test_text_stays_text(value: str) -> None:
    """A text parameter is never read as anything else, also if it looks like a number or None."""
    assert from_text(value, str) == value
    assert from_text(value, type_of_default("007")) == value


@hypothesis_settings(deadline=None)
@given(st.lists(NESTED), st.dictionaries(st.text(), NESTED))
def test_containers(items: list[Any], table: dict[str, Any]) -> None:
    """Lists and dicts are read as JSON writes them, and as Python prints them."""
    for value, kind in ((items, list), (table, dict)):
        assert from_text(json.dumps(value), kind) == value
    finite = [item for item in items if "inf" not in repr(item)]
    assert from_text(repr(finite), list) == finite


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("int", int),
        ("None", type(None)),
        ("'float'", float),
        ("list[int]", list[int]),
        ("typing.List[str]", list[str]),
        ("dict[str, float]", dict[str, float]),
        ("int | None", int | None),
        ("Optional[str]", str | None),
        ("Union[int, str]", int | str),
        ("Literal['a', 'b']", Literal["a", "b"]),
        ("Annotated[int, 'months']", int),
        ("tuple[int, int]", list),
        ("pd.DataFrame", Any),
        ("int | DataFrame", Any),
        ("f(x)", Any),
        ("'not python ('", Any),
    ],
)
def test_annotations(written: str, expected: Any) -> None:
    """Simple annotations are understood without evaluating them; others check nothing."""
    assert read_annotation(ast.parse(written, mode="eval").body) == expected


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("yes", bool, True),
        ("False", bool, False),
        ("0", bool, False),
        ("None", int | None, None),
        ("null", str | None, None),
        ("7", int | str, 7),
        ("seven", int | str, "seven"),
        ("1", bool | int, 1),
        ("b", Literal["a", "b"], "b"),
        ("2", Literal[1, 2], 2),
        ("[1, 2]", list[float], [1.0, 2.0]),
        ("(1, 2)", list, [1, 2]),
        ("{'a': None}", dict, {"a": None}),
        ("0.5", type_of_default(1), 0.5),
        ("None", type_of_default(1), None),
        ("x", type_of_default(None), "x"),
        ("False", type_of_default(True), False),
        ("[]", type_of_default([1]), []),
    ],
)
def test_texts(text: str, kind: Any, expected: Any) -> None:
    """A text is read as the narrowest type that is allowed."""
    found = from_text(text, kind)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("3.5", int),
        ("", int),
        ("many", float),
        ("maybe", bool),
        ("c", Literal["a", "b"]),
        ("[1, 'x']", list[int]),
        ("{}", list),
        ("[1", list),
        ("os.system('x')", dict),
        ("many", type_of_default(1)),
    ],
)
def test_texts_of_another_type(text: str, kind: Any) -> None:
    """A text that is not of the type is refused."""
    with pytest.raises(ValueError, match="not of the type"):
        from_text(text, kind)


def test_convert() -> None:
    """A value is checked as it is: a number is no text, a truth value no number, but 1 is also 1.0."""
    assert convert(1, float) == 1.0
    for value, kind in (("1", int), (True, int), (1, str), (1, bool)):
        with pytest.raises(ValueError, match="Expected"):
            convert(value, kind)

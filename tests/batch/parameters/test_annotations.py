"""What a text means under a type."""

from __future__ import annotations

import ast
import json
import math
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from papermill.cli import _resolve_type

from nbdeploy.batch.parameters import Member, showable
from nbdeploy.batch.parameters.annotations import read_annotation
from nbdeploy.batch.parameters.defaults import type_of_default
from nbdeploy.batch.parameters.enumerations import Enumeration
from nbdeploy.batch.parameters.reading import convert, from_text, guess

COLOR = Enumeration("Color", (("RED", "red"), ("GREEN", "1")))
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
        ("tuple[int, int]", tuple[int, int]),
        ("tuple[str, ...]", tuple[str, ...]),
        ("set[date]", set[date]),
        ("dict[int, Path]", dict[int, Path]),
        ("datetime.datetime", datetime),
        ("'timedelta | None'", timedelta | None),
        ("Literal[-1, None, 'a']", Literal[-1, None, "a"]),
        ("Sequence[float]", list[float]),
        ("Color", Annotated[Member, COLOR]),
        ("list[Color | None]", list[Annotated[Member, COLOR] | None]),
        ("pd.DataFrame", Any),
        ("int | DataFrame", Any),
        ("f(x)", Any),
        ("'not python ('", Any),
    ],
)
def test_annotations(written: str, expected: Any) -> None:
    """Simple annotations are understood without evaluating them; others check nothing."""
    assert read_annotation(ast.parse(written, mode="eval").body, {"Color": COLOR}) == expected


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
        ("2026-09-01", date, date(2026, 9, 1)),
        ("2026-09-01", date | datetime, date(2026, 9, 1)),
        ("2026-09-01T06:00", date | datetime, datetime(2026, 9, 1, 6)),
        ("2026-09-01T06:00Z", datetime, datetime(2026, 9, 1, 6, tzinfo=UTC)),
        ("06:30", time, time(6, 30)),
        ("90s", timedelta, timedelta(seconds=90)),
        ("1d 2h30m", timedelta, timedelta(days=1, hours=2, minutes=30)),
        ("1:30:00", timedelta, timedelta(hours=1, minutes=30)),
        ("-1 day, 23:59:59", timedelta, timedelta(seconds=-1)),
        ("PT1H", timedelta, timedelta(hours=1)),
        ("a/b.csv", Path, Path("a/b.csv")),
        ("a/b.csv", Path | None, Path("a/b.csv")),
        ('["2026-09-01"]', list[date], [date(2026, 9, 1)]),
        ("[1, 2]", tuple[int, int], (1, 2)),
        ("(1, 'a')", tuple[int, str], (1, "a")),
        ("[1, 1]", set[int], {1}),
        ("{1, 2}", set, {1, 2}),
        ("{1}", list | set, {1}),
        ('{"1": "2026-09-01"}', dict[int, date], {1: date(2026, 9, 1)}),
        ('["a", null]', list[Path | None], [Path("a"), None]),
        ("1", Literal["1", 1], "1"),
        ("false", Literal[False, "no"], False),
        ("RED", Annotated[Member, COLOR], Member("Color", "RED")),
        ("Color.RED", Annotated[Member, COLOR], Member("Color", "RED")),
        ("1", Annotated[Member, COLOR], Member("Color", "GREEN")),
        ('["GREEN"]', list[Annotated[Member, COLOR]], [Member("Color", "GREEN")]),
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
        ("2026-09", date),
        ("2026-09-31", date),
        ("soon", datetime),
        ("90", timedelta),
        ("1e9d", timedelta),
        ("9" * 30 + "d", timedelta),
        ("[1, 2, 3]", tuple[int, int]),
        ("[[1]]", set),
        ("{1: {}}", dict[str, str]),
        ("BLUE", Annotated[Member, COLOR]),
        ("[" * 100_000, list),
    ],
)
def test_texts_of_another_type(text: str, kind: Any) -> None:
    """A text that is not of the type is refused."""
    with pytest.raises(ValueError, match="not of the type"):
        from_text(text, kind)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1, float, 1.0),
        (1, int | float, 1),
        ("2026-09-01", date, date(2026, 9, 1)),
        ("2026-09-01", date | str, "2026-09-01"),
        (date(2026, 9, 1), str, "2026-09-01"),
        (date(2026, 9, 1), datetime, datetime(2026, 9, 1)),
        ([1, 2], tuple[float, ...], (1.0, 2.0)),
        ((1, 2), list[int], [1, 2]),
        (["a"], set[Path], {Path("a")}),
        (1, Annotated[Member, COLOR], Member("Color", "GREEN")),
        (Member("Color", "RED"), Annotated[Member, COLOR] | None, Member("Color", "RED")),
        (["nan"], list[float], [math.nan]),
    ],
)
def test_values_that_are_near(value: Any, kind: Any, expected: Any) -> None:
    """JSON and YAML have no word for some types, and what stands for one there is it."""
    found = convert(value, kind)
    assert (repr(found), type(found)) == (repr(expected), type(expected))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1", int),
        (True, int),
        (True, float),
        (1, str),
        (1, bool),
        (1.0, int),
        (datetime(2026, 9, 1), date),
        ({1, 2}, list),
        ([1, "x"], list[int]),
        ([[1]], set[list[int]]),
        (Member("Size", "RED"), Annotated[Member, COLOR]),
        (1, Literal[True]),
        (None, int),
    ],
)
def test_values_of_another_type(value: Any, kind: Any) -> None:
    """A number is no text, a truth value no number, and a moment no day."""
    with pytest.raises(ValueError, match="not of the type"):
        convert(value, kind)


@hypothesis_settings(deadline=None)
@given(
    st.one_of(
        st.tuples(st.just(date), st.dates()),
        st.tuples(st.just(datetime), st.datetimes(timezones=st.none() | st.just(UTC))),
        st.tuples(st.just(time), st.times()),
        st.tuples(st.just(timedelta), st.timedeltas()),
        st.tuples(st.just(Path), st.text(st.characters(codec="utf-8")).map(Path)),
        st.tuples(st.just(float), st.floats(allow_nan=False)),
        st.tuples(st.just(set[date]), st.sets(st.dates())),
        st.tuples(st.just(tuple[timedelta, ...]), st.lists(st.timedeltas()).map(tuple)),
        st.tuples(st.just(dict[int, float]), st.dictionaries(st.integers(), st.floats(allow_nan=False))),
    )
)
def test_what_is_shown_can_be_given_again(typed: tuple[Any, Any]) -> None:
    """The text that a record or a form shows of a value is read as the value, by the parameter's type."""
    kind, value = typed
    shown = showable(value)
    found = from_text(shown if isinstance(shown, str) else json.dumps(shown), kind)
    assert (found, type(found)) == (value, type(value))

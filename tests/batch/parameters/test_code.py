"""Values on their way into a notebook: as JSON, as code, and in a real kernel."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from papermill.translators import translate_parameters

from nbdeploy.batch.parameters import Member, Secret, Text, Variable, decode, encode, portable
from nbdeploy.batch.parameters.code import assignment, register, values_for

TEXT = st.text(st.characters(codec="utf-8")) | st.sampled_from(
    ['"); import os; os.abort()', "'''\n%reset -f\n!exit", "what?", "{{ ds }}", "\\", "\r\x00\u2028", "_datetime.x"]
)
ZONES = st.none() | st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
MOMENTS = st.datetimes(timezones=ZONES) | st.datetimes(
    datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.sampled_from(["Europe/Madrid", "UTC"]).map(ZoneInfo)
)
PATHS = TEXT.map(Path) | TEXT.map(PurePosixPath) | TEXT.map(PureWindowsPath)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    TEXT,
    st.dates(),
    MOMENTS,
    st.times(),
    st.timedeltas(),
    PATHS,
)
HASHABLE = st.recursive(SCALARS, lambda inner: st.lists(inner).map(tuple) | st.frozensets(inner), max_leaves=4)
VALUES = st.recursive(
    SCALARS | st.sets(HASHABLE, max_size=4) | HASHABLE,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(HASHABLE, inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["x", "float", "set", "frozenset", "datetime", "_datetime", "__datetime", "_pathlib", "date", "Path", "größe"]
)


def exact(value: Any) -> Any:
    """Something that is equal only for values of the same types, down to the sign of zero."""
    match value:
        case dict():
            return [(exact(key), exact(item)) for key, item in value.items()]
        case list() | tuple():
            return type(value), [exact(item) for item in value]
        case set() | frozenset():
            return type(value), sorted((exact(item) for item in value), key=repr)
        case datetime() | time():
            return type(value), repr(value), value.fold
    return type(value), repr(value)


@pytest.fixture(scope="module")
def execute() -> Iterator[Callable[[str, list[str]], Any]]:
    """Executes code in a real kernel, and brings back what it has assigned."""
    from jupyter_client.manager import start_new_kernel

    register()
    manager, client = start_new_kernel()
    dump = "__import__('base64').b64encode(__import__('pickle').dumps({name: globals()[name] for name in %r})).decode()"
    forget = "[globals().pop(name) for name in %r] and None"

    def run(code: str, names: list[str]) -> Any:
        sent = client.execute(code, user_expressions={"values": dump % (names,), "end": forget % (names,)})
        while (reply := client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != sent:
            pass  # the kernel was asked whether it is ready more than once
        assert reply["content"]["status"] == "ok", reply
        answer = reply["content"]["user_expressions"]["values"]
        assert answer["status"] == "ok", answer
        return pickle.loads(base64.b64decode(answer["data"]["text/plain"].strip("'")))

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@hypothesis_settings(deadline=None)
@given(VALUES)
def test_json_loses_nothing(value: Any) -> None:
    """Request, record and schedule keep every value with its type, in strict JSON."""
    text = json.dumps(encode(portable("x", value)), allow_nan=False)
    assert exact(decode(json.loads(text))) == exact(value)


@pytest.mark.parametrize("value", [Text("2026"), Secret("env:TOKEN"), Variable("MONTH"), Member("Color", "RED")])
def test_json_of_our_own_kinds(value: Any) -> None:
    """What is still to be read stays that; a dict that looks like a mark stays a dict."""
    for each in (value, {"$type": "date", "value": value}, {"$type": [value]}):
        assert exact(decode(json.loads(json.dumps(encode(each))))) == exact(each)


@hypothesis_settings(deadline=None, max_examples=50)
@given(values=st.dictionaries(NAMES, VALUES, min_size=2, max_size=6))
def test_values_arrive_in_a_kernel(execute: Callable[..., Any], values: dict[str, Any]) -> None:
    """Through papermill's translator every value has in a kernel the type and content that it was given."""
    code = translate_parameters("python3", "python", values, "Parameters")
    assert exact(execute(code, list(values))) == exact(values)


def test_members_arrive_in_a_kernel(execute: Callable[..., Any]) -> None:
    """A member is one of the class that the notebook has defined, whatever it is called."""
    define = "from enum import Enum\nColor = Enum('Color', {'RED': 1, 'light green': 2, 'class': 3})\n"
    values = {"a": Member("Color", "RED"), "b": [Member("Color", "light green")], "c": Member("Color", "class")}
    code = translate_parameters("python3", "python", values, "Parameters")
    checked = "\nokay = [type(a) is Color and a.value, b[0].value, c.value]"
    assert execute(define + code + checked, ["okay"]) == {"okay": [1, 2, 3]}


def test_cell_as_people_read_it() -> None:
    """Imports first, under names that take the place of none of the notebook's, then a line for each value."""
    register()
    values = {"day": date(2026, 9, 1), "data": Path("in/a.csv"), "token": Secret("env:T"), "span": timedelta(hours=1)}
    assert translate_parameters("python3", "python", values, "Parameters") == (
        "# Parameters\n"
        "import datetime as _datetime\n"
        "import pathlib as _pathlib\n"
        "day = _datetime.date(2026, 9, 1)\n"
        "data = _pathlib.Path('in/a.csv')\n"
        "# token is a secret\n"
        "span = _datetime.timedelta(seconds=3600)\n"
    )


def test_other_languages() -> None:
    """Other languages get the numbers, texts, lists and dicts that papermill has words for."""
    register()
    values = {"day": date(2026, 9, 1), "pair": (1, Path("a")), "table": {1: {True}}, "color": Member("Color", "RED")}
    code = translate_parameters("ir", "R", values_for("R", values), "Parameters")
    assert code.splitlines()[1:] == [
        'day = "2026-09-01"',
        'pair = list(1, "a")',
        'table = list("1" = list(TRUE))',
        'color = "RED"',
    ]
    assert assignment("token", 'a"b', "ir", "R") == 'token = "a\\"b"'

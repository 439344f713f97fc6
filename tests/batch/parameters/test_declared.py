"""Reading a parameters cell, and giving its parameters values."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.batch import Text, parameters_of
from nbdeploy.batch.parameters import Member, Variable
from nbdeploy.batch.parameters.binding import bind
from nbdeploy.errors import InvalidData, NbdeployError, NotFound, WrongUsage
from nbdeploy.notebooks import Notebook

CELL = """
import os
month: str = "2026-09"  # which month to score
n = 3  # type: int how many
rate: float = 1 / 2
islands: list[str] = [
    "Biscoe",
    "Dream",
]  # where
limit = None
a, b = 1, "x"
raise SystemExit("never executed")
"""


@pytest.fixture
def book(tmp_path: Path, notebook: Any) -> Notebook:
    """A notebook with a parameters cell as people write them."""
    return Notebook.read(notebook(tmp_path / "train.ipynb", "n + 1", parameters=CELL))


def test_cell_is_read_without_executing_it(book: Notebook) -> None:
    """Names, types, defaults and comments are found, in order."""
    found = parameters_of(book)
    assert found.cell == 1
    assert [(item.name, item.kind, item.default, item.help) for item in found] == [
        ("month", "str", "2026-09", "which month to score"),
        ("n", "int", 3, "how many"),
        ("rate", "float", None, ""),
        ("islands", "list[str]", ["Biscoe", "Dream"], "where"),
        ("limit", "any", None, ""),
        ("a", "int", 1, ""),
        ("b", "str", "x", ""),
    ]


def test_parameters_as_shown(book: Notebook) -> None:
    """The card has a row for each, and the document is JSON enough to make a form from."""
    found = parameters_of(book)
    assert "train.ipynb has 7 parameters, in cell 1" in str(found)
    assert "which month to score" in str(found)
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document[2] == {
        "name": "rate",
        "type": "float",
        "choices": None,
        "default": None,
        "written": "1 / 2",
        "required": False,
        "help": "",
    }


def test_cell_with_magics(tmp_path: Path, notebook: Any) -> None:
    """Magics and shell lines beside the assignments do no harm."""
    path = notebook(tmp_path / "a.ipynb", parameters="%matplotlib inline\nn = 3\n!ls")
    assert [item.name for item in parameters_of(path)] == ["n"]


def test_cell_that_is_not_python(tmp_path: Path, notebook: Any) -> None:
    """A cell that cannot be read is named with its line."""
    with pytest.raises(InvalidData, match=r"cell 1\) of .*a.ipynb is not Python: .* in line 1"):
        parameters_of(notebook(tmp_path / "a.ipynb", parameters="n = = 3"))


def test_texts_are_read_by_type(book: Notebook) -> None:
    """Texts mean what annotation or default says; objects and raw texts pass as they are."""
    given = {"month": Text("2026"), "n": Text("7"), "rate": Text("1"), "islands": Text('["Torgersen"]')}
    assert bind(book, {**given, "limit": Text("0.5"), "a": 2.5}, raw={"b": "12"}) == {
        "month": "2026",
        "n": 7,
        "rate": 1.0,
        "islands": ["Torgersen"],
        "limit": 0.5,
        "a": 2.5,
        "b": "12",
    }


def test_objects_are_checked_by_annotation(book: Notebook) -> None:
    """An object of another type than the annotation is refused with the line that declares it."""
    with pytest.raises(InvalidData, match=r"parameter 'month' is declared as `month: str = '2026-09'`.*cannot be 9"):
        bind(book, {"month": 9})


@pytest.mark.parametrize(("name", "text"), [("n", "2.5"), ("rate", "fast"), ("islands", "[1]"), ("a", "many")])
def test_texts_of_the_wrong_type(book: Notebook, name: str, text: str) -> None:
    """A text of the wrong type is refused with name, declaration and value."""
    with pytest.raises(InvalidData, match=f"'{name}' is declared as .* cannot be"):
        bind(book, {name: Text(text)})


def test_unknown_name(book: Notebook) -> None:
    """A name that the cell does not assign is refused, with the nearest one and where they are."""
    with pytest.raises(
        WrongUsage, match=r"no parameter 'mnth'; did you mean month\? in the parameters cell \(cell 1\)"
    ):
        bind(book, {"mnth": Text("x")})


def test_no_parameters_cell(tmp_path: Path, notebook: Any) -> None:
    """Without a parameters cell every name goes, and texts mean what papermill makes of them."""
    book = Notebook.read(notebook(tmp_path / "a.ipynb", "1"))
    assert bind(book, {"n": Text("3"), "who": Text("me"), "zip": "08001"}) == {"n": 3, "who": "me", "zip": "08001"}


@pytest.mark.parametrize(
    "name", ["a b", "class", "", "x;y", "x = 1\nimport os; os.abort()\ny", "x); os.abort() #", "\u0078\u2028y"]
)
def test_name_that_is_no_variable(tmp_path: Path, notebook: Any, name: str) -> None:
    """A name that could not be assigned never reaches a cell."""
    book = Notebook.read(notebook(tmp_path / "a.ipynb", "1"))
    with pytest.raises(WrongUsage, match="not a variable's name"):
        bind(book, {name: 1})


def test_other_languages(tmp_path: Path, notebook: Any) -> None:
    """The cell of another language is not read: every name goes."""
    path = notebook(tmp_path / "a.ipynb", parameters="n <- 3")
    path.write_text(path.read_text().replace('"python"', '"R"'))
    assert bind(Notebook.read(path), {"n": Text("4"), "m": "x"}) == {"n": 4, "m": "x"}
    assert list(parameters_of(path)) == []


def test_required_parameter(tmp_path: Path, notebook: Any) -> None:
    """A parameter declared without a default must be given."""
    book = Notebook.read(notebook(tmp_path / "a.ipynb", parameters="month: str\nn = 1"))
    assert bind(book, {"month": Text("9")}) == {"month": "9"}
    with pytest.raises(WrongUsage, match="needs a value for month: str"):
        bind(book, {})


def test_files(book: Notebook, tmp_path: Path) -> None:
    """YAML files give typed values; later files, given values and raw texts win over them."""
    (tmp_path / "one.yaml").write_text("n: 5\nislands: [Dream]\nmonth: 'x'\na: 1\n")
    (tmp_path / "two.yaml").write_text("n: 6\n")
    files = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
    found = bind(book, {"month": Text("y")}, raw={"a": "z"}, files=files)
    assert found == {"n": 6, "islands": ["Dream"], "month": "y", "a": "z"}


@pytest.mark.parametrize("content", ["- 1\n", "1: x\n", "{", "\x00"])
def test_file_of_another_kind(book: Notebook, tmp_path: Path, content: str) -> None:
    """A file that is not a YAML mapping of names is refused by its path."""
    path = tmp_path / "values.yaml"
    path.write_text(content)
    with pytest.raises(InvalidData, match=r"values\.yaml"):
        bind(book, {}, files=[path])


def test_missing_file(book: Notebook) -> None:
    """A parameter file that does not exist is named."""
    with pytest.raises(NotFound, match=r"no parameter file 'none.yaml'"):
        bind(book, {}, files=["none.yaml"])


@pytest.mark.parametrize("content", [b"", b"id,score\n1,2\n", b"[]", b'{"cells": []}', b'{"nbformat": 4}', b"\xff\xfe"])
def test_file_that_is_no_notebook(tmp_path: Path, content: bytes) -> None:
    """A file that is not a notebook is refused as one."""
    path = tmp_path / "data.ipynb"
    path.write_bytes(content)
    with pytest.raises(InvalidData, match=r"data.ipynb is not a notebook"):
        Notebook.read(path)


def test_missing_notebook(book: Notebook) -> None:
    """A notebook that does not exist is refused, with a close name beside it."""
    with pytest.raises(NbdeployError, match=r"no notebook '.*/trian.ipynb'; did you mean /.*/train.ipynb\?"):
        Notebook.read(book.path.parent / "trian.ipynb")


def test_old_format(tmp_path: Path) -> None:
    """A notebook in format 3 is read like one of today."""
    code = {"cell_type": "code", "input": "n = 1", "language": "python", "outputs": [], "metadata": {}}
    sheet = {"worksheets": [{"cells": [code]}], "nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"}}
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(sheet))
    assert [cell["source"] for cell in Notebook.read(path).cells] == ["n = 1"]


ENUMERATIONS = """
import enum
from enum import Enum, StrEnum, auto
class Color(Enum):
    RED = "red"
    GREEN = 2
    _hidden = 3
    def shade(self): return self.RED
class Size(StrEnum):
    SMALL = auto()
Level = enum.Enum("Level", "LOW HIGH")
!ls
"""
DATED = """
from elsewhere import Shape
day: date = date(2026, 9, 1)  # the day
last = date.today() - timedelta(days=1)
wait = timedelta(minutes=5)
data = Path("in") / "rows.csv"
where: Path = Path("out")
pair = (1, 2)
tags: set[str] = {"a"}
color: Color = Color.RED
size = Size.SMALL
level: "Level | None" = None
mode: Literal["fast", "exact"] = "fast"
shape: Shape = Shape.ROUND
odd: Color | int
"""


@pytest.fixture
def dated(tmp_path: Path, notebook: Any) -> Notebook:
    """A notebook whose parameters are of many types, with enumerations in a cell above."""
    path = notebook(tmp_path / "dated.ipynb", "1", parameters=DATED)
    document = json.loads(path.read_text())
    document["cells"].insert(0, {"cell_type": "code", "metadata": {}, "source": ENUMERATIONS, "outputs": []})
    document["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": "class Color(Enum): pass"})
    path.write_text(json.dumps(document))
    return Notebook.read(path)


def test_texts_of_many_types(dated: Notebook) -> None:
    """Texts become dates, spans, paths, tuples, sets and members, by annotation or by default."""
    texts = {
        "day": "2026-10-01",
        "last": "2026-09-30",
        "wait": "1h30m",
        "data": "7",
        "where": "out/2026",
        "pair": "[3, 4]",
        "tags": '["x", "y"]',
        "color": "green",
        "size": "SMALL",
        "level": "HIGH",
        "mode": "exact",
        "odd": "RED",
    }
    with pytest.raises(InvalidData, match=r"in cell 3 of dated.ipynb and cannot be 'green'; there are: RED, GREEN"):
        bind(dated, {name: Text(text) for name, text in texts.items()})
    assert bind(dated, {name: Text(text) for name, text in {**texts, "color": "2"}.items()}) == {
        "day": date(2026, 10, 1),
        "last": date(2026, 9, 30),
        "wait": timedelta(minutes=90),
        "data": Path("7"),
        "where": Path("out/2026"),
        "pair": (3, 4),
        "tags": {"x", "y"},
        "color": Member("Color", "GREEN"),
        "size": Member("Size", "SMALL"),
        "level": Member("Level", "HIGH"),
        "mode": "exact",
        "odd": Member("Color", "RED"),
    }


def test_objects_of_many_types(dated: Notebook) -> None:
    """Objects keep their type, members become those of the notebook's class, and files' texts are read."""

    class Color(Enum):
        GREEN = 2

    given = {"odd": Color.GREEN, "day": "2026-10-01", "last": datetime(2026, 1, 1, 6), "tags": ["x"], "data": "x"}
    assert bind(dated, given) == {**given, "odd": Member("Color", "GREEN"), "day": date(2026, 10, 1), "tags": {"x"}}


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("day", "2026-09", "write it as 2026-09-30"),
        ("wait", "soon", "write it as 90s, 1h30m or 1:30:00"),
        ("mode", "slow", "there are: fast, exact"),
        ("shape", "ROUND", "the class Shape is not defined in the notebook up to this cell"),
    ],
)
def test_what_to_write_instead(dated: Notebook, name: str, text: str, hint: str) -> None:
    """A text that is refused is answered with the cell, and what would be right."""
    with pytest.raises(InvalidData, match=f"in cell 3 of dated.ipynb and cannot be '{text}'; {hint}"):
        bind(dated, {"odd": 1, name: Text(text)})


def test_form_of_many_types(dated: Notebook) -> None:
    """The document says what there is to choose from, and its defaults can be given again as they are."""
    form = {item["name"]: item for item in parameters_of(dated).document()}
    assert {name: item["choices"] for name, item in form.items() if item["choices"]} == {
        "color": ["RED", "GREEN"],
        "size": ["SMALL", "None"],
        "level": ["LOW", "HIGH", "None"],
        "mode": ["fast", "exact"],
    }
    assert [(form[name]["type"], form[name]["default"]) for name in ("day", "wait", "where", "pair", "size")] == [
        ("date", "2026-09-01"),
        ("timedelta", "PT300S"),
        ("Path", "out"),
        ("tuple", [1, 2]),
        ("Size", "SMALL"),
    ]
    assert form["last"]["default"] is None
    defaults = {item.name: item.default for item in parameters_of(dated) if item.default is not None}
    shown = {name: form[name]["default"] for name in defaults}
    again = {name: Text(value if isinstance(value, str) else json.dumps(value)) for name, value in shown.items()}
    assert bind(dated, {**again, "odd": 1}) == {**defaults, "odd": 1}


def test_json_file(dated: Notebook, tmp_path: Path) -> None:
    """JSON has no dates, sets and members: their texts are read by the parameter's type."""
    (tmp_path / "values.json").write_text('{"day": "2026-10-01", "tags": ["x"], "color": "GREEN", "odd": 1}')
    found = bind(dated, {}, files=[tmp_path / "values.json"])
    assert found == {"day": date(2026, 10, 1), "tags": {"x"}, "color": Member("Color", "GREEN"), "odd": 1}
    (tmp_path / "values.yaml").write_text("day: 2026-10-01\ntags: !!set {x}\ncolor: 2\nodd: 1\n")
    assert bind(dated, {}, files=[tmp_path / "values.yaml"]) == found


def test_environment_variables(book: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of a variable is read by the parameter's type, and a missing one is refused."""
    monkeypatch.setenv("COUNT", "7")
    monkeypatch.setenv("MONTH", "{{ ds }}")
    assert bind(book, {"n": Variable("COUNT"), "month": Variable("MONTH")}) == {"n": 7, "month": "{{ ds }}"}
    with pytest.raises(WrongUsage, match="'n' is to be read from the variable NOWHERE, which is not set"):
        bind(book, {"n": Variable("NOWHERE")})

"""Pipeline files, checked before anything runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.batch.pipelines import read
from nbdeploy.batch.pipelines.references import Reference, fill, references
from nbdeploy.errors import InvalidData, NotFound, WrongUsage

GOOD = """\
parameters:
  month: 2026-09
  limit:
steps:
  report:
    notebook: report.ipynb
    needs: train
    parameters: {title: "Month ${parameters.month}, auc ${steps.train.metrics.auc}"}
  prepare:
    notebook: prepare.ipynb
    parameters: {month: "${parameters.month}", day: 2026-09-01}
    outputs: [table]
  train:
    notebook: train.ipynb
    parameters:
      data: ${steps.prepare.outputs.table}
      depth: 3
    timeout: 600
    inputs: [extra.csv, "${steps.prepare.outputs.table}"]
"""


@pytest.fixture(autouse=True)
def notebooks(notebook: Any) -> None:
    notebook(Path("prepare.ipynb"), parameters='month = ""\nday: str = ""')
    notebook(Path("train.ipynb"), parameters="data: str\ndepth: int = 1")
    notebook(Path("report.ipynb"), parameters='title = ""')


def pipeline(text: str) -> Path:
    path = Path("monthly.yaml")
    path.write_text(text)
    return path


def test_a_pipeline() -> None:
    """Steps need what they say and what they refer to; orders have paths below the file, and values with types."""
    found = read(pipeline(GOOD))
    assert {name: set(step.needs) for name, step in found.steps.items()} == {
        "report": {"train"},
        "prepare": set(),
        "train": {"prepare"},
    }
    known = {("outputs", "table"): "/runs/1/table.csv", ("metrics", "auc"): 0.75, ("parameters", "month"): "2026-09"}
    orders = {
        name: step.order(lambda each: known[each.kind, each.name], found.path.parent)
        for name, step in found.steps.items()
    }
    assert orders["train"].values == {"data": "/runs/1/table.csv", "depth": 3}
    assert orders["train"].timeout == 600
    assert orders["train"].inputs == [str(Path.cwd() / "extra.csv"), "/runs/1/table.csv"]
    assert orders["report"].values == {"title": "Month 2026-09, auc 0.75"}
    assert orders["prepare"].values == {"month": "2026-09", "day": date(2026, 9, 1)}
    assert orders["prepare"].notebook == str(Path.cwd() / "prepare.ipynb")


def test_parameters() -> None:
    """Parameters have defaults or need a value, and no others are taken."""
    found = read(pipeline(GOOD))
    assert found.values({"limit": 7}) == {"month": "2026-09", "limit": 7}
    with pytest.raises(WrongUsage, match=r"monthly\.yaml needs a value for limit: give it with -p"):
        found.values({})
    with pytest.raises(WrongUsage, match=r"no parameter 'mnth'; did you mean month\? of monthly\.yaml"):
        found.values({"mnth": 1})


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("needs: train", "needs: [trian]", "line 7: step 'report' needs: no step 'trian'; did you mean train?"),
        ("needs: train", "need: train", "line 7: no key 'need'; did you mean needs?"),
        ("needs: train", "needs: {a: 1}", "line 7: needs is a list of names"),
        ("month: 2026-09\n", "month: 2026-09\n  month: 1\n", "line 3: 'month' is there twice"),
        ("steps.train.metrics.auc", "steps.trian.metrics.auc", "line 8: no step 'trian'; did you mean train?"),
        ("prepare.outputs.table}\n", "prepare.outputs.tabel}\n", "line 16: step 'prepare' publishes no output 'tabel'"),
        ("Month ${parameters.month}", "${parameters.mont}", "line 8: no parameter 'mont'; did you mean month?"),
        (
            "${steps.prepare.outputs.table}\n",
            "${steps.prepare.table}\n",
            "line 16: ${steps.prepare.table} is not under",
        ),
        ("notebook: train.ipynb", "notebook: trian.ipynb", "line 14: no notebook"),
        ("depth: 3", "dept: 3", "line 17: no parameter 'dept'; did you mean depth or data? in train.ipynb"),
        (
            "depth: 3",
            "depth: deep",
            "line 17: parameter 'depth' is declared as `depth: int = 1`",
        ),
        ("      data: ${steps.prepare.outputs.table}\n", "", "line 13: train.ipynb needs a value for data: str"),
        ("timeout: 600", "timeout: soon", "line 13: Expected `float | null`, got `str` - at `timeout`"),
        ("    notebook: report.ipynb\n", "", "line 5: step 'report' needs a notebook"),
        ("day: 2026-09-01", "day: '${steps.report.metrics.x}'", "steps wait for each other: "),
        ("  report:", "  re port:", "line 5: step name 're port' is not allowed"),
        ("steps:", "setps:", "line 4: no key 'setps'; did you mean steps?"),
    ],
)
def test_what_cannot_work_is_refused_with_its_line(old: str, new: str, problem: str) -> None:
    """Names that are none, types that do not fit and circles are told before anything runs."""
    assert old in GOOD
    with pytest.raises((WrongUsage, InvalidData)) as caught:
        read(pipeline(GOOD.replace(old, new, 1)))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "error", "problem"),
    [
        ("", InvalidData, "is no pipeline"),
        ("[1]", InvalidData, "is no pipeline"),
        ("steps: {", InvalidData, "is no YAML"),
        ("steps:", WrongUsage, "line 1: steps is a mapping"),
        ("steps: {}", WrongUsage, "line 1: there are no steps"),
        ("steps: {a: train.ipynb}", WrongUsage, r"line 1: steps\.a is a mapping"),
    ],
)
def test_no_pipeline(text: str, error: type[Exception], problem: str) -> None:
    """Other files are refused."""
    with pytest.raises(error, match=problem):
        read(pipeline(text))


def test_no_file() -> None:
    """A file that is not there is refused with those that are."""
    pipeline(GOOD)
    with pytest.raises(NotFound, match=r"no pipeline file .*monthl\.yaml'; did you mean .*monthly\.yaml"):
        read("monthl.yaml")


@given(
    st.recursive(
        st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
    )
)
def test_values_without_references_stay(value: Any) -> None:
    """What holds no reference comes out as it went in; doubled signs stand for themselves."""

    def escaped(item: Any) -> Any:
        if isinstance(item, str):
            return item.replace("$", "").replace("{", "$${").replace("}", "}")
        if isinstance(item, list):
            return [escaped(each) for each in item]
        return {key: escaped(each) for key, each in item.items()} if isinstance(item, dict) else item

    def plain(item: Any) -> Any:
        if isinstance(item, str):
            return fill(item, lambda _: pytest.fail("no reference"))
        if isinstance(item, list):
            return [plain(each) for each in item]
        return {key: plain(each) for key, each in item.items()} if isinstance(item, dict) else item

    assert list(references(escaped(value))) == []
    assert fill(escaped(value), lambda _: pytest.fail("no reference")) == plain(escaped(value))


@given(st.from_regex(r"\w[\w-]{0,9}", fullmatch=True), st.from_regex(r"[\w.-]{1,9}", fullmatch=True), st.floats())
def test_a_whole_reference_keeps_its_type(step: str, name: str, value: float) -> None:
    """A text that is one reference becomes the object itself."""
    text = f"${{steps.{step}.metrics.{name}}}"
    assert list(references(text)) == [Reference("metrics", name, step)]
    assert fill(text, lambda _: value) is value

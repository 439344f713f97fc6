from __future__ import annotations

import time
from pathlib import Path

import pytest

from nbdeploy.connections import Connection, Connections
from nbdeploy.manifest import PROTOCOL, Content, Environment, Manifest, canonical_json
from nbdeploy.store import Store
from nbdeploy.types import Canonical, Column, Signature


@pytest.fixture
def store(home: Path) -> Store:
    """A store with two versions of churn, one alias, and one other model."""
    store = Store(str(home / "store"), home / "cache")
    for name, flavor in [("churn", "one"), ("churn", "two"), ("fraud", "one")]:
        content = Content(
            PROTOCOL,
            flavor,
            Signature("pandas", [Column("age", "int64", "int64")]),
            Canonical(),
            Environment("3.11"),
            {},
        )
        store.add(name, Manifest.sealed(canonical_json(content), {"name": name, "version": 1}), {})
    store.set_alias("churn", "champion", 1)
    return store


@pytest.mark.parametrize(
    "before", ["%deploy ", "snap = %deploy ", "    %deploy ", "if x:\n    y = %deploy ", "d['a'] = %deploy "]
)
def test_sub_commands_in_every_position(notebook, before: str) -> None:
    """Lines, assignments and indented lines are all completed."""
    assert notebook.complete(before + "pu") == [before + "push"]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("%deploy push churn --t", ["%deploy push churn --to"]),
        ("%deploy push --ye", ["%deploy push --yes"]),
        ("%%deploy push churn\n--to prod # c\n--y", ["%%deploy push churn\n--to prod # c\n--yes"]),
        ("%deploy push churn \\\n  --y", ["%deploy push churn \\\n  --yes"]),
    ],
)
def test_options(notebook, typed: str, completed: list[str]) -> None:
    """Options are completed on the line, on a continued line and in the body of a cell."""
    assert notebook.complete(typed) == completed


def test_methods_are_those_of_the_model(notebook) -> None:
    """They are known by looking at it; where nothing is known of a value, nothing is suggested for it."""
    notebook.run("class M:\n    predict_proba = predict = print\nmodel = M()")
    head = "%deploy take model churn -X rows"
    assert notebook.complete(f"{head} --method ") == [f"{head} --method predict", f"{head} --method predict_proba"]
    assert notebook.complete(f"{head} --method predict_") == [f"{head} --method predict_proba"]
    assert notebook.complete(f"{head} --note ") == [f"{head} --note "]


def test_completion_runs_nothing(notebook) -> None:
    """What stands on a half-typed line is neither called nor expanded."""
    notebook.run("ran = []")
    notebook.complete("%deploy take ran.append(1) churn -X ran.append(2) --note $ran --to")
    assert notebook.value("ran") == []


@pytest.mark.parametrize(
    ("typed", "endings"),
    [
        ("%deploy push ch", ["churn"]),
        ("%deploy push churn:", ["churn:2", "churn:1"]),
        ("%deploy push churn@", ["churn@champion"]),
        ("x = %deploy push churn@ch", ["churn@champion"]),
        ("%deploy push prod/", ["prod/churn", "prod/fraud"]),
        ("%deploy push pr", ["prod/"]),
        ("%deploy push churn --to ", ["local", "prod"]),
        ("%deploy push churn --to prod/f", ["prod/fraud"]),
        ("%deploy push churn --to=pr", ["--to=prod"]),
        ("%deploy push nothing:", ["nothing:"]),
    ],
)
def test_references_and_targets(notebook, store: Store, home: Path, typed: str, endings: list[str]) -> None:
    """Names, versions, aliases, targets and deployments come from this machine's own files."""
    Connections(home).add(Connection("prod", "http://127.0.0.1:1"))
    head = typed[: typed.rindex(" ") + 1]
    assert notebook.complete(typed) == [head + ending for ending in endings]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("%deploy take mod", ["%deploy take model"]),
        ("%deploy take model.re", ["%deploy take model.real"]),
        ("%deploy take model n --test mode", ["%deploy take model n --test model"]),
        ("%deploy take model n --test model mode", ["%deploy take model n --test model model"]),
        ("%deploy take model -X f(model, mode", ["%deploy take model -X f(model, model"]),
        ("%deploy push churn --to $mod", ["%deploy push churn --to $model"]),
        ("%deploy push churn --to x-{mod", ["%deploy push churn --to x-{model"]),
        ("%deploy push churn --to '$mod", ["%deploy push churn --to '$mod"]),
        ("%deploy take model # mod", []),
    ],
)
def test_variables(notebook, typed: str, completed: list[str]) -> None:
    """Where an object may stand, variables and attributes are offered; after $ and in braces too."""
    notebook.run("model = 1.5")
    assert notebook.complete(typed) == completed


def test_files(notebook, tmp_path: Path) -> None:
    """Files are offered where a file may stand; names with spaces are quoted."""
    Path("in box").mkdir()
    Path("rows.csv").touch()
    assert notebook.complete("%deploy take x -X ro") == ["%deploy take x -X rows.csv"]
    assert notebook.complete("%deploy push x --out in") == ["%deploy push x --out 'in box/'"]
    assert notebook.complete("%deploy push x --out 'in b") == ["%deploy push x --out 'in box/"]


def test_options_where_no_argument_is_left(notebook) -> None:
    """After the last argument, the options are what may follow."""
    assert notebook.complete("%deploy push churn --yes ") == [
        f"%deploy push churn --yes {option}" for option in ("--to", "--out", "--json", "--debug", "--help")
    ]


def test_python_names_are_no_candidates_in_our_lines(notebook) -> None:
    """Where we know nothing, the word stays, and no other matcher fills the list."""
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        found = notebook.shell.Completer.completions("%deploy push nothing:", 21)
        assert [one.text for one in found] == ["nothing:"]


def test_nothing_outside_our_lines(notebook) -> None:
    """Other code is completed by IPython alone."""
    assert notebook.complete("pu") == []
    assert notebook.complete("%deployment pu") == []


def test_the_older_completion_call_works_too(notebook) -> None:
    """Frontends that use ``complete`` get the same candidates."""
    with pytest.warns(PendingDeprecationWarning):
        text, found = notebook.shell.Completer.complete(line_buffer="%deploy push --y", cursor_pos=16)
    assert (text, found) == ("--y", ["--yes"])


def test_a_broken_store_is_no_error(notebook, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Completion neither raises nor prints, whatever it finds."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "store").mkdir()
    (home / "store" / "models").write_text("not a folder")
    (home / "targets.toml").write_text("not toml")
    assert notebook.complete("%deploy push ch") == ["%deploy push ch"]
    assert capsys.readouterr() == ("", "")


def test_a_remote_store_is_never_asked(notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Completion must not wait for a network."""
    monkeypatch.setenv("NBDEPLOY_STORE", "s3://bucket/prefix")
    started = time.monotonic()
    assert notebook.complete("%deploy push ") == ["%deploy push local/"]
    assert time.monotonic() - started < 2

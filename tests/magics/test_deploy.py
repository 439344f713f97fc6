from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from nbdeploy import api
from nbdeploy.commands.kinds import Written
from nbdeploy.errors import NotFound
from nbdeploy.magics import load, unload


def test_objects_reach_the_command_as_they_are(notebook) -> None:
    """Live objects, typed parameters and text each arrive as what they are."""
    notebook.run("model = object(); X = [1]; y = [0]; when = '2026-09'; name = 'a b'")
    notebook.run("n = 3")
    parameters = "-p month $when -p n 5 -p later {{ month }}"
    got = notebook.arguments(f'%deploy take model churn -X X --test X {{y}} {parameters} --note "{{name}}!" --count $n')
    names = notebook.shell.user_ns
    assert got["model"].value is names["model"]
    assert got["model"].source == "model"
    assert got["data"] is names["X"]
    assert got["test"] == ([1], [0])
    assert got["parameters"] == (("month", "2026-09"), ("n", "5"), ("later", "{{ month }}"))
    assert (got["note"], got["count"], got["name"]) == ("a b!", 3, "churn")


def test_parameters_say_whether_they_were_written_or_handed_over(notebook) -> None:
    """A word is read by the parameter's type later; an object keeps its own."""
    notebook.run("model = 1; n = 5; five = '5'")
    got = notebook.arguments("%deploy take model -p a 5 -p b $n -p c $five -p d x$n")["parameters"]
    assert [(value, isinstance(value, Written)) for _, value in got] == [
        ("5", True),
        (5, False),
        ("5", False),
        ("x5", True),
    ]


def test_a_value_that_looks_like_an_option_is_a_value(notebook) -> None:
    """Nothing in a variable can switch an option on."""
    notebook.run("sly = '--yes'; model = 1")
    assert notebook.arguments("%deploy take model $sly")["name"] == "--yes"


@pytest.mark.parametrize("word", ["inbox/", "rows.csv", "./X", "rows.parquet.zst"])
def test_files_in_a_data_slot(notebook, word: str) -> None:
    """A slash or a data suffix makes a file, even where a variable has the name."""
    notebook.run("X = inbox = rows = model = 1")
    assert notebook.arguments(f"%deploy take model -X {word}")["data"] == word


def test_expansion_in_the_name_of_a_file(notebook) -> None:
    """A file's name may hold an expansion."""
    notebook.run("month = '2026-09'; model = 1")
    assert notebook.arguments("%deploy take model -X in/$month.csv")["data"] == "in/2026-09.csv"


def test_an_unknown_name_in_a_data_slot_tells_how_to_name_a_file(notebook) -> None:
    """The user may have meant a file."""
    notebook.run("model = 1")
    notebook.run("%deploy take model -X rows")
    assert "no variable 'rows'" in notebook.err
    assert "for a file write ./rows" in notebook.err


def test_local_variables_count(notebook) -> None:
    """A line in a function sees the function's variables."""
    notebook.run("def f(rows):\n    found = %deploy take rows\n    return found")
    assert notebook.arguments("f([4, 5])")["model"].value == [4, 5]


def test_the_body_of_a_cell_continues_the_command(notebook) -> None:
    """Arguments may stand on lines of their own, with comments."""
    got = notebook.arguments("%%deploy push churn:4\n--to prod   # the real one\n# nothing\n--yes\n")
    assert got == {"ref": "churn:4", "to": "prod", "yes": True, "out": None}


def test_a_line_says_what_happened_and_the_card_follows(notebook) -> None:
    """The line is printed once; the displayed card does not repeat the next step."""
    notebook.run("model = 1")
    notebook.run("%deploy take model")
    assert notebook.out.count("next: %deploy more") == 1
    assert "an answer" in notebook.out


def test_assignment_shows_the_line_only(notebook) -> None:
    """An assignment receives the answer, and displays no card."""
    notebook.run("model = 1")
    notebook.run("x = %deploy take model")
    assert notebook.out == "done; next: %deploy more\n"
    assert notebook.shell.user_ns["x"].line.startswith("done")


@pytest.mark.parametrize("cell", ["%deploy push churn;", "%deploy push churn; # c", "%%deploy push\nchurn;\n"])
def test_a_final_semicolon_silences(notebook, cell: str) -> None:
    """Nothing is shown."""
    result = notebook.run(cell)
    assert result.success
    assert (notebook.out, notebook.err, result.result) == ("", "", None)


def test_a_silenced_assignment_still_assigns(notebook) -> None:
    """The semicolon silences, it does not lose the answer."""
    notebook.run("x = %deploy push churn;")
    assert notebook.out == ""
    assert notebook.shell.user_ns["x"].arguments["ref"] == "churn"


def test_json_gives_the_document(notebook) -> None:
    """In a notebook the document is a Python value."""
    assert notebook.value("%deploy push churn --json") == {"arguments": 4}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%deploy pusj churn", "No such command 'pusj'. Did you mean 'push'?; see: %deploy --help"),
        ("%deploy push", "Missing argument 'REF'; see: %deploy push --help"),
        ("%deploy take m --test X", "Option '--test' requires 2 arguments: --test X y; see: %deploy take --help"),
        ("%deploy take m --test X --note n", "Option '--test' requires 2 arguments: --test X y; see: %deploy take"),
        ("%deploy push churn --nwe", "see: %deploy push --help"),
        ("%deploy push churn --to $prodd", "no variable 'prodd'"),
        ("%deploy push churn:x", "after ':' comes a version number"),
        ("%deploy push 'churn", "the quote ' is not closed"),
        ("%deploy refuse", "it is there already; choose another name"),
        ("%deploy interrupt", "interrupted"),
    ],
)
def test_mistakes_are_one_line_without_a_traceback(notebook, line: str, message: str) -> None:
    """Exactly IPython's UsageError, which alone is shown without a traceback."""
    result = notebook.run(line)
    assert type(result.error_in_exec) is UsageError
    assert message in notebook.err
    assert len(notebook.err.splitlines()) == 1
    assert "Traceback" not in notebook.out + notebook.err


def test_messages_name_commands_as_this_door_types_them(real_notebook) -> None:
    """What to do next can be typed where it is read; elsewhere it is a shell's."""
    real_notebook.run("%deploy snapshot 1 churn -X 2 --sample blah")
    assert "no variable 'blah'" in real_notebook.err
    assert "a sample is: a number of rows, a table, none, synthetic" in real_notebook.err
    real_notebook.run("%deploy target check nowhere")
    assert "add it with: %deploy target add NAME URL" in real_notebook.err
    unload(real_notebook.shell)
    with pytest.raises(NotFound, match="add it with: nbdeploy target add NAME URL"):
        api.target_check("nowhere")


@pytest.mark.parametrize("word", ["model", "Pipe", "$clf", "search.best_estimator_", "models[0]"])
def test_a_snapshot_needs_a_name_that_says_something(real_notebook, word: str) -> None:
    """A generic variable, or what is no variable, asks for a name before anything is done."""
    real_notebook.run("from types import SimpleNamespace")
    real_notebook.run("model = Pipe = clf = 1; search = SimpleNamespace(best_estimator_=1); models = [1]")
    real_notebook.run(f"%deploy snapshot {word} -X models")
    assert "the snapshot needs a name" in real_notebook.err
    assert f"%deploy snapshot {word} NAME" in real_notebook.err


def test_debug_shows_the_traceback(notebook) -> None:
    """Who asks for it gets the error as it was raised."""
    notebook.run("%deploy refuse --debug")
    assert "Traceback" in notebook.out
    assert "Conflict" in notebook.out


def test_a_defect_is_not_hidden(notebook) -> None:
    """What was not raised on purpose keeps its traceback."""
    assert isinstance(notebook.run("%deploy break").error_in_exec, ZeroDivisionError)


@pytest.mark.parametrize(
    "cell",
    ["%deploy push?", "%deploy push ?", "%deploy push??", "%deploy push --help", "%%deploy push?", "  %deploy push?"],
)
def test_help_in_every_spelling(notebook, cell: str) -> None:
    """A question mark asks for the command's help."""
    assert notebook.run(cell).success
    assert "Usage: %deploy push" in notebook.out
    assert "Where." in notebook.out


def test_help_of_all_commands(notebook) -> None:
    """The magic's own question mark lists the commands."""
    notebook.run("%deploy?")
    assert "Usage: %deploy" in notebook.out
    assert "refuse" in notebook.out


@pytest.mark.parametrize("cell", ["text = '''\n%deploy push?\n'''\nprint(text)", "x = 1 # %deploy push?"])
def test_question_marks_elsewhere_stay(notebook, cell: str) -> None:
    """Strings and comments are not rewritten."""
    assert notebook.run(cell).success
    assert "--help" not in notebook.out


def test_other_help_still_works(notebook) -> None:
    """Only our lines are rewritten."""
    notebook.run("model = 1")
    assert notebook.run("model?").success


def test_loading_twice_is_harmless_and_unloading_leaves_nothing(shell: InteractiveShell) -> None:
    """Everything that was added is gone again."""

    def parts() -> list[object]:
        return [
            list(shell.input_transformers_cleanup),
            list(shell.ast_transformers),
            list(shell.Completer.custom_matchers),
            sorted(shell.magics_manager.magics["line"]),
            sorted(shell.magics_manager.magics["cell"]),
            dict(shell.display_formatter.formatters["text/plain"].type_printers),
        ]

    before = parts()
    load(shell)
    once = [len(part) for part in parts()]
    load(shell)
    assert [len(part) for part in parts()] == once
    unload(shell)
    assert parts() == before


def test_running_cells_does_not_change_the_interpreter(notebook, tmp_path: Path) -> None:
    """The magic leaves the display hook as it was."""
    hook = sys.displayhook
    notebook.run("%deploy push churn;")
    assert sys.displayhook is hook


def test_what_failed_in_part_is_an_answer_to_a_person_and_an_error_in_a_run(
    notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who watches can look at the answer; a run that nobody watches must not go on as if all were done."""
    assert notebook.value("%deploy partly").failed
    kernel = SimpleNamespace(get_parent=lambda: {"content": {"allow_stdin": False}})
    monkeypatch.setattr(notebook.shell, "kernel", kernel, raising=False)
    with pytest.raises(UsageError, match="done; next"):
        notebook.value("%deploy partly")

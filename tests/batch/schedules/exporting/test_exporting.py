"""Schedules leave home: what is written, refused and said, whatever the program."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

import nbdeploy as nd
from nbdeploy.batch import Order, Text
from nbdeploy.batch.schedules.calendar import Calendar
from nbdeploy.batch.schedules.exporting import EXPORTERS
from nbdeploy.batch.schedules.exporting.plan import Plan
from nbdeploy.batch.schedules.jobs import PipelineJob
from nbdeploy.commands import cli
from nbdeploy.commands.door import Door
from nbdeploy.commands.shell import run
from nbdeploy.errors import InvalidData, NbdeployError, NotFound, WrongUsage
from tests.batch.schedules.exporting.making import START, notebook, prediction, schedule, surroundings, written


def test_a_shell_gets_the_definition_alone(stock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that it can be piped; what is different there goes to standard error, and into the head."""
    nd.schedule_add("weekly", predict=("lr", "inbox/"), out="scored/", cron="0 6 * * 1", jitter=timedelta(minutes=9))
    assert run(["schedule", "export", "weekly", "--to", "kubernetes", "--image", "registry/scoring:7"]) == 0
    out, err = capsys.readouterr()
    body = yaml.safe_load(out)
    assert body["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"] == "registry/scoring:7"
    assert err.startswith(
        "schedule weekly is written for kubernetes, with 5 differences; next: kubectl apply -f FILE\n"
    )
    store = "is a folder of this machine: copy what is needed to one that is reached from there"
    for said in ("the jitter of 0:09:00 is left out", f"the snapshot store {stock / 'store'} {store}"):
        assert said in err
        assert f"# Different: {said}" in out
    assert f"# Needs: input inbox/\n# Needs: store {stock / 'store'}\n" in out


def test_a_file_or_a_folder_is_written(stock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder gets a file of the schedule's name; the document says everything."""
    nd.schedule_add("weekly", predict=("lr", "inbox/"), out="scored/", cron="0 6 * * 1")
    exported = nd.schedule_export("weekly", to="airflow", out=".")
    assert exported.out == Path("weekly.py").absolute()
    compile(Path("weekly.py").read_text(), "weekly.py", "exec")
    assert run(["schedule", "export", "weekly", "--to", "argo", "--out", "flow.yaml", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["text"] == Path("flow.yaml").read_text()
    assert (told["to"], told["needs"][0]) == ("argo", "input inbox/")


def test_what_is_not_there_is_refused(stock: Path) -> None:
    """A schedule, and a program."""
    nd.schedule_add("weekly", predict=("lr", "inbox/"), out="scored/", cron="0 6 * * 1")
    with pytest.raises(NotFound, match="did you mean airflow"):
        nd.schedule_export("weekly", to="aiflow")
    with pytest.raises(NotFound, match="weakly"):
        nd.schedule_export("weakly", to="airflow")


@pytest.mark.parametrize("to", list(EXPORTERS))
def test_what_a_program_cannot_do_is_said(to: str, tmp_path: Path) -> None:
    """In the result and in the file's head."""
    rare = {"jitter": timedelta(minutes=5), "missed": "all", "overlap": "queue"}
    window = {"begins": START + timedelta(days=10), "ends": START + timedelta(days=400)}
    made = schedule(prediction(tmp_path), "30 2 * * *", "Europe/Madrid", **rare, **window)
    result = written(to, made)
    head = [line for line in result.text.splitlines() if line.startswith("# Different: ")]
    assert head == [f"# Different: {note}" for note in result.notes]
    said = " ".join(result.notes)
    assert "the jitter of 0:05:00 is left out" in said
    assert "skipped or doubled as clocks are set" in said
    assert ("are not known there" in said) == (to != "airflow")
    assert "missed" in said
    assert ("scored/ is written inside the " in said) == (to in {"argo", "github-actions", "kubernetes"})
    if to not in {"airflow", "cron"}:  # these two let them wait, too
        assert "waits" in said


def test_no_text_leaves_the_head(tmp_path: Path) -> None:
    """A line break in a path or parameter does not become a line of the definition."""
    made = schedule(prediction(tmp_path, "in\n'\nimport os\r\n\u2028x.csv"))
    for to in ("airflow", "kubernetes", "argo", "github-actions"):
        text = written(to, made).text
        head = [line for line in text.splitlines() if line.startswith("# Runs")]
        assert len(head) == 1
        assert "import os" in head[0]
    compile(written("airflow", made).text, "dag.py", "exec")


@pytest.mark.parametrize(
    "cron", ["0 3 L * *", "0 3 LW * *", "0 3 * * 5L", "0 3 * * MON#1", "0 3 */2 * 1", "0 3 1 * */2"]
)
def test_lines_that_programs_read_differently_are_refused(cron: str, tmp_path: Path) -> None:
    """With what to write instead."""
    with pytest.raises(WrongUsage, match=r"let it run on each day|write its days as a list"):
        written("kubernetes", schedule(prediction(tmp_path), cron))


def test_what_text_cannot_say_is_refused(tmp_path: Path) -> None:
    """A value that the notebook's types would read as another one."""
    with pytest.raises(InvalidData, match="parameter 'note'"):
        written("kubernetes", schedule(notebook(tmp_path, {"note": ["a list where a text is declared"]})))


def test_options_of_a_run_go_along(tmp_path: Path) -> None:
    """Also files and places, which stay relative to the schedule's folder."""
    (tmp_path / "more.yaml").write_text("limit: 0.25\n")
    job = notebook(tmp_path, {"n": 3}, files=["more.yaml"], output="done-{{ ds }}.ipynb", raw={"note": "7"})
    job = type(job)(job.order, surroundings(tmp_path))
    (tmp_path / "nbdeploy.toml").write_text("")
    made = schedule(job)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert Plan(made, "x").command == [
            *("run", "--parameter", "month", "{{ previous_month }}", "--parameter", "n", "3", "--raw", "note", "7"),
            *("--file=more.yaml", "--", "retrain.ipynb", "done-{{ ds }}.ipynb"),
        ]
    assert Plan(made, "x").needs == ["notebook retrain.ipynb", "parameters more.yaml"]


FIELD = st.sampled_from(["*", "0", "1,3", "2-5", "*/7", "1-6/2"])
WEEKDAY = st.sampled_from(["*", "sun", "MON-FRI", "7", "5-7", "1-7/3", "Tue,7", "*/3"])
MONTH = st.sampled_from(["*", "jan", "FEB-apr", "3,nov", "*/5"])


@given(FIELD, FIELD, st.sampled_from(["*", "1", "10-12", "*/9"]), MONTH, WEEKDAY)
def test_figures_mean_what_names_meant(minute: str, hour: str, day: str, month: str, weekday: str) -> None:
    """The line that is written is due when the schedule's own is."""
    cron = " ".join([minute, hour, day, month, weekday])
    made = schedule(prediction(Path("/")), cron)
    try:
        line = Plan(made, "any program").cron
    except NbdeployError:
        assert "*/" in day + weekday
        return
    assert not any(char.isalpha() or char == "7" for char in line.split()[4])
    assert Calendar(line).preview(START, 30) == made.preview(START, 30)


def test_a_typed_text_is_read_there_by_the_notebook_s_types(tmp_path: Path) -> None:
    """Where a word becomes a number, the command says it as text, and Airflow runs the command."""
    made = schedule(notebook(tmp_path, {"n": Text("{{ year }}")}))
    assert Plan(made, "x").told.values is None
    assert "BashOperator(" in written("airflow", made).text


def test_what_papermill_cannot_be_told_goes_to_nbdeploy(tmp_path: Path) -> None:
    """Whom to tell, retries and the like are options of its command, and need what they name."""
    job = notebook(tmp_path, {}, notify=["ops", "me@example.org:always"], at_once=1, env_files=["a.env"])
    job = type(job)(structs.replace(job.order, retries=2, retry_on=["OSError"], sweep="s"), job.at)
    plan = Plan(schedule(job), "x")
    assert plan.command[4:-2] == [
        *("--retries=2", "--at-once=1", "--retry-on=OSError", "--env-file=a.env"),
        *("--notify=ops", "--notify=me@example.org:always"),
    ]
    assert plan.needs[1:3] == ["variables a.env", "settings with a table for --notify ops"]
    assert plan.notes == ["the run's sweep (s) is left out"]
    assert "BashOperator(" in written("airflow", schedule(job)).text


def test_a_pipeline_is_a_command(tmp_path: Path) -> None:
    """Its file is named as in the schedule's folder; Airflow's notebooks are papermill's, and its pipelines ours."""
    order = Order.of(tmp_path / "monthly.yaml", {"month": Text("{{ previous_month }}")}, timeout=60.0)
    made = schedule(PipelineJob(order, surroundings(tmp_path)))
    assert Plan(made, "x").command == ["run", "--parameter", "month", "{{ previous_month }}", "--", "monthly.yaml"]
    assert Plan(made, "x").needs == ["pipeline monthly.yaml", "the notebooks of its steps"]
    assert "execution_timeout=timedelta(seconds=60.0)" in written("airflow", made).text
    assert "activeDeadlineSeconds: 60" in written("kubernetes", made).text


def test_the_command_is_read_as_the_schedule_was(tmp_path: Path) -> None:
    """Every option of a run arrives in the shell's own command as it was kept."""
    (tmp_path / "a.env").write_text("A=1")
    given: dict[str, Any] = {
        "timeout": 90.0,
        "cell_timeout": 2.5,
        "retries": 2,
        "retry_wait": 7200.0,
        "retry_on": ["OSError", "Gone"],
        "kernel": "python3",
        "cwd": "there",
        "env_files": ["a.env"],
        "inputs": ["b.csv", "c.csv"],
        "at_once": 1,
        "notify": ["me@example.org:always"],
    }
    job = notebook(tmp_path, {"n": Text("7")}, output="out.ipynb", raw={"note": "--x"})
    made = schedule(type(job)(structs.replace(job.order, **given), job.at))
    name, *words = Plan(made, "x").command
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    read = command.make_context(name, words, obj=Door()).params
    assert {each: list(read[each]) if isinstance(read[each], tuple) else read[each] for each in given} == given
    assert (read["notebook"], read["output"], read["raw"]) == ("retrain.ipynb", "out.ipynb", (("note", "--x"),))
    assert read["typed"] == (("month", "{{ previous_month }}"), ("n", "7"))
    assert not Plan(made, "x").told.unsaid

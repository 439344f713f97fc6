"""Definitions for Kubernetes, Argo and GitHub: valid by their own schemas, and running the very command."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from hera.workflows.models import CronWorkflow

from nbdeploy.batch import Secret, Text
from nbdeploy.batch.parameters.words import meant, render
from nbdeploy.batch.schedules.exporting import EXPORTERS
from tests.batch.schedules.exporting.making import HOSTILE, notebook, prediction, schedule, surroundings, written
from tests.batch.schedules.exporting.programs import as_argo, as_kubernetes, said

WORDS = [
    *("run", "--parameter", "month", "{{ previous_month }}", "--parameter", "n", "7", "--raw", "note", HOSTILE),
    *("--parameter", "names", "['a', 'b']", "--parameter", "late", "True", "--timeout=90", "--", "retrain.ipynb"),
]


def plain(job: Any, **facts: Any) -> Any:
    return schedule(job, timezone="Europe/Madrid", **facts)


@pytest.fixture
def hostile(tmp_path: Path) -> Any:
    """A schedule whose parameters are of every type, and one of which is an attack."""
    given = {"n": Text("7"), "note": HOSTILE, "names": ["a", "b"], "late": True}
    return plain(notebook(tmp_path, given, timeout=90.0))


@pytest.fixture(params=["hostile", "plain", "rare"])
def made(request: pytest.FixtureRequest, tmp_path: Path, hostile: Any) -> Any:
    """Schedules that use what schedules have."""
    rare = {"missed": "skip", "overlap": "allow", "paused": True, "jitter": timedelta(minutes=5)}
    return {
        "hostile": hostile,
        "plain": schedule(prediction(tmp_path, "inbox/", timeout=600.0)),
        "rare": plain(prediction(tmp_path), **rare, ends=datetime.fromisoformat("2027-01-01T00:00Z")),
    }[request.param]


def test_kubernetes_accepts_the_cron_job(made: Any) -> None:
    """By the strict schema of its newest version, and of the first that has time zones for good."""
    body = yaml.safe_load(written("kubernetes", made).text)
    for version in ("1.27", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(body, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**body, "spec": {**body["spec"], "timezone": "UTC"}}, version, strict=True)


def test_argo_accepts_the_cron_workflow(made: Any) -> None:
    """By the models made from its published schema: nothing is wrong, and nothing unknown to it."""
    body = yaml.safe_load(written("argo", made).text)
    known = CronWorkflow.model_validate(body).model_dump(by_alias=True, exclude_none=True, mode="json")
    assert known == body


def test_github_accepts_the_workflow(made: Any) -> None:
    """By the schema that its editors use."""
    schema = json.loads(files("check_jsonschema.builtin_schemas.vendor").joinpath("github-workflows.json").read_bytes())
    body = yaml.safe_load(written("github-actions", made).text)
    jsonschema.validate(body, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**body, "on": {"schedule": [{"cron": "0 3 1 * *", "zone": "UTC"}]}}, schema)


def test_when_it_runs_is_said_everywhere(tmp_path: Path) -> None:
    """Times, zone, overlap, missed times and a pause, in each program's words."""
    rare = {"missed": "skip", "overlap": "allow", "paused": True}
    made = plain(prediction(tmp_path), cron="30 6 * jan-mar mon,7", **rare)
    job = yaml.safe_load(written("kubernetes", made).text)["spec"]
    assert {name: job[name] for name in job if name != "jobTemplate"} == {
        "schedule": "30 6 * 1-3 1,0",
        "timeZone": "Europe/Madrid",
        "concurrencyPolicy": "Allow",
        "startingDeadlineSeconds": 60,
        "suspend": True,
    }
    flow = yaml.safe_load(written("argo", made).text)["spec"]
    assert {name: flow[name] for name in flow if name != "workflowSpec"} == {
        "schedules": ["30 6 * 1-3 1,0"],
        "timezone": "Europe/Madrid",
        "concurrencyPolicy": "Allow",
        "startingDeadlineSeconds": 60,
        "suspend": True,
    }
    workflow = yaml.safe_load(written("github-actions", made).text)
    assert workflow["on"]["schedule"] == [{"cron": "30 6 * 1-3 1,0", "timezone": "Europe/Madrid"}]
    assert "concurrency" not in workflow
    assert "the schedule is paused here, and runs there" in written("github-actions", made).text
    queue = plain(prediction(tmp_path), overlap="queue")
    assert yaml.safe_load(written("kubernetes", queue).text)["spec"]["concurrencyPolicy"] == "Forbid"
    assert yaml.safe_load(written("github-actions", queue).text)["concurrency"]["cancel-in-progress"] is False


def test_the_command_in_kubernetes(hostile: Any, tmp_path: Path) -> None:
    """A pod that begins late has the time in its job's name; a job by hand has now."""
    spec = yaml.safe_load(written("kubernetes", hostile).text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    by_name = {each["name"]: each.get("value") for each in container["env"]}
    assert by_name == {"NBDEPLOY_JOB": None, "TZ": "Europe/Madrid", "NBDEPLOY_STORE": "s3://team/models"}
    variables = {name: as_kubernetes(value, {}) for name, value in by_name.items() if value is not None}
    due = datetime.fromisoformat("2026-03-01T03:00:00+01:00")
    command = [as_kubernetes(each, variables) for each in [*container["command"], *container["args"]]]
    for job, moment in ((f"weekly-{int(due.timestamp()) // 60}", "2026-03-01T02:00:00Z"), ("weekly-by-hand-1", None)):
        words, told, zone = said(command, tmp_path, {**variables, "NBDEPLOY_JOB": job})
        assert (words, told, zone) == (WORDS, moment, "Europe/Madrid")


def test_a_command_without_words_needs_no_shell(tmp_path: Path) -> None:
    """Its arguments arrive as they are."""
    job = prediction(tmp_path, "in box/$(TZ) $$.csv", "--keep=all")
    spec = yaml.safe_load(written("kubernetes", schedule(job)).text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert [as_kubernetes(each, {"TZ": "UTC"}) for each in [*container["command"], *container["args"]]] == [
        *("nbdeploy", "predict", "--out=scored/", "--keep=all", "--", "churn@champion", "in box/$(TZ) $$.csv"),
    ]


def test_the_command_in_argo(hostile: Any, tmp_path: Path) -> None:
    """Its own templates see none of our words, and say the time."""
    flow = yaml.safe_load(written("argo", hostile).text)["spec"]["workflowSpec"]
    flow = as_argo(flow, {"workflow.scheduledTime": "2026-03-01T02:00:00Z"})
    container = flow["templates"][0]["container"]
    variables = {each["name"]: as_kubernetes(each["value"], {}) for each in container["env"]}
    command = [as_kubernetes(each, variables) for each in [*container["command"], *container["args"]]]
    assert said(command, tmp_path, variables) == [WORDS, "2026-03-01T02:00:00Z", "Europe/Madrid"]


def test_the_command_on_github(hostile: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A late start is told the line that it belongs to, whose last time is the one."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    job = yaml.safe_load(written("github-actions", hostile).text)["jobs"]["run"]
    assert job["env"].pop("NBDEPLOY_DUE") == "${{ github.event.schedule }}"
    variables = {**job["env"], "NBDEPLOY_DUE": hostile.cron}
    assert "${{" not in job["steps"][-1]["run"]
    words, due, zone = said(["bash", "-e", "-c", job["steps"][-1]["run"]], tmp_path, variables)
    assert (words, due, zone) == (WORDS, "0 3 1 * *", "Europe/Madrid")
    monkeypatch.setenv("TZ", zone)
    late = datetime.fromisoformat("2026-03-01T05:40:00Z")
    assert render("{{ previous_month }} {{ hour }}", meant({"NBDEPLOY_DUE": due}, late)) == "2026-02 03"


def test_a_folder_in_a_repository(tmp_path: Path) -> None:
    """The workflow works there."""
    (tmp_path / ".git").mkdir()
    job = prediction(tmp_path, at=surroundings(tmp_path / "models"))
    body = yaml.safe_load(written("github-actions", schedule(job)).text)
    assert body["jobs"]["run"]["defaults"] == {"run": {"working-directory": "models"}}


@pytest.mark.parametrize("to", ["kubernetes", "argo", "github-actions"])
def test_secrets_are_named_and_not_written(to: str, tmp_path: Path) -> None:
    """The value comes from the program's own secrets."""
    job = prediction(tmp_path, at=surroundings(tmp_path, NBDEPLOY_STORE="s3://key:hunter2@minio/models"))
    text = written(to, schedule(job)).text
    assert "hunter2" not in text
    assert "NBDEPLOY_STORE" in text
    reference = {"github-actions": "${{ secrets.NBDEPLOY_STORE }}"}.get(to, "secretKeyRef")
    assert reference in text


def test_secrets_of_a_notebook_come_from_the_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its command names the variable, and the definition where that comes from."""
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    made = schedule(notebook(tmp_path, {"note": Secret("env:DB_PASSWORD")}))
    text = written("kubernetes", made).text
    spec = yaml.safe_load(text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (secret,) = [each for each in container["env"] if each["name"] == "DB_PASSWORD"]
    assert secret["valueFrom"] == {"secretKeyRef": {"name": "nbdeploy-weekly", "key": "DB_PASSWORD"}}
    assert "--secret note=env:DB_PASSWORD" in container["args"][-1]
    assert yaml.safe_load(written("github-actions", made).text)["jobs"]["run"]["env"]["DB_PASSWORD"] == (
        "${{ secrets.DB_PASSWORD }}"
    )
    assert "set DB_PASSWORD on the workers" in written("airflow", made).notes
    assert "hunter2" not in "".join(written(to, made).text for to in EXPORTERS)

"""A DAG of Airflow, from version 3 on.

Airflow's own ``{{ ds }}`` is a date in UTC, and depending on the timetable that of the begin or the end of an interval.
So the words of schedules become expressions of what they mean here: the time that the cron line names, in its zone.
With a ``CronTriggerTimetable`` that is the end of the run's interval.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from nbdeploy.batch.parameters.words import split
from nbdeploy.batch.schedules.exporting.exported import Written
from nbdeploy.batch.schedules.exporting.exporters import Options
from nbdeploy.batch.schedules.exporting.plan import Plan
from nbdeploy.batch.schedules.exporting.shell import line
from nbdeploy.batch.schedules.jobs import NotebookJob
from nbdeploy.batch.schedules.schedule import Schedule

__all__ = ["EXPRESSIONS", "write"]

_DAY = "due(dag_run).date()"
_MONTH = f"{_DAY}.replace(day=1)"
_QUARTER = f"{_DAY}.first_of('quarter')"
EXPRESSIONS: Mapping[str, str] = {
    "ds": f"{{{{ {_DAY} }}}}",
    "ds_nodash": f"{{{{ {_DAY}.strftime('%Y%m%d') }}}}",
    "ts": "{{ due(dag_run).isoformat(timespec='seconds') }}",
    "hour": "{{ due(dag_run).strftime('%H') }}",
    "yesterday": f"{{{{ {_DAY}.subtract(days=1) }}}}",
    "tomorrow": f"{{{{ {_DAY}.add(days=1) }}}}",
    "week": f"{{{{ {_DAY}.strftime('%G-W%V') }}}}",
    "previous_week": f"{{{{ {_DAY}.subtract(days=7).strftime('%G-W%V') }}}}",
    "month": f"{{{{ {_DAY}.strftime('%Y-%m') }}}}",
    "previous_month": f"{{{{ {_MONTH}.subtract(months=1).strftime('%Y-%m') }}}}",
    "next_month": f"{{{{ {_MONTH}.add(months=1).strftime('%Y-%m') }}}}",
    "month_start": f"{{{{ {_MONTH} }}}}",
    "month_end": f"{{{{ {_MONTH}.add(months=1).subtract(days=1) }}}}",
    "previous_month_start": f"{{{{ {_MONTH}.subtract(months=1) }}}}",
    "previous_month_end": f"{{{{ {_MONTH}.subtract(days=1) }}}}",
    "quarter": f"{{{{ {_DAY}.year }}}}-Q{{{{ {_DAY}.quarter }}}}",
    "previous_quarter": (f"{{{{ {_QUARTER}.subtract(days=1).year }}}}-Q{{{{ {_QUARTER}.subtract(days=1).quarter }}}}"),
    "year": f"{{{{ {_DAY}.year }}}}",
    "previous_year": f"{{{{ {_DAY}.year - 1 }}}}",
}
"""What Airflow renders as each word."""

_UNSAFE = re.compile(r"[{}%#\r\n]")
_MANY = 16
_DUE = '''\
def due(dag_run):
    """Return the time that the cron line names, in the schedule's zone; a run by hand has its own."""
    return pendulum.instance(dag_run.data_interval_end or dag_run.run_after).in_timezone(ZONE)
'''


def write(schedule: Schedule, options: Options) -> Written:  # noqa: ARG001
    """Write the DAG of a schedule."""
    plan = Plan(schedule, "Airflow")
    notes = [*plan.notes, *_differences(schedule)]
    task, imported, more = _task(plan)
    notes += more
    timed = "from datetime import timedelta\n\n" if "timedelta(" in task else ""
    arguments = {
        "dag_id": repr(schedule.name),
        "description": repr(schedule.job.words),
        "schedule": f"CronTriggerTimetable({plan.cron!r}, timezone=ZONE)",
        "start_date": _moment(max(schedule.decided, schedule.begins or schedule.decided)),
        **({"end_date": _moment(schedule.ends)} if schedule.ends else {}),
        "catchup": repr(schedule.missed == "all"),
        "max_active_runs": repr(_MANY if schedule.overlap == "allow" else 1),
        "is_paused_upon_creation": repr(schedule.paused),
        "user_defined_macros": "{'due': due}",
        "tags": "['nbdeploy']",
    }
    text = "\n".join(
        [
            f"{plan.comment(notes)}{timed}import pendulum\n{imported}",
            f"from airflow.sdk import DAG, CronTriggerTimetable\n\nZONE = {schedule.timezone!r}\n\n\n{_DUE}\n",
            f"with DAG(\n{_lines(arguments)}):\n    {task}",
        ]
    )
    return Written(text, plan.needs, notes, ".py", "put it into Airflow's folder of DAGs")


def _task(plan: Plan) -> tuple[str, str, list[str]]:
    """The operator, its import, and what it needs."""
    job = plan.schedule.job
    secrets = [f"set {name} on the workers" for name in plan.secrets]
    if isinstance(job, NotebookJob) and plan.told.values is not None and not plan.told.unsaid:
        return _notebook(job, plan.told.values), _PAPERMILL, [*secrets, *_papermill_notes(plan)]
    command = line(plan.command)
    command += " " * command.endswith((".sh", ".bash"))  # it would be taken for a file with the command
    variables = {"TZ": plan.schedule.timezone, **plan.variables}
    arguments = {
        "task_id": "'run'",
        "bash_command": repr(_templated(command)),
        "cwd": repr(_templated(job.at.cwd)),
        "env": repr({name: _templated(value) for name, value in variables.items()}),
        "append_env": "True",
        **_limit(plan.told.timeout),
    }
    needs = ["the workers have to have nbdeploy, and to see what is needed under the same paths"]
    return f"BashOperator(\n{_lines(arguments, 8)}    )\n", _BASH, [*secrets, *needs]


_PAPERMILL = "from airflow.providers.papermill.operators.papermill import PapermillOperator"
_BASH = "from airflow.providers.standard.operators.bash import BashOperator"


def _notebook(job: NotebookJob, values: dict[str, Any]) -> str:
    order, notebook = job.order, Path(job.order.notebook)
    if order.output is None:
        output = f"{Path(job.at.cwd) / notebook.stem}-{{{{ ds_nodash }}}}-{{{{ hour }}}}.ipynb"
    else:
        output = job.at.place(order.output)
    arguments = {
        "task_id": "'run'",
        "input_nb": repr(_path(order.notebook)),
        "output_nb": repr(_path(output)),
        "parameters": repr(_everywhere(values)),
        **({} if order.kernel is None else {"kernel_name": repr(_templated(order.kernel))}),
        **_limit(order.timeout),
    }
    return f"PapermillOperator(\n{_lines(arguments, 8)}    )\n"


def _papermill_notes(plan: Plan) -> list[str]:
    notes = [
        "papermill runs the notebook in the worker's working directory, not in its own folder; the workers have to see "
        "the notebook under the same path, and to have its kernel"
    ]
    if plan.variables:
        said = ", ".join(f"{name}={value}" for name, value in plan.variables.items())
        notes.append(f"where the notebook uses nbdeploy, set on the workers: {said}")
    return notes


def _differences(schedule: Schedule) -> list[str]:
    notes = []
    if schedule.missed == "skip":
        notes.append("of times that were missed Airflow makes up for the last one")
    if schedule.missed == "all":
        notes.append(f"Airflow makes up for all missed times, not for {schedule.bound} at most")
    if schedule.overlap == "skip":
        notes.append("of times that come while a run still goes the last one waits and is run after it")
    if schedule.overlap == "queue" and schedule.missed != "all":
        notes.append("of times that come while a run still goes the last one waits, not all of them")
    return notes


def _moment(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return f"pendulum.datetime({at.year}, {at.month}, {at.day}, {at.hour}, {at.minute}, {at.second})"


def _limit(seconds: float | None) -> dict[str, str]:
    return {} if seconds is None else {"execution_timeout": f"timedelta(seconds={seconds!r})"}


def _lines(arguments: Mapping[str, str], indent: int = 4) -> str:
    return "".join(f"{' ' * indent}{name}={value},\n" for name, value in arguments.items())


def _everywhere(value: Any) -> Any:
    """The texts in a value, for Jinja."""
    if isinstance(value, str):
        return _templated(value)
    if isinstance(value, list):
        return [_everywhere(item) for item in value]
    if isinstance(value, dict):
        return {name: _everywhere(item) for name, item in value.items()}
    return value


def _templated(text: str, plain: Callable[[str], str] = str) -> str:
    """A text that Jinja renders as ours does: words are expressions, and whatever else it would see is quoted."""
    between, words = split(text)
    quoted = [f"{{{{ {part!r} }}}}" if _UNSAFE.search(part) else part for part in map(plain, between)]
    return "".join(chain.from_iterable(zip_longest(quoted, (EXPRESSIONS[word] for word in words), fillvalue="")))


def _path(path: str) -> str:
    """A path for papermill, which replaces names in single braces."""
    return _templated(path, lambda part: part.replace("{", "{{").replace("}", "}}"))

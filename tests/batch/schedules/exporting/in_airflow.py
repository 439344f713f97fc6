"""Runs in Airflow's environment: imports a folder of DAGs as its processor does, and follows each for some times.

Arguments: the folder, and how many times. Nothing needs Airflow's database, and only there is Airflow to be imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_FIELDS = ("parameters", "output_nb", "input_nb", "bash_command", "env", "cwd")


def times(dag: Any, count: int) -> Iterator[Any]:
    """What the scheduler would run, which knows a DAG as it was serialised."""
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    last, known = None, DagSerialization.from_dict(DagSerialization.to_dict(dag))
    for _ in range(count):
        span = TimeRestriction(known.start_date, known.end_date, catchup=True)
        info = known.timetable.next_dagrun_info(last_automated_data_interval=last, restriction=span)
        if info is None:
            return
        last = info.data_interval
        yield info


def ready(dag: Any, info: Any) -> tuple[Any, dict[str, Any]]:
    """A task as a worker has it at a time: its fields are rendered."""
    task = dag.task_dict["run"].prepare_for_execution()
    run = SimpleNamespace(data_interval_end=info.data_interval.end, run_after=info.run_after)
    context = {"dag_run": run}
    task.render_template_fields(context, dag.get_template_env())
    return task, context


def followed(dag: Any, count: int) -> dict[str, Any]:
    """Everything about a DAG and its first times."""
    task, infos = dag.task_dict["run"], list(times(dag, count))
    limit = task.execution_timeout
    tasks = [ready(dag, info)[0] for info in infos]
    return {
        "operator": type(task).__name__,
        "catchup": dag.catchup,
        "runs": dag.max_active_runs,
        "paused": dag.is_paused_upon_creation,
        "limit": limit and limit.total_seconds(),
        "times": [info.run_after.isoformat() for info in infos],
        "fields": [{name: getattr(each, name) for name in _FIELDS if hasattr(each, name)} for each in tasks],
    }


def executed(dag: Any) -> str:
    """Let the operator itself do the first of its times."""
    task, context = ready(dag, next(times(dag, 1)))
    return str(task.execute(context))


def main(folder: str, count: str) -> None:
    """Write what is found beside the DAGs."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(folder)
    found = {
        "errors": bag.import_errors,
        "dags": {name: followed(dag, int(count)) for name, dag in bag.dags.items()},
        "executed": {name: executed(dag) for name, dag in bag.dags.items() if name.startswith("do-")},
    }
    Path(folder, "found.json").write_text(json.dumps(found, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])

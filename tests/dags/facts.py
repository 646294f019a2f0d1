"""Runs in Airflow's environment: prints what it makes of a folder of DAG files, as JSON on the last line.

facts.py DAGS [DAG]     with the parsing context of a task of that DAG, if it is named
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any

HEAVY = (
    "pandas", "numpy", "pyarrow", "boto3", "botocore", "duckdb", "redshift_connector", "sklearn", "mlflow", "dbt",
    "matplotlib", "papermill", "nbformat", "nbclient", "sqlglot", "networkx", "workbench.warehouse",
)  # fmt: skip


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def parsed(folder: str) -> tuple[Any, float, list[str]]:
    """Return the DAGs, the processor seconds, and which heavy libraries came along."""
    from airflow.dag_processing.dagbag import DagBag

    before, began = set(sys.modules), cpu()
    bag = DagBag(folder)
    return bag, cpu() - began, [name for name in HEAVY if name in sys.modules and name not in before]


def task_facts(task: Any) -> dict[str, Any]:
    return {
        "type": task.task_type,
        "before": sorted(task.upstream_task_ids),
        "inlets": sorted(each.name for each in task.inlets),
        "outlets": sorted(each.name for each in task.outlets),
        "owner": task.owner,
        "retries": task.retries,
        "retry_delay": task.retry_delay.total_seconds(),
        "backoff": float(task.retry_exponential_backoff),
        "timeout": task.execution_timeout.total_seconds() if task.execution_timeout else None,
        "pool": task.pool,
        "rule": str(getattr(task.trigger_rule, "value", task.trigger_rule)),
        "at_once": task.max_active_tis_per_dagrun,
        "doc": task.doc_md or "",
        "mapped": bool(task.is_mapped),
        "links": sorted(each.name for each in task.operator_extra_links),
        "tells": bool(
            task.partial_kwargs.get("on_failure_callback") if task.is_mapped else task.on_failure_callback
        ),
    }


def assets(condition: Any) -> list[str]:
    if condition is None:
        return []
    if hasattr(condition, "objects"):
        return [name for one in condition.objects for name in assets(one)]
    return [condition.name] if hasattr(condition, "name") else []


def param_facts(param: Any) -> dict[str, Any]:
    value = param.value if param.has_value else None
    return {"value": value, "schema": param.schema, "help": param.description}


def dag_facts(dag: Any) -> dict[str, Any]:
    from airflow.serialization.serialized_objects import DagSerialization

    timetable = dag.timetable
    inner = getattr(timetable, "timetable", timetable)
    condition = getattr(timetable, "asset_condition", None)
    return {
        "tasks": {task.task_id: task_facts(task) for task in dag.tasks},
        "cron": getattr(inner, "expression", None) or getattr(inner, "_expression", None),
        "timetable": type(timetable).__name__,
        "assets": sorted(assets(condition)),
        "condition": type(condition).__name__,
        "catchup": dag.catchup,
        "runs": dag.max_active_runs,
        "doc": dag.doc_md or "",
        "params": {name: param_facts(dag.params.get_param(name)) for name in dag.params},
        "serialized": json.dumps(DagSerialization.to_dict(dag), sort_keys=True),
    }  # fmt: skip


def main(folder: str, of: str | None = None) -> None:
    sys.path.insert(0, folder)
    if of:
        os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = of
    bag, seconds, heavy = parsed(folder)
    found = {
        "dags": {name: dag_facts(dag) for name, dag in sorted(bag.dags.items())},
        "errors": {path.rsplit("/", 1)[-1]: error for path, error in bag.import_errors.items()},
        "cpu": seconds,
        "heavy": heavy,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

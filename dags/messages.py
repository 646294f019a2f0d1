"""Airflow's DAG that takes messages from the queue: files that landed, and runs that are asked for."""

from __future__ import annotations

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, AssetWatcher
from factory import LANDING

from workbench.airflow.messages.intake import Refuse, RequestedRuns, TakeFiles
from workbench.airflow.messages.trigger import QueueMessages
from workbench.airflow.tasks.alerts import tell

messages = Asset("messages", watchers=[AssetWatcher(name="queue", trigger=QueueMessages())])

with DAG(
    "messages",
    schedule=[messages],
    catchup=False,
    max_active_runs=1,
    description="Bring files that messages name into landing, and start runs that they ask for.",
    doc_md=__doc__,
    tags=["workbench"],
    default_args={"owner": "workbench", "retries": 3, "on_failure_callback": tell},
):
    files = TakeFiles(task_id="files", messages=messages, outlets=[Asset(LANDING)])
    files >> Refuse(task_id="refused", source="files", trigger_rule="all_done", retries=0)
    requested = RequestedRuns(task_id="requested", messages=messages)
    TriggerDagRunOperator.partial(
        task_id="run", skip_when_already_exists=True, map_index_template="{{ task.trigger_run_id }}"
    ).expand_kwargs(requested.output)

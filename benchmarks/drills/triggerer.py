"""Airflow's triggerer is killed while messages come."""

from __future__ import annotations

import json
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from arrivals import write_sales
from ground import ROOT, Outcome, folder, until, variables

from workbench.errors import WorkbenchError
from workbench.warehouse import connect

FILES = 20
_PYTHON = ROOT / ".venv-airflow" / "bin" / "python"


def killed_triggerer() -> Outcome:
    """Kill the triggerer between two halves of the messages; the supervisor starts the next."""
    if not _PYTHON.exists():
        return Outcome(
            "triggerer killed",
            "",
            skipped="no environment of Airflow; make it with: make .venv-airflow/stamp",
        )
    from tests.dags.stack import BUCKET, LocalError, Stack, make_project

    with folder("triggerer") as place, variables({}):
        try:
            with Stack(place, make_project(place / "project")) as stack:
                return _hold(stack, place, BUCKET)
        except LocalError as problem:
            return Outcome("triggerer killed", "", skipped=str(problem))


def _hold(stack: Any, place: Path, bucket: str) -> Outcome:
    s3, sqs = stack.client("s3"), stack.client("sqs")
    for dag in ("retail_etl", "messages"):
        stack.api.unpause(dag)

    def deliver(numbers: range) -> None:
        for number in numbers:
            path = write_sales(place / f"{number}.csv", f"drill-{number}")
            key = f"landing/transactions/{path.name}"
            s3.upload_file(str(path), bucket, key)
            sqs.send_message(
                QueueUrl=stack.queue_url, MessageBody=json.dumps({"files": [f"s3://{bucket}/{key}"]})
            )

    deliver(range(FILES // 2))
    killed = stack.component("triggerer")
    killed.send_signal(signal.SIGKILL)
    began = time.monotonic()
    deliver(range(FILES // 2, FILES))
    sql = (
        "SELECT count(*) AS n, count(DISTINCT transaction_id) AS lines, count(DISTINCT _batch_id) AS files "
        "FROM raw.transactions WHERE transaction_id LIKE 'drill-%'"
    )

    def taken() -> dict[str, int] | None:
        # It isn't there before the first run.
        with suppress(WorkbenchError):
            (found,) = connect(f"duckdb:///{stack.home / 'warehouse.duckdb'}").rows(sql)
            return found if found["files"] >= FILES else None
        return None

    found = until(taken, "the files of all messages", 900, pause=2)
    seconds = time.monotonic() - began
    for run in stack.runs("messages"):
        stack.ended("messages", run["dag_run_id"])
    left = sqs.get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=["All"])["Attributes"]
    dead = sqs.get_queue_attributes(QueueUrl=f"{stack.queue_url}-dead", AttributeNames=["All"])["Attributes"]
    checks = {
        "each line is in raw once": found == {"n": FILES, "lines": FILES, "files": FILES},
        "no message is left": int(left["ApproximateNumberOfMessages"])
        == int(left["ApproximateNumberOfMessagesNotVisible"])
        == 0,
        "there is no dead letter": int(dead["ApproximateNumberOfMessages"]) == 0,
        "another triggerer works": stack.component("triggerer").pid != killed.pid,
    }
    return Outcome("triggerer killed", "SIGKILL to Airflow's triggerer", seconds, checks, {"files": FILES})

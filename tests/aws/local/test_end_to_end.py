"""From an object in S3 to marts, report, figures and log, through function, queue, worker and tasks on ECS.

A task is given the same command by a worker and by Step Functions; so the second runs fewer stages.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from tests.aws.local.conftest import Cluster
from tests.aws.local.test_executor import bucket, keys
from tests.aws.local.test_lambda_trigger import queue, trigger
from tests.aws.local.test_state_machine import execute
from tests.execution.notebooks import pipeline
from tests.project import ROOT
from workbench.aws.stepfunctions.state_machine import Target, state_machine
from workbench.execution import load_pipeline
from workbench.execution.records.store import read_run
from workbench.queue.base import Queue
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.warehouse import connect

__all__ = ["bucket", "queue", "trigger"]
pytestmark = pytest.mark.slow
SAMPLE = ROOT / "samples" / "retail_data.csv"


def figures(name: str, **dimensions: str) -> float:
    """Return the sum of a figure in CloudWatch."""
    told = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="Workbench",
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=datetime.now(UTC) - timedelta(hours=1),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in told["Datapoints"]))


def log_lines(group: str) -> list[str]:
    """Return every line that tasks have written."""
    logs = boto3.client("logs")
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    ]


def counted(rows: str, what: str = "*") -> int:
    (row,) = connect().query(f"SELECT count({what}) AS n FROM {rows}").to_pylist()
    return int(row["n"])


# tests/infra/test_deployment.py goes the same way as deployed, with the stages in the worker's own task.
@pytest.mark.soak
def test_an_object_in_s3_ends_as_a_report_in_s3(
    warehouse: dict[str, str], bucket: str, trigger: str, queue: Queue, cluster: Cluster, tmp_path: Path
) -> None:
    s3, landing = boto3.client("s3"), f"landing-{trigger}"
    arn = boto3.client("lambda").get_function(FunctionName=trigger)["Configuration"]["FunctionArn"]
    s3.create_bucket(Bucket=landing, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_notification_configuration(
        Bucket=landing,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    before = {name: figures(name, Pipeline="retail_etl") for name in ("Runs", "RowsAccepted", "Failures")}
    s3.upload_file(str(SAMPLE), landing, "landing/transactions/2026-01-31.csv")
    deadline = time.monotonic() + 120
    while queue.counts().ready < 1:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    worker = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", "worker", "--executor", "ecs", "--settle", "0.2"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "WORKBENCH_PROFILE": "aws",
            "WORKBENCH_QUEUE_URL": queue.url,
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[dict[str, Any]] = []
    assert worker.stderr is not None
    try:
        for line in worker.stderr:
            if line.startswith("{"):
                said.append(json.loads(line))
            if said and "taken in" in said[-1]["message"]:
                break
    finally:
        worker.terminate()
        worker.communicate(timeout=600)
    run = read_run(next(line["run_id"] for line in said if "run_id" in line), get_settings())
    assert (run.state, run.pipeline) == ("succeeded", "retail_etl"), run.error
    assert {stage.process_kind for stage in run.stages} == {"ecs"}
    assert run.cost and run.cost > 0
    ingest = run.stages[0].counts
    assert ingest["rows_landed"] == 400 and ingest["rows_quarantined"] == 12
    assert counted("marts.retail_sales") == 400 - 12 - 3
    # The report, and each stage's page, lie in S3.
    pages = {Path(key).name for key in keys(bucket) if f"site/{run.run_id}/" in key}
    assert pages == {"index.html", *(f"{stage.name}.html" for stage in run.stages)}
    # What was taken in lies in the lake, and Glue knows where.
    (partition,) = boto3.client("glue").get_partitions(
        DatabaseName="workbench_raw", TableName="transactions"
    )["Partitions"]
    assert partition["StorageDescriptor"]["Location"].startswith("s3://staging/lake/raw/transactions/")
    # The figures.
    assert figures("Runs", Pipeline="retail_etl") == before["Runs"] + 1
    assert figures("RowsAccepted", Pipeline="retail_etl") == before["RowsAccepted"] + 388
    assert figures("Failures", Pipeline="retail_etl") == before["Failures"]
    # The trail: the worker's lines and those of each task name the run.
    stages = {line["stage"] for line in said if line.get("run_id") == run.run_id and "stage" in line}
    assert stages == {stage.name for stage in run.stages}
    assert sum(run.run_id in line for line in log_lines(cluster.name)) >= len(run.stages)


@pytest.fixture
def shorter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose ``retail_etl`` has the first three of our stages, of which two go side by side."""
    ours, folder = (
        load_pipeline("retail_etl").folder,
        tmp_path / "project" / "pipeline_notebooks" / "retail_etl",
    )
    content = yaml.safe_load((ours / "pipeline.yaml").read_text())
    stages = {name: content["stages"][name] for name in ("ingest", "customers", "products")}
    pipeline(folder, stages, **{name: value for name, value in content.items() if name != "stages"})
    for name in stages:
        shutil.copy(ours / f"{name}.ipynb", folder)
    (tmp_path / "project" / "dbt").symlink_to(ROOT / "dbt")
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path / "project"))
    return tmp_path / "project"


@pytest.mark.soak
def test_step_functions_runs_stages_as_a_worker_does(
    warehouse: dict[str, str], bucket: str, cluster: Cluster, home: Path, shorter: Path
) -> None:
    land(str(SAMPLE), "transactions")
    settings = get_settings()
    environment = {
        "PYTHONPATH": str(ROOT),
        "WORKBENCH_PROJECT": str(shorter),
        "WORKBENCH_LANDING_URI": str(settings.landing),
        "WORKBENCH_RUNS_URI": settings.runs_uri,
        **warehouse,
    }
    definition = cluster.define(
        ["false"],
        memory=4096,
        environment=[{"name": name, "value": value} for name, value in environment.items()],
    )
    machine = state_machine(load_pipeline("retail_etl"), Target(cluster.name, definition, [cluster.subnet]))
    assert execute(machine, seconds=900)["status"] == "SUCCEEDED", log_lines(cluster.name)
    assert counted("raw.transactions") == 388
    for name, key in (("core.dim_customer", "customer_id"), ("core.dim_product", "product_id")):
        assert counted(f"{name} WHERE is_current") == counted("raw.transactions", f"DISTINCT {key}") > 0
    # Each task was a run of its own, which another machine can list and open.
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli", "runs", "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    listed = json.loads(done.stdout)
    assert [each["state"] for each in listed] == ["succeeded"] * 3

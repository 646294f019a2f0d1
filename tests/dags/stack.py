"""A whole Airflow for tests: metadata in PostgreSQL, a local AWS beside it, a project of its own."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import boto3
import psutil
from redshift_local import LocalError
from redshift_local.postgres.process import Postgres

from tests.execution.notebooks import notebook, pipeline
from tests.project import ROOT
from workbench.airflow.client import AirflowClient, TaskState
from workbench.aws.local import LocalAWS
from workbench.errors import UsageError
from workbench.settings import Settings

BUCKET, CLUSTER, QUEUE = "lake", "stages", "files"
REGION = "eu-west-1"
Found = TypeVar("Found")

__all__ = ["LocalError", "Stack", "make_project"]


def make_project(folder: Path) -> Path:
    """Make a project of the pipelines there are, and of two small ones: ``remote`` runs on ECS, ``fails`` fails, ``fan`` goes over a list."""
    shutil.copytree(ROOT / "pipeline_notebooks", folder / "pipeline_notebooks")
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    # Airflow starts a run that was due up to a tenth of the interval before its DAG is unpaused: none is.
    daily = folder / "pipeline_notebooks" / "retail_etl" / "pipeline.yaml"
    told = daily.read_text()
    clock = f'cron: "0 {(dt.datetime.now(dt.UTC).hour + 12) % 24} * * *"'
    assert 'cron: "0 2 * * *"' in told
    daily.write_text(told.replace('cron: "0 2 * * *"', clock))
    for name in ("dbt", "mlflow", ".venv-airflow", "containers"):
        (folder / name).symlink_to(ROOT / name)
    remote = folder / "pipeline_notebooks" / "remote"
    pipeline(remote, {"sleep": {"executor": "ecs", "writes": ["report"], "skip": "never"}}, owner="tests")
    notebook(
        remote / "sleep.ipynb",
        "print('slept', flush=True)\ntime.sleep(seconds)",
        parameters="seconds: int = 1  # how long",
        imports="import time\nfrom workbench.execution import record",
        last="record(counts={'slept': seconds})",
    )
    fails = folder / "pipeline_notebooks" / "fails"
    pipeline(fails, {"break": {"writes": ["report"], "notebook": "break.ipynb"}}, owner="tests")
    notebook(fails / "break.ipynb", "print('before')", "raise ValueError('no such river')")
    fan = folder / "pipeline_notebooks" / "fan"
    over = {"region": {"from": "find.values.regions"}}
    pipeline(
        fan, {"find": {"writes": ["storage"]}, "each": {"over": over, "writes": ["report"]}}, owner="tests"
    )
    notebook(fan / "find.ipynb", last="record(values={'regions': ['north', 'south']})")
    notebook(
        fan / "each.ipynb", parameters="region: str  # which", last="record(counts={region: len(region)})"
    )
    for name in ("remote", "fails", "fan"):
        text = f'"""Airflow\'s DAG of the pipeline {name}."""\n\nfrom factory import make_dags\n\nmake_dags("{name}")\n'
        (folder / "dags" / f"{name}.py").write_text(text)
    return folder


class Stack:
    """The running whole; use it as a context manager.

    Args:
        folder: where all of it lies; PostgreSQL's user has to get in.
        project: the project whose pipelines run.
    """

    def __init__(self, folder: Path, project: Path) -> None:
        self.folder, self.project = folder, project
        self.home = folder / "home"
        self.postgres = Postgres(folder / "postgres" / "data")
        self.aws = LocalAWS()
        self.queue_url = ""

    def __enter__(self) -> Stack:
        self.postgres.start()
        try:
            self.postgres.run(
                "CREATE DATABASE airflow; ALTER DATABASE airflow SET standard_conforming_strings = on;"
            )
            self.aws.start()
            self._make_aws()
            done = self.workbench("up", "airflow")
            assert done.returncode == 0, done.stderr + self.log()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, where: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self.workbench("down")
        self.aws.stop()
        self.postgres.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of whatever runs here."""
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("WORKBENCH_", "AWS_", "AIRFLOW"))
        }
        sockets = self.postgres.socket.parent
        return {
            **plain,
            **self.aws.environment,
            "PYTHONPATH": str(ROOT),
            "WORKBENCH_HOME": str(self.home),
            "WORKBENCH_PROJECT": str(self.project),
            "WORKBENCH_QUEUE_URL": self.queue_url,
            "WORKBENCH_ECS_CLUSTER": CLUSTER,
            "WORKBENCH_ECS_TASK_DEFINITION": "stage",
            "WORKBENCH_ECS_SUBNETS": getattr(self, "subnet", ""),
            "WORKBENCH_ECS_POLL": "0.3",
            "WORKBENCH_RUNS_URI": f"s3://{BUCKET}/runs",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://rdsdb@/airflow?host={sockets}&port=5432",
            # A worker that was killed is missed soon.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        }  # fmt: skip

    def client(self, service: str) -> Any:
        """Return a client of the local AWS."""
        known = self.aws.environment
        return boto3.client(
            service, endpoint_url=self.aws.url, region_name=REGION,
            aws_access_key_id=known["AWS_ACCESS_KEY_ID"], aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip

    def _make_aws(self) -> None:
        self.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        sqs = self.client("sqs")
        dead = sqs.create_queue(QueueName=f"{QUEUE}-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        self.queue_url = sqs.create_queue(QueueName=QUEUE, Attributes={"RedrivePolicy": policy})["QueueUrl"]
        ec2 = self.client("ec2")
        self.subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        self.client("logs").create_log_group(logGroupName=CLUSTER)
        ecs = self.client("ecs")
        ecs.create_cluster(clusterName=CLUSTER)
        options = {"awslogs-group": CLUSTER, "awslogs-stream-prefix": "task", "awslogs-region": REGION}
        ecs.register_task_definition(
            family="stage", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="1024", memory="4096",
            containerDefinitions=[
                {
                    "name": "main", "image": "python", "command": ["false"],
                    "environment": [
                        {"name": "WORKBENCH_HOME", "value": str(self.folder / "remote")},
                        {"name": "WORKBENCH_PROJECT", "value": str(self.project)},
                        {"name": "PYTHONPATH", "value": str(ROOT)},
                    ],
                    "logConfiguration": {"logDriver": "awslogs", "options": options},
                }
            ],
        )  # fmt: skip

    def workbench(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the program."""
        return subprocess.run(
            [sys.executable, "-m", "workbench.cli", *arguments],
            env={**self.environment, **more},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )

    def log(self) -> str:
        """Return the end of what Airflow's components wrote."""
        path = self.home / "services" / "airflow" / "log"
        return path.read_text(errors="replace")[-4000:] if path.is_file() else ""

    @property
    def state(self) -> dict[str, Any]:
        """What is known of the service."""
        found: dict[str, Any] = json.loads((self.home / "services" / "airflow" / "state.json").read_text())
        return found

    @property
    def api(self) -> AirflowClient:
        """Airflow's REST API."""
        known = self.state["variables"]
        return AirflowClient(
            Settings(
                home=self.home,
                airflow_url=known["WORKBENCH_AIRFLOW_URL"],
                airflow_password=known["WORKBENCH_AIRFLOW_PASSWORD"],
            )
        )

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the REST API."""
        return self.api._call(method, f"/api/v2/{path}", body)

    def runs(self, dag_id: str, kind: str = "") -> list[dict[str, Any]]:
        """Return the runs of a DAG, the oldest first; of one type, if it is named."""
        found = self.call("GET", f"dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
        return sorted(
            (run for run in found if kind in ("", run["run_type"])), key=lambda run: run["run_after"]
        )

    def ended(self, dag_id: str, run_id: str, seconds: float = 1200) -> str:
        """Wait for the end of a run, which may not be there yet; return its state."""

        def end() -> str | None:
            try:
                state = self.api.run_state(dag_id, run_id)
            except UsageError as error:
                if "was not found" not in str(error):
                    raise
                return None
            return state if state in ("success", "failed") else None

        return self.until(end, f"{dag_id} {run_id}", seconds)

    def told(self, dag_id: str, run_id: str) -> str:
        """Return the end of what the tasks of a run wrote."""
        return "\n".join(
            line
            for task in self.api.tasks(dag_id, run_id)
            for line in [
                f"{task.name} {task.state} {task.attempts}",
                *self.api.log(dag_id, run_id, task)[-12:],
            ]
        )

    def task(self, dag_id: str, run_id: str, task: str) -> TaskState:
        """Return how far a task is."""
        return next(each for each in self.api.tasks(dag_id, run_id) if each.task == task)

    def until(
        self, found: Callable[[], Found | bool | None], what: str, seconds: float = 900, pause: float = 0.5
    ) -> Found:
        """Wait until something is there; return it."""
        deadline = time.monotonic() + seconds
        while not (value := found()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s\n{self.log()}"
            time.sleep(pause)
        return value  # type: ignore[return-value]

    def processes(self, *words: str) -> list[psutil.Process]:
        """Return Airflow's processes whose command line has some words."""
        leader = psutil.Process(self.state["pid"])
        found = []
        for process in leader.children(recursive=True):
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if all(word in line for word in words):
                found.append(process)
        return found

    def component(self, name: str) -> psutil.Process:
        """Return the process of one of Airflow's components."""

        def found() -> psutil.Process | None:
            for process in psutil.Process(self.state["pid"]).children():
                # One that was killed is there until it is reaped, and then another one comes.
                with suppress(psutil.Error):
                    if name in process.cmdline():
                        return process
            return None

        return self.until(found, f"Airflow's {name}")

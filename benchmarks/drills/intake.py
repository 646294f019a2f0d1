"""An intake on a local AWS: landing in S3, a queue with dead letters, tasks on ECS, and workers that are started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
from arrivals import make_intake, write_sales
from ground import ROOT, WORKBENCH, folder, those_in, until, variables

from workbench.aws.local import LocalAWS
from workbench.aws.local.process import REGION
from workbench.queue.base import Queue
from workbench.queue.connect import connect_queue
from workbench.queue.messages import Files
from workbench.warehouse import connect

VISIBILITY = 5
"""Seconds after which the messages of a worker that was killed come again."""
ROWS = 25
"""Lines of a file."""


class Workers:
    """One worker at a time; one that ends by itself is followed by the next, as a service of ECS would have it."""

    def __init__(self, place: Path, *options: str) -> None:
        self._log_path, self._options = place / "worker.log", options
        self._log = self._log_path.open("ab")
        self._ending = threading.Event()
        self.ended = 0
        self.process = self._start()
        self._follows = threading.Thread(target=self._follow)
        self._follows.start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [*WORKBENCH, "worker", "--visibility", str(VISIBILITY), "--retry", "1", "--settle", "0.3"]
        return subprocess.Popen(
            [*command, *self._options], stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL
        )

    def _follow(self) -> None:
        while True:
            self.process.wait()
            if self._ending.is_set():
                return
            self.ended += 1
            self.process = self._start()

    @property
    def log(self) -> str:
        """What they wrote."""
        return self._log_path.read_text(errors="replace")

    def kill(self) -> None:
        """Kill the one that works."""
        self.process.send_signal(signal.SIGKILL)

    def stop(self) -> None:
        """End the last one, after its stage."""
        self._ending.set()
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._follows.join()
        self._log.close()


class Intake:
    """What a drill is held on.

    Args:
        place: a folder of its own.
        aws: the local AWS that its queue and its landing are on.
    """

    def __init__(self, place: Path, aws: LocalAWS) -> None:
        self.place, self.aws = place, aws
        self.name = place.name.rpartition("drill-")[2].replace("_", "-").lower()
        self.bucket, self.project = f"landing-{self.name}", place / "project"
        self.files = self.rows = 0
        make_intake(self.project)

    def variables(self) -> dict[str, str]:
        """Return what leads there; needs those of the local AWS."""
        with variables(self.aws.environment):
            boto3.client("s3").create_bucket(
                Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
            sqs = boto3.client("sqs")
            dead = sqs.create_queue(QueueName=f"{self.name}-dead")["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
                "QueueArn"
            ]
            policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
            url = sqs.create_queue(QueueName=self.name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
        return {
            **self.aws.environment,
            "WORKBENCH_HOME": str(self.place / "home"),
            "WORKBENCH_PROJECT": str(self.project),
            "WORKBENCH_QUEUE_URL": url,
            "WORKBENCH_LANDING_URI": f"s3://{self.bucket}/landing",
            "WORKBENCH_RUNS_URI": f"s3://{self.bucket}/runs",
            "WORKBENCH_WAREHOUSE_URL": f"duckdb:///{self.place / 'warehouse.duckdb'}",
        }

    @property
    def queue(self) -> Queue:
        """The queue."""
        return connect_queue()

    def deliver(self, files: int) -> None:
        """Put files into landing, and a message for each into the queue."""
        s3, queue = boto3.client("s3"), self.queue
        for _ in range(files):
            self.files += 1
            path = write_sales(self.place / f"{self.files}.csv", f"{self.files}", ROWS)
            key = f"landing/transactions/{path.name}"
            s3.upload_file(str(path), self.bucket, key)
            queue.send(Files(files=(f"s3://{self.bucket}/{key}",)).body())
            self.rows += ROWS

    def until_done(self, named: str, seconds: float = 300) -> None:
        """Wait until no message is open."""
        until(lambda: self.queue.counts().open == 0, named, seconds)

    def checks(self, dead: int = 0) -> dict[str, bool]:
        """Count what there is against what there should be; the workers have ended."""
        (ledger,) = connect().rows(
            "SELECT count(*) AS batches, count(DISTINCT batch_id) AS different, coalesce(sum(rows_landed), 0) AS landed, "
            "coalesce(sum(rows_accepted + rows_quarantined), 0) AS accounted FROM ops.batches WHERE status <> 'rejected'"
        )
        (raw,) = connect().rows(
            "SELECT count(*) AS n, count(DISTINCT transaction_id || '/' || line_number) AS lines, "
            "count(DISTINCT _batch_id) AS files FROM raw.transactions"
        )
        counts = self.queue.counts()
        return {
            "each file is in the ledger once": ledger["batches"] == ledger["different"] == self.files,
            "each line is in raw once": raw["n"] == raw["lines"] == self.rows and raw["files"] == self.files,
            "the ledger balances": ledger["landed"] == ledger["accounted"] == self.rows,
            "no message is left": counts.open == 0,
            "dead letters are those that should be": counts.dead == dead,
            "no process is left": _vanish(self.place),
        }


def _vanish(place: Path) -> bool:
    try:
        return bool(until(lambda: not those_in(place), "the end of all processes", 20))
    except TimeoutError:
        return False


@contextmanager
def intake(drill: str, aws: LocalAWS, more: Mapping[str, str] | None = None) -> Iterator[Intake]:
    """Make an intake; the variables lead to it, and it is gone in the end."""
    with folder(drill) as place:
        made = Intake(place, aws)
        with variables({**made.variables(), **(more or {})}):
            connect(create=True)
            yield made


@contextmanager
def working(place: Path, *options: str) -> Iterator[Workers]:
    """Have a worker, until the drill is over."""
    workers = Workers(place, *options)
    try:
        yield workers
    finally:
        workers.stop()


def write_stage(project: Path, pipeline: str, stage: str, *cells: str, before: str = "") -> None:
    """Add a stage of a few cells to a pipeline, which is made where there is none.

    ``before`` names the stage that waits for it.
    """
    import yaml

    from tests.execution.notebooks import notebook

    target = project / "pipeline_notebooks" / pipeline
    target.mkdir(exist_ok=True)
    path = target / "pipeline.yaml"
    content: dict[str, Any] = (
        yaml.safe_load(path.read_text()) if path.exists() else {"name": pipeline, "stages": {}}
    )
    # A pipeline that reads landing is one that every file goes through.
    reads = ["landing"] if before else []
    content["stages"][stage] = {
        "notebook": f"{stage}.ipynb", "reads": reads, "writes": ["report"], "skip": "never",
    }  # fmt: skip
    if before:
        content["stages"][before]["after"] = [stage]
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    notebook(
        target / f"{stage}.ipynb",
        *cells,
        reads=reads,
        imports="import os, pathlib, signal\nimport psutil\nfrom workbench.execution import record",
    )


@contextmanager
def tasks(ground: Intake) -> Iterator[None]:
    """Have a cluster on ECS for the stages of an intake."""
    boto3.client("ecs").create_cluster(clusterName=ground.name)
    boto3.client("logs").create_log_group(logGroupName=ground.name)
    options = {
        "awslogs-group": ground.name, "awslogs-stream-prefix": "task", "awslogs-region": REGION,
    }  # fmt: skip
    known = {"WORKBENCH_PROJECT": str(ground.project), "PYTHONPATH": str(ROOT)}
    boto3.client("ecs").register_task_definition(
        family=ground.name, requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="1024", memory="4096",
        containerDefinitions=[
            {
                "name": "main", "image": "python", "command": ["false"],
                "environment": [{"name": name, "value": value} for name, value in known.items()],
                "logConfiguration": {"logDriver": "awslogs", "options": options},
            }
        ],
    )  # fmt: skip
    subnet = boto3.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    os.environ.update(
        {
            "WORKBENCH_ECS_CLUSTER": ground.name,
            "WORKBENCH_ECS_TASK_DEFINITION": ground.name,
            "WORKBENCH_ECS_SUBNETS": subnet,
            "WORKBENCH_ECS_POLL": "0.3",
        }
    )
    yield


def stage_process(aws: LocalAWS) -> psutil.Process | None:
    """Return a process of a stage's task on ECS."""
    for process in psutil.Process(aws.pid).children():
        try:
            if process.environ().get("WORKBENCH_STAGE_OF"):
                return process
        except psutil.Error:
            continue
    return None

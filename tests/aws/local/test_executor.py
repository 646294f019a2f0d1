"""Stages of a run as tasks on ECS: what a person sees, and what comes home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import boto3
import pytest

from tests.aws.local.conftest import Cluster
from tests.execution.notebooks import notebook, pipeline
from tests.project import ROOT
from workbench.aws.ecs.stage_task import has_password
from workbench.execution.records.model import Run
from workbench.execution.records.store import read_run
from workbench.settings import get_settings
from workbench.warehouse import connect

pytestmark = pytest.mark.slow


@pytest.fixture
def bucket(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> str:
    """Settings with which stages run on ECS; return the bucket that runs are written to."""
    name = f"runs-{uuid.uuid4().hex[:8]}"
    boto3.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    path, family = {"name": "PYTHONPATH", "value": str(ROOT)}, f"stage-{name}"
    definition = cluster.define(["false"], family, memory=4096, environment=[path], stopTimeout=20)
    more = {"name": "WORKBENCH_SPARK_FROM", "value": "7"}
    cluster.define(["false"], f"{family}-large", memory=4096, environment=[path, more], stopTimeout=20)
    for key, value in {
        "ECS_CLUSTER": cluster.name,
        "ECS_TASK_DEFINITION": definition,
        "ECS_SUBNETS": cluster.subnet,
        "ECS_POLL": "0.2",
        "RUNS_URI": f"s3://{name}/here",
    }.items():
        monkeypatch.setenv(f"WORKBENCH_{key}", value)
    return name


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose pipeline ``shop`` has the stages ``near`` and ``far``; the map wants ``far`` on ECS."""
    folder = tmp_path / "project"
    shop = folder / "pipeline_notebooks" / "shop"
    imports = "import os, pathlib, time\nfrom workbench.execution import record\nfrom workbench.warehouse import connect"
    notebook(shop / "near.ipynb", "x = limit", last="record(values={'next': limit + 1})")
    notebook(
        shop / "far.ipynb",
        "print('here is', os.environ.get('AWS_EXECUTION_ENV', 'a laptop'))\n"
        "print('Spark from', os.environ.get('WORKBENCH_SPARK_FROM'), 'MB')",
        "marker = pathlib.Path(os.environ['HOME'], 'begun')\nassert limit != 13, 'thirteen'",
        f"if limit == 60:\n    pathlib.Path({str(tmp_path / 'asleep')!r}).touch()\n    time.sleep(600)",
        "connect().counts('raw.stores')",
        parameters="limit: int = 5  # rows\nafter: int = 0  # from near",
        imports=imports,
        last="record(counts={'limit': limit, 'after': after})",
    )
    pipeline(
        shop,
        {
            "near": {"writes": ["one"]},
            "far": {
                "reads": ["one", "raw.stores"],
                "executor": "ecs",
                "parameters": {"after": {"from": "near.values.next"}},
                "size": {"cpu": 0.5, "memory": 1024, "image": "large"},
            },
        },
    )
    monkeypatch.setenv("WORKBENCH_PROJECT", str(folder))
    return shop


def workbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workbench.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def the_run() -> Run:
    return read_run("latest", get_settings())


def keys(bucket: str) -> list[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return sorted(each["Key"] for each in found)


def test_a_stage_whose_map_says_so_runs_on_ecs_and_its_notebook_record_and_page_come_home(
    bucket: str, project: Path, home: Path
) -> None:
    done = workbench("run", "shop", "-p", "limit=7")
    assert done.returncode == 0, done.stderr
    assert "  far | run " in done.stderr
    run = the_run()
    near, far = run.stages
    assert (near.process_kind, near.cost) == ("fork", None)
    assert far.reads == {"raw.stores": [10]} and far.writes == {} and run.warnings == []
    assert (far.state, far.process_kind, far.attempts) == ("succeeded", "ecs", 1)
    assert far.counts == {"limit": 7, "after": 8}
    # Half a vCPU and a gigabyte for a minute, the least that is billed.
    assert far.cost == run.cost == round((0.5 * 0.04048 + 0.004445) / 60, 6)
    assert far.cell_seconds and far.peak_memory and far.cpu_seconds
    assert far.notebook and "here is AWS_ECS_FARGATE" in far.notebook.read_text()
    assert far.report and "here is AWS_ECS_FARGATE" in far.report.read_text()
    # Its image says so, and nobody here something else.
    assert "Spark from 7 MB" in far.notebook.read_text()
    assert "cost" in far.report.read_text() and run.report and "$0.000411" in run.report.read_text()
    kept = "SELECT stage, state, executor, process_kind, cost FROM ops.runs ORDER BY stage"
    rows = connect().query(kept).to_pylist()
    assert [(row["stage"], row["state"], row["executor"], row["process_kind"]) for row in rows] == [
        ("far", "succeeded", "ecs", "ecs"), ("near", "succeeded", "local", "fork"), (None, "succeeded", "local", None),
    ]  # fmt: skip
    # Nothing of the handing over is left, and the whole run lies in S3.
    below = [key.removeprefix("here/") for key in keys(bucket)]
    assert not [key for key in below if key.startswith("parts/")]
    assert {"far.html", "near.html", "index.html"} <= {
        Path(key).name for key in below if key.startswith(f"site/{run.run_id}/")
    }
    assert f"runs/{run.run_id}/run.json" in below and "site/index.html" in below


@pytest.mark.soak
def test_another_machine_sees_the_run(
    bucket: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workbench("run", "shop", "--executor", "ecs").returncode == 0
    run = the_run()
    assert [stage.process_kind for stage in run.stages] == ["ecs", "ecs"]
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "elsewhere"))
    (listed,) = json.loads(workbench("runs", "--json").stdout)
    assert (listed["run_id"], listed["state"]) == (run.run_id, "succeeded")
    page = json.loads(workbench("runs", "open", "latest", "--stage", "far", "--json").stdout)["report"]
    assert page.startswith(str(tmp_path / "elsewhere"))
    assert "here is AWS_ECS_FARGATE" in Path(page).read_text()


def test_what_failed_in_the_notebook_is_told_and_the_notebook_is_kept(bucket: str, project: Path) -> None:
    done = workbench("run", "shop", "-p", "limit=13")
    assert done.returncode == 1
    far = the_run().stages[1]
    assert (far.state, far.reason) == ("failed", "error")
    assert far.error and "thirteen" in far.error
    assert far.notebook and "here is AWS_ECS_FARGATE" in far.notebook.read_text()
    assert far.cost


@pytest.mark.soak
def test_an_image_that_is_missing_is_told(
    bucket: str, project: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/absent:1"
    cluster.define(["true"], "absent-large", image=image)
    monkeypatch.setenv("WORKBENCH_ECS_TASK_DEFINITION", "absent")
    assert workbench("run", "shop").returncode == 1
    far = the_run().stages[1]
    assert (far.state, far.reason, far.cost) == ("failed", "died", 0)
    assert far.error and image in far.error


def test_a_task_out_of_memory_is_told(
    bucket: str, project: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.define(["true"], "small-large", memory=30)
    monkeypatch.setenv("WORKBENCH_ECS_TASK_DEFINITION", "small")
    assert workbench("run", "shop").returncode == 1
    far = the_run().stages[1]
    assert (far.state, far.reason) == ("failed", "memory")
    assert far.error and "give the stage more memory" in far.error


def test_ctrl_c_stops_the_task_and_keeps_what_it_did(
    bucket: str, project: Path, cluster: Cluster, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", "run", "shop", "-p", "limit=60"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    for line in process.stderr:
        if "far | " in line and "running" in line:
            break
    while not (tmp_path / "asleep").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)
    assert process.returncode == 130
    far = the_run().stages[1]
    assert (far.state, far.reason) == ("stopped", "stopped")
    assert far.notebook and far.notebook.is_file()
    ecs = boto3.client("ecs")
    arns = ecs.list_tasks(cluster=cluster.name)["taskArns"]
    assert {cluster.describe(arn)["lastStatus"] for arn in arns} <= {"STOPPED"}


def test_settings_that_are_missing_are_named(project: Path) -> None:
    done = workbench("run", "shop", "--executor", "ecs")
    assert (done.returncode, done.stderr) == (
        2, "workbench: running stages on ECS needs WORKBENCH_ECS_CLUSTER\n",
    )  # fmt: skip
    done = workbench("run", "shop", "--executor", "moon")
    assert done.returncode == 2 and "unknown executor 'moon'" in done.stderr


def test_a_password_in_a_url_is_no_variable_of_a_task() -> None:
    assert has_password("redshift://loader:secret@host:5439/dev")
    assert not has_password("redshift://loader@host:5439/dev")
    assert not has_password("duckdb:////data/warehouse.duckdb")

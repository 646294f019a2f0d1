"""Tasks on ECS as a run sees them: lines as they come, and how each ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.aws.local.conftest import Cluster
from workbench.aws.ecs.fargate import FargateSize, cost, fitting_size
from workbench.aws.ecs.run_task import TaskResult, TaskSpec, run_task, stage_command
from workbench.aws.local.tasks import SPOT
from workbench.errors import UsageError, WorkFailed


def spec(cluster: Cluster, source: str, definition: str | None = None, **options: Any) -> TaskSpec:
    return TaskSpec(
        cluster=cluster.name,
        task_definition=definition or cluster.define(["false"]),
        command=["python", "-c", source],
        subnets=[cluster.subnet],
        **options,
    )


def run(task: TaskSpec, **options: Any) -> tuple[TaskResult, list[str]]:
    lines: list[str] = []
    result = run_task(task, on_line=lines.append, poll=0.1, **{"pause": 0.1} | options)
    return result, lines


def running(cluster: Cluster) -> list[str]:
    arns = boto3.client("ecs").list_tasks(cluster=cluster.name)["taskArns"]
    return [arn for arn in arns if cluster.describe(arn)["lastStatus"] != "STOPPED"]


def wait_for_line(lines: list[str], text: str) -> None:
    deadline = time.monotonic() + 300
    while text not in lines:
        assert time.monotonic() < deadline, lines
        time.sleep(0.05)


def test_a_task_that_succeeds(cluster: Cluster) -> None:
    task = spec(cluster, "import os; print('hello', os.environ['WHO'])", environment={"WHO": "you"})
    result, lines = run(task)
    assert (result.outcome, result.exit_code, result.reason, result.attempts) == ("succeeded", 0, "", 1)
    assert result.ok
    assert lines == ["hello you"]
    assert 0 < result.seconds < 300
    assert result.cost == cost(FargateSize(1024, 2048), result.seconds)
    assert result.log_group == cluster.name


def test_a_task_that_fails_is_not_tried_again(cluster: Cluster) -> None:
    result, _ = run(spec(cluster, "raise SystemExit(2)"))
    assert (result.outcome, result.exit_code, result.attempts) == ("failed", 2, 1)
    assert result.reason == "the command ended with exit code 2"


def test_lines_come_while_it_runs_and_all_of_them(cluster: Cluster, tmp_path: Path) -> None:
    go = tmp_path / "go"
    source = (
        "import pathlib, time\nprint('begun')\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)\n"
        "for n in range(3000): print(n)"
    )
    lines: list[str] = []
    results: list[TaskResult] = []
    task = spec(cluster, source)
    thread = threading.Thread(target=lambda: results.append(run_task(task, on_line=lines.append, poll=0.1)))
    thread.start()
    wait_for_line(lines, "begun")
    assert not results
    go.touch()
    thread.join(600)
    assert results[0].ok
    assert lines == ["begun", *(str(n) for n in range(3000))]


def test_a_task_out_of_memory_says_so(cluster: Cluster) -> None:
    definition = cluster.define(["false"], memory=100)
    result, _ = run(spec(cluster, "import time; a = bytearray(200_000_000); time.sleep(600)", definition))
    assert (result.outcome, result.exit_code, result.attempts) == ("out_of_memory", 137, 1)
    assert "give the stage more memory" in result.reason


def test_a_task_whose_spot_capacity_is_reclaimed_is_started_again(cluster: Cluster, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    source = (
        f"import pathlib, time\nseen = pathlib.Path({str(seen)!r})\nfirst = not seen.exists()\nseen.touch()\n"
        "print('first' if first else 'second')\nif first: time.sleep(600)"
    )
    lines: list[str] = []
    results: list[TaskResult] = []
    task = spec(cluster, source, spot=True)
    thread = threading.Thread(
        target=lambda: results.append(run_task(task, on_line=lines.append, poll=0.1, pause=0.1))
    )
    thread.start()
    wait_for_line(lines, "first")
    boto3.client("ecs").stop_task(cluster=cluster.name, task=running(cluster)[0], reason=SPOT)
    thread.join(600)
    (result,) = results
    assert (result.outcome, result.attempts) == ("succeeded", 2)
    assert lines == ["first", f"{SPOT}; attempt 2 of 3 in 0.1 s", "second"]
    assert result.cost == 2 * cost(FargateSize(1024, 2048), 1)


def test_an_image_that_is_missing_is_named_and_not_tried_again(cluster: Cluster) -> None:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/absent:1"
    result, _ = run(spec(cluster, "", cluster.define(["true"], image=image)))
    assert (result.outcome, result.exit_code, result.attempts) == ("cannot_start", None, 1)
    assert image in result.reason
    assert result.cost == 0


def test_setting_stop_stops_the_task(cluster: Cluster) -> None:
    lines: list[str] = []
    stop = threading.Event()
    results: list[TaskResult] = []
    task = spec(cluster, "import time; print('begun'); time.sleep(600)")
    thread = threading.Thread(
        target=lambda: results.append(run_task(task, on_line=lines.append, poll=0.1, stop=stop))
    )
    thread.start()
    wait_for_line(lines, "begun")
    stop.set()
    thread.join(600)
    assert (results[0].outcome, results[0].exit_code) == ("stopped", 143)
    assert running(cluster) == []


def test_ctrl_c_stops_the_task(cluster: Cluster) -> None:
    program = (
        "import sys\nfrom workbench.aws.ecs.run_task import TaskSpec, run_task\n"
        "spec = TaskSpec(sys.argv[1], sys.argv[2], ['python', '-c', \"import time; print('begun'); time.sleep(600)\"], [sys.argv[3]])\n"
        "run_task(spec, on_line=lambda line: print(line, flush=True), poll=0.1)"
    )
    arguments = [cluster.name, cluster.define(["false"]), cluster.subnet]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ.copy(),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    (task,) = running(cluster)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)
    assert process.returncode != 0
    found = cluster.until(task, "STOPPED")
    assert found["stoppedReason"] == "Stopped by the run that started it"


def test_a_definition_that_is_not_there_is_named(cluster: Cluster) -> None:
    with pytest.raises(WorkFailed, match="the task definition absent"):
        run(spec(cluster, "", "absent"))


def test_a_container_that_is_not_there_is_named(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="no container 'side'; it has main"):
        run(spec(cluster, "", container="side"))


@pytest.mark.parametrize(
    ("cpu", "memory", "size"),
    [(0.25, 512, (256, 512)), (1, 2048, (1024, 2048)), (1, 1, (1024, 2048)), (0.3, 9000, (2048, 9216)),
     (16, 122880, (16384, 122880)), (1, 62_000, (16384, 65536))],
)  # fmt: skip
def test_the_smallest_size_that_fits_is_taken(cpu: float, memory: int, size: tuple[int, int]) -> None:
    assert fitting_size(cpu, memory) == FargateSize(*size)


def test_a_size_that_fargate_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match="Fargate has no size with 32 cpu"):
        fitting_size(32, 512)


def test_an_hour_costs_what_the_price_list_says() -> None:
    assert cost(FargateSize(1024, 2048), 3600) == Decimal("0.049370")
    assert cost(FargateSize(1024, 2048), 1) == cost(FargateSize(1024, 2048), 60)


def test_the_command_is_the_one_of_a_laptop() -> None:
    assert stage_command("retail_etl", "ingest", {"show": 5}) == [
        "workbench", "run", "retail_etl", "--only", "ingest", "--executor", "local",
        "--parameters-json", '{"show": 5}',
    ]  # fmt: skip

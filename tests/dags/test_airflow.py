"""A real Airflow: its scheduler, triggerer and server, killed and asked for runs, against the runner alone.

The tests share one Airflow and go in order: what one leaves, the next finds.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.dags.stack import BUCKET, CLUSTER, Stack
from tests.project import sales
from workbench.settings import Settings
from workbench.warehouse import connect

pytestmark = pytest.mark.slow
FILES = 30
CONTENT = (
    "core.fact_transactions", "core.dim_customer", "core.dim_product", "core.dim_store", "marts.retail_sales",
    "marts.sales_daily", "marts.customer_segments", "marts.product_performance",
)  # fmt: skip
# When a row was written, and by which run, is another matter.
_OWN = ("_loaded_at", "_run_id", "_batch_id", "_built_at", "valid_from_batch", "updated_at", "_updated_at")


def contents(home: Path) -> dict[str, Any]:
    """Return the rows of tables, in order, without what is of one run."""
    warehouse = connect(Settings(home=home).warehouse)
    found = {}
    for table in CONTENT:
        rows = warehouse.query(f"SELECT * FROM {table}").to_pylist()
        found[table] = sorted(
            json.dumps(
                {name: value for name, value in row.items() if name not in _OWN}, default=str, sort_keys=True
            )
            for row in rows
        )
    return found


@pytest.fixture(scope="module")
def landed(stack: Stack) -> Path:
    """Generated data in landing."""
    landing = stack.home / "landing"
    done = stack.workbench("generate", "--rows", "1500", "--out", str(landing))
    assert done.returncode == 0, done.stderr
    return landing


def test_a_run_asked_for_by_rest_outlives_its_scheduler(stack: Stack, landed: Path) -> None:
    stack.api.unpause("anomaly_detection")
    done: list[Any] = []
    asked = threading.Thread(
        target=lambda: done.append(
            stack.workbench(
                "trigger", "--dag-id", "retail_etl", "-p", "top=5", "--unpause", "--wait", "--run-id", "first"
            )
        )
    )
    asked.start()
    stack.until(lambda: any(run["dag_run_id"] == "first" for run in stack.runs("retail_etl")), "the run")
    # On a busy machine nobody may look while it runs.
    begun = ("running", "success")
    stack.until(lambda: stack.task("retail_etl", "first", "products").state in begun, "products")
    scheduler = stack.component("scheduler")
    assert stack.api.run_state("retail_etl", "first") == "running"
    started = scheduler.children(recursive=True)
    scheduler.send_signal(signal.SIGKILL)
    # They would keep its connection to the database open, and locks with it.
    stack.until(
        lambda: not any(map(psutil.Process.is_running, started)), "the end of what the scheduler started"
    )
    asked.join(600)
    assert not asked.is_alive(), stack.log()
    assert done[0].returncode == 0, done[0].stderr + stack.log()
    assert re.search("products (running|success)", done[0].stderr)
    assert stack.component("scheduler").pid != scheduler.pid
    states = {task.task: task.state for task in stack.api.tasks("retail_etl", "first")}
    assert set(states.values()) == {"success"}, (states, stack.told("retail_etl", "first"))


def test_a_table_that_is_updated_runs_what_follows_from_it(stack: Stack) -> None:
    def followed() -> dict[str, Any] | None:
        return next(iter(stack.runs("anomaly_detection", "asset_triggered")), None)

    run = stack.until(followed, "a run of anomaly_detection")
    assert stack.ended("anomaly_detection", run["dag_run_id"]) == "success"
    events = stack.call("GET", f"dags/anomaly_detection/dagRuns/{run['dag_run_id']}/upstreamAssetEvents")
    assert [event["uri"] for event in events["asset_events"]] == ["marts.retail_sales"]


def test_tables_are_those_of_the_runner_alone(stack: Stack, landed: Path, tmp_path: Path) -> None:
    home = tmp_path / "alone"
    done = stack.workbench(
        "run",
        "retail_etl",
        WORKBENCH_HOME=str(home),
        WORKBENCH_LANDING_URI=str(landed),
        WORKBENCH_RUNS_URI="",
    )
    assert done.returncode == 0, done.stderr
    assert contents(stack.home) == contents(home)


def test_nothing_new_is_nothing_to_do(stack: Stack) -> None:
    done = stack.workbench("trigger", "--dag-id", "retail_etl", "--wait", "--run-id", "again", "--json")
    assert done.returncode == 0, done.stderr
    states = {task.task: task.state for task in stack.api.tasks("retail_etl", "again")}
    assert states.pop("report") in ("skipped", "success")
    assert set(states.values()) == {"skipped"}, stack.told("retail_etl", "again")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-p", "top=many"], "is not of type 'integer'"),
        (["-p", "tops=5"], "did you mean 'top'"),
        (["-p", "start_date=yesterday"], "is not a 'date'"),
        (["--run-id", "first"], "there is a run first of retail_etl already"),
    ],
)
def test_what_is_wrong_is_refused(stack: Stack, arguments: list[str], reason: str) -> None:
    done = stack.workbench("trigger", "--dag-id", "retail_etl", *arguments)
    assert done.returncode == 2, done.stderr
    assert reason in done.stderr


def test_a_paused_dag_is_told(stack: Stack) -> None:
    assert "add --unpause" in stack.workbench("trigger", "--dag-id", "fails", "--wait").stderr
    assert stack.workbench("trigger", "--dag-id", "no_such").returncode == 2


def test_a_list_that_a_stage_recorded_is_gone_over(stack: Stack) -> None:
    done = stack.workbench("trigger", "--dag-id", "fan", "--unpause", "--wait", "--run-id", "spread")
    assert done.returncode == 0, done.stderr
    tasks = [task for task in stack.api.tasks("fan", "spread") if task.task == "each"]
    assert [(task.index, task.state) for task in sorted(tasks, key=lambda task: task.index)] == [
        (0, "success"),
        (1, "success"),
    ]
    for index, region in enumerate(("north", "south")):
        path = f"dags/fan/dagRuns/spread/taskInstances/each/xcomEntries/counts.{region}?map_index={index}"
        assert str(stack.call("GET", path)["value"]) == "5"


def test_a_failure_says_why_and_links_to_what_there_is(stack: Stack) -> None:
    done = stack.workbench("trigger", "--dag-id", "fails", "--unpause", "--wait", "--run-id", "broken")
    assert done.returncode == 1
    assert "no such river" in done.stderr
    told = json.loads(stack.workbench("alerts", "list", "--kind", "run_failed", "--json").stdout)
    ours = [alert for alert in told if "no such river" in alert["message"]]
    assert [(alert["severity"], alert["is_open"]) for alert in ours] == [("critical", True)]
    task = stack.task("fails", "broken", "break")
    assert (task.state, task.attempts) == ("failed", 1)
    link = stack.call("GET", "dags/fails/dagRuns/broken/taskInstances/break/links")["extra_links"]["Report"]
    page = _get(link, f"Bearer {stack.api._token}").decode()
    assert "no such river" in page and "before" in page
    every = _get(f"{link.rsplit('/', 2)[0]}/index.html", f"Bearer {stack.api._token}").decode()
    assert link.split("/")[-2] in every
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(link)
    assert refused.value.code == 401


def _get(url: str, authorization: str = "") -> bytes:
    headers = {"Authorization": authorization} if authorization else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        content: bytes = answer.read()
        return content


def test_a_message_is_a_run_and_none_is_lost_with_the_triggerer(stack: Stack, tmp_path: Path) -> None:
    s3, sqs = stack.client("s3"), stack.client("sqs")
    stack.api.unpause("messages")
    for number in range(FILES):
        path = sales(tmp_path / f"{number}.csv", 100_000 + number * 10, rows=1)
        s3.upload_file(str(path), BUCKET, f"landing/transactions/{number}.csv")

    def send(numbers: range) -> None:
        for number in numbers:
            body = json.dumps({"files": [f"s3://{BUCKET}/landing/transactions/{number}.csv"]})
            sqs.send_message(QueueUrl=stack.queue_url, MessageBody=body)

    send(range(FILES // 2))
    stack.component("triggerer").send_signal(signal.SIGKILL)
    send(range(FILES // 2, FILES))
    # What comes twice adds nothing.
    send(range(10))
    sqs.send_message(QueueUrl=stack.queue_url, MessageBody="no message of ours")
    sqs.send_message(
        QueueUrl=stack.queue_url, MessageBody=json.dumps({"files": [f"s3://{BUCKET}/landing/nobody/x.csv"]})
    )
    request = json.dumps({"pipeline": "retail_etl", "parameters": {"top": 3}, "id": "of-a-message"})
    for _ in range(2):
        sqs.send_message(QueueUrl=stack.queue_url, MessageBody=request)

    def taken() -> bool:
        query = stack.workbench(
            "query", "SELECT count(*), count(DISTINCT transaction_id), count(DISTINCT _batch_id) FROM raw.transactions "
            "WHERE transaction_id LIKE 't1%' AND length(transaction_id) = 7", "--format", "json",
        )  # fmt: skip
        return query.returncode == 0 and list(json.loads(query.stdout)[0].values()) == [FILES] * 3

    stack.until(taken, "the files of all messages", pause=10)
    left = sqs.get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=["All"])["Attributes"]
    assert (left["ApproximateNumberOfMessages"], left["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")
    dead = sqs.receive_message(QueueUrl=f"{stack.queue_url}-dead", MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in dead] == ["no message of ours"]
    assert stack.ended("retail_etl", "request__of-a-message") == "success"
    runs = stack.runs("messages")
    for run in runs:
        stack.ended("messages", run["dag_run_id"])
    assert len(runs) < FILES
    told = [stack.task("messages", run["dag_run_id"], "refused") for run in runs]
    assert [task.state for task in told].count("failed") == 1
    for run in stack.runs("retail_etl"):
        assert stack.ended("retail_etl", run["dag_run_id"]) == "success"


def test_days_gone_over_leave_the_tables_as_they_were(stack: Stack) -> None:
    before = contents(stack.home)
    stack.api.unpause("retail_etl__days")
    days = stack.workbench(
        "query", "SELECT min(sales_date) AS day FROM marts.sales_daily", "--format", "json"
    )
    day = json.loads(days.stdout)[0]["day"]
    stack.call(
        "POST",
        "backfills",
        {
            "dag_id": "retail_etl__days", "from_date": f"{day}T00:00:00Z", "to_date": f"{day}T00:00:00Z",
            "max_active_runs": 1, "reprocess_behavior": "none", "run_backwards": False, "dag_run_conf": {},
        },
    )  # fmt: skip
    (run,) = stack.until(lambda: stack.runs("retail_etl__days"), "a run of the backfill")
    assert stack.ended("retail_etl__days", run["dag_run_id"]) == "success"
    assert {task.state for task in stack.api.tasks("retail_etl__days", run["dag_run_id"])} == {"success"}
    assert contents(stack.home) == before
    assert stack.call("GET", "assets/events?source_dag_id=retail_etl__days")["total_entries"] == 0


def _ecs_tasks(stack: Stack) -> list[dict[str, Any]]:
    ecs = stack.client("ecs")
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster=CLUSTER, desiredStatus=status)["taskArns"]
    ]
    return list(ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]) if arns else []


def _kill_worker(stack: Stack) -> None:
    """Kill what follows the task in Airflow: the process of the task, and the worker that watches it."""
    for process in stack.component("scheduler").children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "idle" not in " ".join(process.cmdline()):
                process.kill()


@pytest.mark.parametrize("ends", ["while", pytest.param("before", marks=pytest.mark.soak)])
def test_a_worker_that_is_killed_leaves_one_task_on_ecs(stack: Stack, ends: str) -> None:
    """Whether it is followed again while the task on ECS runs, or after that ended: no second task."""
    seconds, name = (45, "long") if ends == "while" else (5, "short")
    known = {task["taskArn"] for task in _ecs_tasks(stack)}
    done = stack.workbench(
        "trigger", "--dag-id", "remote", "-p", f"seconds={seconds}", "--unpause", "--run-id", name
    )
    assert done.returncode == 0, done.stderr

    def mine() -> list[dict[str, Any]]:
        return [task for task in _ecs_tasks(stack) if task["taskArn"] not in known]

    stack.until(lambda: any(task["lastStatus"] == "RUNNING" for task in mine()), "the task on ECS")
    _kill_worker(stack)
    if ends == "before":
        stack.until(
            lambda: all(task["lastStatus"] == "STOPPED" for task in mine()), "the end of the task on ECS"
        )
        assert stack.task("remote", name, "sleep").state != "success"
    assert stack.ended("remote", name) == "success", stack.told("remote", name)
    assert len(mine()) == 1
    task = stack.task("remote", name, "sleep")
    assert task.attempts == 2
    lines = stack.api.log("remote", name, task)
    assert any("whose worker vanished" in line for line in lines)
    handed = stack.call("GET", f"dags/remote/dagRuns/{name}/taskInstances/sleep/xcomEntries/counts.slept")
    assert handed["value"] in (seconds, str(seconds))


def test_a_task_that_a_person_ends_is_stopped_on_ecs(stack: Stack) -> None:
    known = {task["taskArn"] for task in _ecs_tasks(stack)}
    stack.workbench("trigger", "--dag-id", "remote", "-p", "seconds=1200", "--run-id", "unwanted")

    def mine() -> list[dict[str, Any]]:
        return [task for task in _ecs_tasks(stack) if task["taskArn"] not in known]

    stack.until(lambda: any(task["lastStatus"] == "RUNNING" for task in mine()), "the task on ECS")
    stack.call("PATCH", "dags/remote/dagRuns/unwanted/taskInstances/sleep", {"new_state": "failed"})
    stack.until(lambda: all(task["lastStatus"] == "STOPPED" for task in mine()), "the end of the task on ECS")
    assert stack.ended("remote", "unwanted") == "failed"
    assert len(mine()) == 1


def test_nothing_listens_but_on_this_machine(stack: Stack) -> None:
    listening = set()
    for process in [psutil.Process(stack.state["pid"]), *stack.processes()]:
        # The task of a moment ago has ended meanwhile.
        with contextlib.suppress(psutil.NoSuchProcess):
            connections = process.net_connections(kind="tcp")
            listening |= {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
    assert listening and listening <= {"127.0.0.1", "::1"}


def test_down_ends_every_process(stack: Stack) -> None:
    leader = psutil.Process(stack.state["pid"])
    every = [leader, *leader.children(recursive=True)]
    assert len(every) > 4
    done = stack.workbench("down", "airflow")
    assert done.stdout == "stopped: airflow\n"
    assert psutil.wait_procs(every, timeout=60)[1] == []

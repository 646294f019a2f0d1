"""The worker: what it takes, what it runs, and that nothing is lost or done twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

from tests.aws_server import make_queue, make_sqs
from tests.execution.notebooks import notebook, pipeline
from tests.project import HEADER, make_project, sales
from workbench.queue.base import Queue
from workbench.queue.connect import connect_queue
from workbench.queue.messages import Files, RunRequest, file_uri
from workbench.settings import Settings, get_settings
from workbench.sources.files import land
from workbench.warehouse import connect
from workbench.worker.worker import Options, Worker

BOTH = pytest.mark.parametrize("queue_url", ["sqlite", "sqs"], indirect=True)
QUICK = Options(retry=0, settle=0.2, visibility=60)


@pytest.fixture
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQS, unless a test asks for both: to the worker a queue is its contract, which has tests of its own."""
    return make_queue(getattr(request, "param", "sqs"), request, tmp_path)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_project(tmp_path / "project", "seen = limit")
    monkeypatch.setenv("WORKBENCH_PROJECT", str(folder))
    return folder


def drain(queue: Queue, options: Options = QUICK) -> dict[str, int]:
    said: list[str] = []
    worker = Worker(queue, get_settings(), options, log=said.append)
    tally = dict(worker.work(drain=True))
    assert queue.counts().open == 0, said
    return tally


def named(path: Path) -> str:
    return Files(files=(file_uri(str(path)),)).body()


def scalar(sql: str) -> object:
    (row,) = connect().query(sql).to_pylist()
    return next(iter(row.values()))


@BOTH
def test_files_that_wait_together_are_one_run(project: Path, queue: Queue, tmp_path: Path) -> None:
    files = [sales(tmp_path / f"in/transactions/{n}.csv", n * 10) for n in range(7)]
    queue.send(*(named(path) for path in files))
    assert drain(queue) == {"done": 7, "runs": 1}
    assert scalar("SELECT count(*) FROM raw.transactions") == 21
    assert scalar("SELECT count(*) FROM ops.batches WHERE rows_landed = rows_accepted") == 7


@BOTH
def test_a_file_that_comes_again_is_nothing_to_do(project: Path, queue: Queue, tmp_path: Path) -> None:
    path = sales(tmp_path / "in/transactions/a.csv", 1)
    queue.send(named(path))
    assert drain(queue) == {"done": 1, "runs": 1}
    copy = sales(tmp_path / "in/transactions/same_content.csv", 1)
    queue.send(named(path), named(copy))
    assert drain(queue) == {"repeated": 2}
    assert scalar("SELECT count(*) FROM raw.transactions") == 3


def test_a_file_somebody_else_took_in_is_nothing_to_do(project: Path, queue: Queue, tmp_path: Path) -> None:
    from workbench.execution import run_pipeline

    path = sales(tmp_path / "in/transactions/a.csv", 1)
    land(str(path))
    assert run_pipeline("intake").state == "succeeded"
    queue.send(named(path))
    assert "runs" not in drain(queue)


def test_a_file_taken_in_by_a_run_that_failed_later_is_still_to_do(
    project: Path, queue: Queue, tmp_path: Path
) -> None:
    from workbench.execution import RunOptions, run_pipeline

    path = sales(tmp_path / "in/transactions/a.csv", 1)
    land(str(path))
    assert run_pipeline("intake", options=RunOptions(only="ingest")).state == "succeeded"
    queue.send(named(path))
    tally = drain(queue)
    assert tally["runs"] == 1
    assert tally["done"] >= 1


@BOTH
def test_pages_wait_until_no_more_files_do(project: Path, queue: Queue, tmp_path: Path) -> None:
    files = [sales(tmp_path / f"in/transactions/{n}.csv", n * 10) for n in range(3)]
    queue.send(*(named(path) for path in files))
    assert drain(queue, Options(retry=0, settle=0.2, batch=1)) == {"done": 3, "runs": 3}
    assert scalar("SELECT count(*) FROM raw.transactions") == 9
    assert scalar("SELECT count(*) FROM ops.runs WHERE stage = 'after'") == 1
    last = "(SELECT max(started_at) FROM ops.runs WHERE stage = 'ingest')"
    assert scalar(f"SELECT count(*) FROM ops.runs WHERE stage = 'after' AND started_at > {last}") == 1


def test_pages_that_a_worker_left_out_before_it_was_killed_are_made_by_the_next(
    project: Path, queue: Queue, tmp_path: Path
) -> None:
    from workbench.execution import RunOptions, run_pipeline

    path = sales(tmp_path / "in/transactions/a.csv", 1)
    land(str(path))
    assert run_pipeline("intake", options=RunOptions(without=["after"])).state == "succeeded"
    queue.send(named(path))
    assert drain(queue) == {"repeated": 1, "done": 1, "runs": 1}
    assert scalar("SELECT count(*) FROM ops.runs WHERE stage = 'after' AND state = 'succeeded'") == 1
    assert drain(queue) == {}


def test_a_message_nobody_understands_is_given_up_at_once_and_the_others_done(
    project: Path, queue: Queue, tmp_path: Path
) -> None:
    path = sales(tmp_path / "in/transactions/a.csv", 1)
    queue.send(
        "gibberish", named(path), named(tmp_path / "in/transactions/absent.csv"), named(tmp_path / "x")
    )
    sales(tmp_path / "x", 5)
    assert drain(queue) == {"done": 1, "given_up": 3, "runs": 1}
    reasons = {dead.body: dead.reason for dead in queue.dead()}
    assert reasons["gibberish"].startswith("not JSON; a message is an S3 event")
    assert "no file" in reasons[named(tmp_path / "in/transactions/absent.csv")]
    assert "named after a dataset" in reasons[named(tmp_path / "x")]


@BOTH
def test_a_file_refused_whole_is_given_up_with_the_reason_and_the_others_done(
    project: Path, queue: Queue, tmp_path: Path
) -> None:
    good = sales(tmp_path / "in/transactions/good.csv", 1)
    bad = tmp_path / "in/transactions/bad.csv"
    bad.write_text("this,is\nno,sale\n")
    queue.send(named(good), named(bad))
    assert drain(queue) == {"done": 1, "given_up": 1, "runs": 1}
    (dead,) = queue.dead()
    assert dead.body == named(bad)
    assert "bad" in dead.reason
    assert "no column of transactions" in dead.reason


def test_a_file_of_no_message_that_is_refused_does_not_hold_up_the_others(
    project: Path, queue: Queue, settings: Settings, tmp_path: Path
) -> None:
    bad = settings.landing / "transactions" / "bad.csv"
    bad.parent.mkdir(parents=True)
    bad.write_text("this,is\nno,sale\n")
    queue.send(named(sales(tmp_path / "in/transactions/good.csv", 1)))
    assert drain(queue) == {"done": 1, "runs": 1}
    assert scalar("SELECT count(*) FROM ops.batches WHERE run_id IS NOT NULL") == 2


def test_whatever_lies_in_landing_the_good_files_are_taken_in(
    project: Path, settings: Settings, tmp_path: Path
) -> None:
    landing = settings.landing
    for name in ("misc/a.csv", "notes.csv", "transactions/.ipynb_checkpoints/b.csv"):
        sales(landing / name, 100)
    (landing / "transactions/broken.csv").parent.mkdir(parents=True, exist_ok=True)
    (landing / "transactions/broken.csv").symlink_to("/nowhere")
    bad = sales(landing / "transactions/mapped.csv", 200)
    bad.with_name("mapped.csv.map.yaml").write_text("[")
    sales(landing / "transactions/good.csv", 1)
    queue = connect_queue(f"sqlite:///{tmp_path / 'queue.db'}")
    tally = drain(queue)
    assert (tally["done"], tally["given_up"], tally["runs"]) == (1, 1, 1)
    (dead,) = queue.dead()
    assert "mapped.csv" in dead.body and "no YAML" in dead.reason
    assert scalar("SELECT count(*) FROM raw.transactions") == 3
    assert scalar("SELECT status FROM ops.batches WHERE uri LIKE '%mapped.csv'") == "rejected"


def test_a_file_that_is_gone_again_holds_up_no_other(project: Path, queue: Queue, tmp_path: Path) -> None:
    class Gone(Worker):
        """A worker between whose look at the files and whose run one of them is taken away."""

        def _wait_for(self, deliveries: list[object]) -> None:
            for path in get_settings().landing.rglob("gone*.csv"):
                path.unlink()
            super()._wait_for(deliveries)  # type: ignore[arg-type]

    names = ("gone", "good")
    queue.send(*(named(sales(tmp_path / f"in/transactions/{name}.csv", len(name) * 10)) for name in names))
    tally = Gone(queue, get_settings(), QUICK, log=lambda _: None).work(drain=True)
    assert tally["done"] >= 1
    assert scalar("SELECT count(*) FROM ops.batches WHERE uri LIKE '%good%'") == 1


def test_work_that_fails_is_tried_again_and_succeeds(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = tmp_path / "tried"
    cell = (
        f"tried = pathlib.Path({str(tried)!r})\nfirst = not tried.exists()\ntried.touch()\n"
        "if first:\n    raise RuntimeError('not today')"
    )
    monkeypatch.setenv("WORKBENCH_PROJECT", str(make_project(tmp_path / "project", cell)))
    queue.send(named(sales(tmp_path / "in/transactions/a.csv", 1)))
    assert drain(queue) == {"put_off": 1, "done": 1, "runs": 2}
    assert scalar("SELECT count(*) FROM raw.transactions") == 3


@BOTH
def test_work_that_keeps_failing_is_given_up_with_its_error(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "project", "raise RuntimeError('out of paper')")
    monkeypatch.setenv("WORKBENCH_PROJECT", str(project))
    queue.send(named(sales(tmp_path / "in/transactions/a.csv", 1)))
    assert drain(queue) == {"put_off": 2, "given_up": 1, "runs": 3}
    (dead,) = queue.dead()
    assert "out of paper" in dead.reason
    make_project(tmp_path / "project", "fixed = True")
    queue.replay()
    assert drain(queue)["runs"] == 1
    assert queue.dead() == []


def test_each_further_attempt_comes_later(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_PROJECT", str(make_project(tmp_path / "project", "raise RuntimeError")))
    queue.send(named(sales(tmp_path / "in/transactions/a.csv", 1)))
    said: list[str] = []
    options = Options(retry=1.6, settle=0.2)
    Worker(queue, get_settings(), options, log=said.append).work(drain=True)
    waits = [int(line.split(" put off for ")[1].split()[0]) for line in said if "put off" in line]
    assert len(waits) == 2
    assert 1 <= waits[0] <= 2 < waits[1] <= 4


@BOTH
def test_a_request_runs_once_for_its_id(project: Path, queue: Queue) -> None:
    body = RunRequest(pipeline="intake", parameters={"limit": 7}, id="nightly").model_dump_json()
    queue.send(body, body, RunRequest(pipeline="intake", id="other").model_dump_json())
    assert drain(queue) == {"done": 2, "repeated": 1, "runs": 2}
    assert scalar("SELECT count(*) FROM ops.requests") == 2
    parameters = (
        "SELECT count(*) FROM ops.runs WHERE stage IS NULL AND CAST(parameters AS VARCHAR) LIKE '%7%'"
    )
    assert scalar(parameters) == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"pipeline": "intak"}', "did you mean 'intake'"),
        ('{"pipeline": "intake", "parameters": {"limits": 3}}', "limit"),
        ('{"pipeline": "intake", "parameters": {"limit": "many"}}', "limit"),
        ('{"pipeline": "../elsewhere"}', "not the folder"),
    ],
    ids=["name", "parameter", "type", "folder"],
)
def test_a_request_that_is_wrong_is_given_up_at_once(
    project: Path, queue: Queue, body: str, told: str
) -> None:
    queue.send(body)
    assert drain(queue)["given_up"] == 1
    (dead,) = queue.dead()
    assert told in dead.reason


@BOTH
def test_messages_are_kept_while_long_work_goes_on(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_PROJECT", str(make_project(tmp_path / "project", "time.sleep(6)")))
    queue.send(named(sales(tmp_path / "in/transactions/a.csv", 1)))
    assert drain(queue, Options(visibility=3, settle=0.2)) == {"done": 1, "runs": 1}
    assert queue.dead() == []


@pytest.fixture
def bucket(aws: str, tmp_path: Path) -> str:
    name = f"bucket-{tmp_path.name.replace('_', '-').lower()}"[:60].strip("-")
    place = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return name


def test_an_object_that_lands_in_s3_is_taken_in(project: Path, bucket: str, tmp_path: Path) -> None:
    queue = connect_queue(make_sqs())
    sqs, s3 = boto3.client("sqs"), boto3.client("s3")
    arn = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    path = sales(tmp_path / "a.csv", 1)
    for key in ("landing/transactions/week 27/sales+ü.csv", "landing/transactions/again.csv"):
        s3.upload_file(str(path), bucket, key)
    s3.put_object(Bucket=bucket, Key="landing/transactions/bad.csv", Body=b"x,y\n1,2\n")
    tally = drain(queue)
    assert (tally["done"], tally["given_up"]) == (2, 1)
    assert scalar("SELECT count(*) FROM raw.transactions") == 3
    assert scalar("SELECT count(*) FROM ops.batches WHERE status = 'loaded'") == 1


def test_a_map_beside_an_object_goes_with_it(project: Path, bucket: str) -> None:
    queue, s3 = connect_queue(make_sqs()), boto3.client("s3")
    columns = {name: f"'{name}'" for name in HEADER.split(",") if name.endswith("_id")} | {
        "transaction_id": "Number", "line_number": "1", "transaction_timestamp": "'2026-01-01T00:00:00'",
        "quantity": "Pieces", "unit_price": "'1.00'", "currency": "'EUR'",
    }  # fmt: skip
    mapping = "dataset: transactions\ncolumns:\n" + "".join(
        f'  {name}: "{value}"\n' for name, value in columns.items()
    )
    key = "landing/transactions/theirs.csv"
    s3.put_object(Bucket=bucket, Key=f"{key}.map.yaml", Body=mapping.encode())
    s3.put_object(Bucket=bucket, Key=key, Body=b"Number,Pieces\nA1,3\nA2,4\n")
    queue.send(
        Files(files=(f"s3://{bucket}/{key}",)).body(), Files(files=(f"s3://{bucket}/{key}.map.yaml",)).body()
    )
    drain(queue)
    assert queue.dead() == []
    assert scalar("SELECT sum(quantity) FROM raw.transactions") == 7


def test_an_object_that_is_gone_is_given_up(project: Path, bucket: str) -> None:
    queue = connect_queue(make_sqs())
    queue.send(Files(files=(f"s3://{bucket}/landing/transactions/gone.csv",)).body())
    assert drain(queue) == {"given_up": 1}
    assert queue.dead()[0].reason == f"no object s3://{bucket}/landing/transactions/gone.csv"


def test_a_queue_that_cannot_be_reached_for_a_while_is_tried_again(project: Path, tmp_path: Path) -> None:
    class Away:
        """A real queue behind a line that fails twice."""

        def __init__(self, real: Queue) -> None:
            self.real, self.fails = real, 2
            self.url, self.max_receives = real.url, real.max_receives

        def receive(self, *arguments: object, **named: object) -> object:
            if self.fails:
                self.fails -= 1
                from workbench.errors import WorkFailed

                raise WorkFailed("no line")
            return self.real.receive(*arguments, **named)  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    real = connect_queue(f"sqlite:///{tmp_path / 'queue.db'}")
    real.send(named(sales(tmp_path / "in/transactions/a.csv", 1)))
    said: list[str] = []
    worker = Worker(Away(real), get_settings(), QUICK, log=said.append)  # type: ignore[arg-type]
    begun = time.monotonic()
    assert worker.work(drain=True)["done"] == 1
    assert said[:2] == ["can't receive for now: no line"] * 2
    assert time.monotonic() - begun < 60


def test_a_file_that_no_pipeline_takes_in_is_given_up(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path / "empty"))
    queue.send(named(sales(tmp_path / "in/transactions/a.csv", 1)))
    assert drain(queue) == {"given_up": 1}
    assert queue.dead()[0].reason == "no pipeline of the project reads landing"


def test_a_file_goes_through_every_pipeline_that_reads_landing(
    project: Path, queue: Queue, tmp_path: Path
) -> None:
    other = project / "pipeline_notebooks" / "other"
    pipeline(other, {"look": {"reads": ["landing"], "writes": ["report"]}})
    notebook(other / "look.ipynb", "seen = limit")
    path = sales(tmp_path / "in/transactions/a.csv", 1)
    queue.send(named(path))
    assert drain(queue) == {"done": 1, "runs": 2}
    queue.send(named(path))
    assert drain(queue) == {"repeated": 1}


def test_a_worker_that_starts_while_the_warehouse_is_busy_waits_for_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(create=True)
    land(str(sales(tmp_path / "transactions/a.csv", 1)), None)
    hold = "import sys\nfrom workbench.warehouse import connect\nwith connect().connection():\n    print(flush=True)\n    input()"
    holder = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout and holder.stdout.readline()
    monkeypatch.setenv("WORKBENCH_LOCK_TIMEOUT", "0.2")
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            holder.communicate(b"\n")
            monkeypatch.setenv("WORKBENCH_LOCK_TIMEOUT", "30")

    tally = Worker(connect_queue(), get_settings(), Options(retry=0.1, settle=0.2), log=say).work(drain=True)
    assert "can't begin for now" in said[0] and "in use by process" in said[0]
    assert tally["done"] == 1 and scalar("SELECT count(*) FROM raw.transactions") == 3


def test_a_file_taken_in_while_the_clock_was_ahead_is_done(project: Path, tmp_path: Path) -> None:
    (first,) = land(str(sales(tmp_path / "transactions/a.csv", 1)), None)
    assert drain(connect_queue())["done"] == 1
    # As if the batch had been taken in by a clock that was a day ahead, and the file was written by one.
    connect().execute("UPDATE ops.batches SET ingested_at = ingested_at + INTERVAL 1 DAY")
    (second,) = land(str(sales(tmp_path / "transactions/b.csv", 10)), None)
    os.utime(second.path, (time.time() + 86400,) * 2)
    assert drain(connect_queue())["done"] == 1
    assert drain(connect_queue()) == {}
    assert scalar("SELECT count(*) FROM raw.transactions") == 6 and first.path.is_file()

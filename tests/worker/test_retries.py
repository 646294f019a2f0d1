"""What goes wrong around a worker: tried again, given up with the reason, and never in the way of others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.aws_server import make_sqs
from tests.project import make_project, sales
from tests.worker.drained import BOTH, QUICK, drain, named, scalar
from workbench.queue.base import Message, Queue
from workbench.queue.connect import connect_queue
from workbench.settings import Settings, get_settings
from workbench.sources.files import land
from workbench.warehouse import connect
from workbench.worker.worker import Options, Worker


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


@pytest.mark.parametrize("queue_url", ["sqlite"], indirect=True)
def test_a_file_whose_name_is_no_text_is_taken_in_or_given_up_at_once(
    project: Path, queue: Queue, tmp_path: Path
) -> None:
    folder = tmp_path / "in/transactions"
    sales(folder / "good.csv", 1)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.csv")).write_bytes(
        sales(tmp_path / "in/other.csv", 10).read_bytes()
    )
    uris = [f"file://{folder}/{name}" for name in ("none\\udce9.csv", "half\\ud800.csv", "caf\\udce9.csv")]
    queue.send(*(f'{{"files": ["{uri}"]}}' for uri in uris), named(folder / "good.csv"))
    queue.send('{"pipeline": "intake", "parameters": {"limit": "\\udce9"}}')
    tally = drain(queue)
    assert (tally["done"], tally["given_up"]) == (2, 3)
    reasons = sorted(dead.reason.split(";")[0] for dead in queue.dead())
    assert any("none\\xe9.csv" in reason and reason.startswith("no file") for reason in reasons)
    assert any("half of a character" in reason for reason in reasons)
    assert scalar("SELECT count(*) FROM raw.transactions") == 6


@pytest.mark.parametrize("kind", ["sqlite", "sqs"])
def test_a_message_that_ends_its_worker_takes_no_other_along(
    project: Path, kind: str, aws: str, tmp_path: Path
) -> None:
    class Killed(BaseException):
        """What no worker catches."""

    class Mortal(Worker):
        """A worker that one of the messages ends, as a machine does that is out of memory."""

        def _sort(self, message: Message, *others: Any) -> None:
            if "poison" in message.body:
                raise Killed
            super()._sort(message, *others)

    queue = connect_queue(make_sqs(5) if kind == "sqs" else f"sqlite:///{tmp_path / 'queue.db'}")
    names = ("poison", "one", "two", "three")
    queue.send(*(named(sales(tmp_path / f"in/transactions/{n}.csv", 10 * i)) for i, n in enumerate(names)))
    options = Options(retry=0, settle=0.2, visibility=1)
    for _ in range(5):
        with suppress(Killed):
            Mortal(queue, get_settings(), options, log=lambda _: None).work(drain=True)
    assert scalar("SELECT count(*) FROM raw.transactions") == 9
    said: list[str] = []
    tally = Worker(queue, get_settings(), options, log=said.append).work(drain=True)
    (dead,) = queue.dead()
    if kind == "sqlite":
        assert tally["given_up"] == 1
        assert f"message {dead.message_id} given up: received 5 times and never finished" in said
    assert "poison" in dead.body and dead.reason == "received 5 times and never finished"


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
    assert time.monotonic() - begun < 300


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
            worker._warehouse.lock_timeout = 30.0  # type: ignore[attr-defined]

    patient = get_settings().model_copy(update={"lock_timeout": 30.0})
    worker = Worker(connect_queue(), patient, Options(retry=0.1, settle=0.2), log=say)
    monkeypatch.delenv("WORKBENCH_LOCK_TIMEOUT")
    tally = worker.work(drain=True)
    assert "can't begin for now" in said[0] and "in use by process" in said[0]
    assert tally["done"] == 1 and scalar("SELECT count(*) FROM raw.transactions") == 3

"""What the embedded queue holds beyond the contract: several processes, and being killed."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.errors import WorkFailed
from workbench.queue.connect import connect_queue
from workbench.queue.sqlite import SQLiteQueue

SENDER = """
import sys
from pathlib import Path
from workbench.queue.sqlite import SQLiteQueue
queue = SQLiteQueue(Path(sys.argv[1]))
for number in range(1_000_000):
    queue.send(f"message {number}")
    print(number, flush=True)
"""

TAKER = """
import sys
from pathlib import Path
from workbench.queue.sqlite import SQLiteQueue
queue = SQLiteQueue(Path(sys.argv[1]))
while found := queue.receive(7, wait=1):
    for message in found:
        queue.delete(message)
        print(message.body)
"""


def _start(program: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)


def test_what_a_killed_sender_was_told_is_in_is_in(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    with _start(SENDER, path) as sender:
        assert sender.stdout is not None
        lines = [sender.stdout.readline() for _ in range(50)]
        sender.send_signal(signal.SIGKILL)
        lines += sender.stdout.readlines()
    told = {f"message {line.strip()}" for line in lines if line.endswith("\n")}
    found = [message.body for message in SQLiteQueue(path).receive(1_000_000)]
    assert told <= set(found)
    assert len(found) - len(told) <= 1
    assert len(found) == len(set(found))


def test_processes_share_the_file_and_each_message_is_taken_once(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    bodies = [f"message {number}" for number in range(300)]
    SQLiteQueue(path).send(*bodies)
    takers = [_start(TAKER, path) for _ in range(3)]
    taken = Counter(line.strip() for taker in takers for line in taker.communicate()[0].splitlines())
    assert taken == Counter(bodies)
    assert SQLiteQueue(path).counts().open == 0


def test_a_receipt_of_an_earlier_delivery_is_worth_nothing(tmp_path: Path) -> None:
    queue = SQLiteQueue(tmp_path / "queue.db")
    queue.send("mine")
    (old,) = queue.receive(visibility=0)
    (new,) = queue.receive(visibility=60)
    queue.delete(old)
    queue.release(old)
    queue.dead_letter(old, "late")
    assert queue.dead() == []
    assert queue.receive() == []
    queue.delete(new)
    assert queue.counts().open == 0


def test_the_same_text_is_sent_once_while_it_waits_or_lies_dead(tmp_path: Path) -> None:
    queue = SQLiteQueue(tmp_path / "queue.db")
    assert queue.send_once("file a")
    assert queue.send_once("file a") is None
    (message,) = queue.receive()
    assert queue.send_once("file a") is None
    queue.dead_letter(message, "broken")
    assert queue.send_once("file a") is None
    queue.replay()
    (message,) = queue.receive()
    queue.delete(message)
    assert queue.send_once("file a")


def test_a_text_that_is_news_again_waits_behind_the_one_that_is_worked_on(tmp_path: Path) -> None:
    queue = SQLiteQueue(tmp_path / "queue.db")
    assert queue.send_once("file a", anew=True)
    assert queue.send_once("file a", anew=True) is None
    (message,) = queue.receive()
    assert queue.send_once("file a", anew=True)
    queue.delete(message)
    assert [message.body for message in queue.receive()] == ["file a"]


def test_messages_come_in_the_order_they_were_sent(tmp_path: Path) -> None:
    queue = SQLiteQueue(tmp_path / "queue.db")
    for number in range(20):
        queue.send(str(number))
    assert [message.body for message in queue.receive(20)] == [str(number) for number in range(20)]


def test_the_default_queue_lies_in_home(home: Path) -> None:
    connect_queue().send("here")
    assert (home / "queue.db").is_file()


def test_a_file_that_is_no_queue_is_named(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    path.write_bytes(b"these are not the pages of a database, but they are long enough to be looked at" * 20)
    with pytest.raises(WorkFailed, match=f"can't open the queue {path}"):
        SQLiteQueue(path).send("lost?")


def test_waiting_costs_little(tmp_path: Path) -> None:
    queue = SQLiteQueue(tmp_path / "queue.db")
    # Other threads of the process may work.
    begun = time.thread_time()
    assert queue.receive(wait=2) == []
    assert time.thread_time() - begun < 0.2


def test_a_clock_that_was_ahead_keeps_no_message_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, today = SQLiteQueue(tmp_path / "queue.db"), 1_700_000_000.0
    clock = SimpleNamespace(time=lambda: moment, monotonic=time.monotonic, sleep=time.sleep)
    monkeypatch.setattr("workbench.queue.sqlite.time", clock)
    moment = today + 86400
    queue.send("sent", "taken", "put off")
    queue.send("delayed", delay=1)
    (sent, _, put_off) = queue.receive(3, visibility=1)
    queue.release(sent)
    queue.release(put_off, 1)
    moment = today
    assert queue.counts().open == 4 and queue.counts().ready >= 1
    assert [message.body for message in queue.receive(10)] == ["sent"]
    # What was to wait still waits as long as was said.
    moment += 0.9
    assert queue.receive(10) == []
    moment += 0.2
    assert sorted(message.body for message in queue.receive(10)) == ["delayed", "put off", "taken"]


def test_a_message_whose_receivers_end_without_a_word_comes_alone(tmp_path: Path) -> None:
    queue = SQLiteQueue(tmp_path / "queue.db")
    queue.send("left 1", "left 2", "back 1", "back 2")
    for reception in (1, 2):
        # Once that may be anything: they come together again.
        taken = queue.receive(4, visibility=1)
        assert [(each.receive_count, each.abandoned) for each in taken] == [(reception, False)] * 4
        for message in taken[2:]:
            queue.release(message)
        time.sleep(1.1)
    queue.send("new")
    found = [queue.receive(10) for _ in range(4)]
    assert [[(each.body, each.abandoned) for each in some] for some in found] == [
        [("back 1", False), ("back 2", False), ("new", False)],
        [("left 1", True)],
        [("left 2", True)],
        [],
    ]


def test_a_queue_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    queue = SQLiteQueue(tmp_path / "queue.db")
    queue.send("before")
    with sqlite3.connect(queue.path) as file:
        file.execute("ALTER TABLE messages DROP COLUMN changed_at")
    again = SQLiteQueue(tmp_path / "queue.db")
    again.send("after")
    assert [message.body for message in again.receive(10)] == ["before", "after"]

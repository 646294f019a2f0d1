"""What every queue does, the embedded one and SQS alike."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from workbench.queue.base import Queue, ReceiptLost
from workbench.queue.connect import connect_queue


def test_what_is_sent_is_received_once_and_in_full(queue: Queue) -> None:
    bodies = ["one", '{"two": "ü €"}', "line\nline"]
    ids = queue.send(*bodies)
    found = queue.receive(10, visibility=60)
    assert sorted(message.body for message in found) == sorted(bodies)
    assert sorted(message.message_id for message in found) == sorted(ids)
    assert {message.receive_count for message in found} == {1}
    assert queue.receive(10) == []


def test_many_more_than_one_call_takes_are_received_together(queue: Queue) -> None:
    bodies = [f"message {number}" for number in range(37)]
    queue.send(*bodies)
    assert sorted(message.body for message in queue.receive(100)) == sorted(bodies)


def test_no_more_are_received_than_asked_for(queue: Queue) -> None:
    queue.send(*"abcde")
    assert len(queue.receive(2)) == 2
    assert len(queue.receive(12)) == 3


def test_a_message_comes_again_when_its_time_runs_out(queue: Queue) -> None:
    queue.send("again")
    (first,) = queue.receive(visibility=60)
    assert queue.receive() == []
    queue.extend(first, 1)
    (second,) = queue.receive(wait=20)
    assert (second.message_id, second.receive_count) == (first.message_id, 2)
    assert second.receipt != first.receipt


def test_an_extended_message_stays_away_longer(queue: Queue) -> None:
    queue.send("long work")
    (message,) = queue.receive(visibility=2)
    for seconds in (2, 4, 8):
        try:
            queue.extend(message, 300)
            break
        except ReceiptLost:
            # Where somebody else had the processor for so long, it is too late.
            (message,) = queue.receive(wait=20, visibility=2 * seconds)
    time.sleep(seconds + 0.2)
    assert queue.receive() == []


def test_a_deleted_message_is_gone_and_its_receipt_lost(queue: Queue) -> None:
    queue.send("done")
    (message,) = queue.receive(visibility=1)
    queue.delete(message)
    queue.delete(message)
    with pytest.raises(ReceiptLost, match=message.message_id):
        queue.extend(message, 10)
    queue.release(message)
    time.sleep(1.1)
    assert queue.receive() == []
    assert queue.counts().open == 0


def test_a_released_message_comes_at_once_or_after_a_while(queue: Queue) -> None:
    queue.send("back")
    (message,) = queue.receive()
    queue.release(message)
    (message,) = queue.receive()
    assert message.receive_count == 2
    queue.release(message, after=1)
    (message,) = queue.receive(wait=20)
    assert message.receive_count == 3
    queue.delete(message)
    queue.send("away")
    (message,) = queue.receive()
    queue.release(message, after=60)
    assert queue.receive() == []
    assert queue.counts().open == 1


def test_a_message_sent_with_a_delay_comes_late(queue: Queue) -> None:
    queue.send("much later", delay=300)
    assert queue.receive() == []
    queue.send("later", delay=1)
    assert [message.body for message in queue.receive(wait=20)] == ["later"]


def test_waiting_ends_when_a_message_comes(queue: Queue, queue_url: str) -> None:
    def send() -> None:
        time.sleep(0.5)
        connect_queue(queue_url).send("news")

    sender = threading.Thread(target=send)
    sender.start()
    begun = time.monotonic()
    found = queue.receive(wait=20)
    assert [message.body for message in found] == ["news"]
    assert time.monotonic() - begun < 18
    sender.join()


def test_waiting_for_nothing_ends_in_time(queue: Queue) -> None:
    begun = time.monotonic()
    assert queue.receive(wait=1) == []
    assert 0.9 < time.monotonic() - begun < 15


def test_a_given_up_message_is_kept_with_its_reason(queue: Queue) -> None:
    queue.send("nonsense")
    (message,) = queue.receive()
    queue.dead_letter(message, "neither a file nor a request: \x00 at 1")
    assert queue.receive() == []
    (dead,) = queue.dead()
    assert (dead.body, dead.message_id, dead.receive_count) == ("nonsense", message.message_id, 1)
    assert dead.reason.startswith("neither a file nor a request: ")
    assert dead.died_at is not None
    assert dead.sent_at == message.sent_at
    assert queue.counts().dead == 1
    assert queue.dead() == [dead], "looking takes nothing away"


def test_a_message_never_finished_dies_after_the_last_delivery(queue: Queue) -> None:
    (message_id,) = queue.send("poison")
    assert queue.max_receives == 3
    for count in (1, 2, 3):
        (message,) = queue.receive(wait=20, visibility=1)
        assert message.receive_count == count
    time.sleep(1.2)
    assert queue.receive() == []
    (dead,) = queue.dead()
    assert (dead.message_id, dead.body) == (message_id, "poison")
    assert dead.reason == "received 3 times and never finished"


def test_replay_takes_the_chosen_ones_or_all(queue: Queue) -> None:
    queue.send("a", "b", "c")
    for message in queue.receive():
        queue.dead_letter(message, "no luck")
    (chosen,) = [dead.message_id for dead in queue.dead() if dead.body == "b"]
    assert queue.replay([chosen, "unheard-of"]) == [chosen]
    (message,) = queue.receive()
    assert (message.body, message.receive_count) == ("b", 1)
    assert sorted(dead.body for dead in queue.dead()) == ["a", "c"]
    assert len(queue.replay()) == 2
    assert sorted(message.body for message in queue.receive()) == ["a", "c"]
    assert queue.dead() == []
    assert queue.replay() == []


def test_counts_tell_waiting_from_taken_and_dead(queue: Queue) -> None:
    queue.send(*"abcd")
    first, second = queue.receive(2)
    queue.dead_letter(first, "no")
    counts = queue.counts()
    assert (counts.ready, counts.in_flight, counts.dead) == (2, 1, 1)
    assert counts.open == 3
    queue.delete(second)
    assert queue.counts().open == 2


@pytest.fixture
def often_switching() -> Iterator[None]:
    """Threads, those of a server in this process too, that take turns after a few steps."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_receivers_share_and_never_take_the_same_nor_lose_one(
    queue: Queue, queue_url: str, often_switching: None
) -> None:
    queue.send(*(str(number) for number in range(30)))
    taken: list[str] = []

    def take() -> None:
        own = connect_queue(queue_url)
        while found := own.receive(3):
            taken.extend(message.body for message in found)
            for message in found:
                own.delete(message)

    def send() -> None:
        own = connect_queue(queue_url)
        for number in range(30, 60):
            own.send(str(number))

    threads = [threading.Thread(target=work) for work in (take, send, take, take, take)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    take()
    assert sorted(taken, key=int) == [str(number) for number in range(60)]

"""``workbench queue``: what waits, what was given up, and another chance for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from workbench import cli
from workbench.queue.base import Queue
from workbench.queue.connect import connect_queue

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["workbench", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


@pytest.fixture
def dead(queue_url: str, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Ids of two messages that were given up, by body; one more is taken and one waits."""
    monkeypatch.setenv("WORKBENCH_QUEUE_URL", queue_url)
    queue.send("first", "second")
    for message in queue.receive():
        queue.dead_letter(message, f"no {message.body}")
    queue.send("taken")
    queue.receive()
    queue.send("waits")
    return {message.body: message.message_id for message in queue.dead()}


def test_counts(dead: dict[str, str], call: Call) -> None:
    status, out, _ = call("queue")
    assert status == 0
    assert out.endswith(": 1 ready, 1 in flight or put off, 2 dead\n")
    status, out, _ = call("queue", "--json")
    assert json.loads(out)["dead"] == 2


def test_given_up_messages_are_listed_with_their_reasons(dead: dict[str, str], call: Call) -> None:
    status, out, _ = call("queue", "dead", "list")
    assert status == 0
    assert len(out.splitlines()) == 2
    assert dead["first"] in out
    assert "no second" in out
    _, out, _ = call("queue", "dead", "list", "--json")
    assert {message["reason"] for message in json.loads(out)} == {"no first", "no second"}


def test_one_is_shown_in_full_by_the_beginning_of_its_id(dead: dict[str, str], call: Call) -> None:
    status, out, _ = call("queue", "dead", "show", dead["second"][:12])
    assert status == 0
    assert "reason: no second" in out
    assert out.endswith("\nsecond\n")


def test_replay_one_and_then_all(dead: dict[str, str], call: Call, queue: Queue) -> None:
    assert call("queue", "dead", "replay", dead["second"])[:2] == (0, "1 back in the queue\n")
    assert sorted(message.body for message in queue.receive()) == ["second", "waits"]
    assert call("queue", "dead", "replay", "--all")[:2] == (0, "1 back in the queue\n")
    assert queue.counts().dead == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("replay",), "name the messages to replay, or say --all"),
        (("replay", "x", "--all"), "name the messages to replay, or say --all"),
        (("replay", "zzz"), "unknown dead message 'zzz'"),
        (("show", "zzz"), "unknown dead message 'zzz'"),
    ],
    ids=["none", "both", "unknown", "unknown-show"],
)
def test_a_wrong_call_changes_nothing(call: Call, arguments: tuple[str, ...], told: str) -> None:
    connect_queue().send("a")
    (message,) = connect_queue().receive()
    connect_queue().dead_letter(message, "no")
    status, _, error = call("queue", "dead", *arguments)
    assert status == 2
    assert told in error
    assert connect_queue().counts().dead == 1

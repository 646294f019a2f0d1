"""Look at the queue and at the messages that were given up."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.limits import how_many
from workbench.errors import UsageError, unknown
from workbench.terminal import printable

if TYPE_CHECKING:
    from workbench.queue.base import DeadMessage, Queue

queue = typer.Typer(help="How many messages wait; those that were given up.", invoke_without_command=True)
dead = typer.Typer(help="Messages that were given up: list, show, replay.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    queue.add_typer(dead, name="dead")
    app.add_typer(queue, name="queue")


def _connect() -> Queue:
    from workbench.queue.connect import connect_queue

    return connect_queue()


@queue.callback()
def counts(context: typer.Context, as_json: Json = False) -> None:
    """Count the messages: waiting, being worked on or put off, given up."""
    if context.invoked_subcommand is not None:
        return
    found = _connect()
    now = found.counts()
    if as_json:
        print(json.dumps({"url": found.url, **asdict(now)}))
    else:
        print(f"{found.url}: {now.ready} ready, {now.in_flight} in flight or put off, {now.dead} dead")


@dead.command("list")
def list_dead(
    limit: Annotated[int, how_many("How many at most.", short=False)] = 100, as_json: Json = False
) -> None:
    """List messages that were given up, the oldest first, with the reason."""
    found = _connect().dead(limit)
    if as_json:
        print(json.dumps([asdict(message) for message in found], default=str, indent=2))
        return
    if not found:
        print("no dead messages")
    for message in found:
        when = message.died_at or message.sent_at
        print(printable(f"{message.message_id}  {when:%Y-%m-%d %H:%M:%S}  {message.reason}"))


@dead.command()
def show(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="A message, or the beginning of its id.")],
    as_json: Json = False,
) -> None:
    """Show one message that was given up, in full."""
    (message,) = _find(_connect(), [message_id])
    if as_json:
        print(json.dumps(asdict(message), default=str, indent=2))
        return
    for name, value in asdict(message).items():
        if name != "body":
            print(printable(f"{name}: {'' if value is None else value}"))
    print(printable(message.body, keep="\n\t") if sys.stdout.isatty() else message.body)


@dead.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Messages to replay.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Replay all of them.")] = False,
    as_json: Json = False,
) -> None:
    """Put messages that were given up back into the queue."""
    if bool(ids) == every:
        raise UsageError("name the messages to replay, or say --all")
    found = _connect()
    chosen = None if every else [message.message_id for message in _find(found, ids or [])]
    replayed = found.replay(chosen)
    print(json.dumps(list(replayed)) if as_json else f"{len(replayed)} back in the queue")


def _find(found: Queue, beginnings: list[str]) -> list[DeadMessage]:
    """Return the given-up message of each id, or beginning of one."""
    messages = found.dead(10_000)
    chosen = []
    for beginning in beginnings:
        fitting = [message for message in messages if message.message_id.startswith(beginning)]
        if not beginning or not fitting:
            raise unknown("dead message", beginning, [message.message_id for message in messages[:10]])
        if len(fitting) > 1:
            raise UsageError(f"{len(fitting)} dead messages begin with {beginning!r}; give more of the id")
        chosen += fitting
    return chosen

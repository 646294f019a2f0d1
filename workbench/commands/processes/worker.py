"""Take messages from the queue until stopped."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.runs.remote import EXECUTORS
from workbench.errors import unknown

if TYPE_CHECKING:
    from workbench.worker.worker import Worker


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(worker)


def worker(
    drain: Annotated[bool, typer.Option("--drain", help="End when the queue is empty.")] = False,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Messages taken together at most.")] = 100,
    visibility: Annotated[
        int, typer.Option(min=3, max=43200, help="Seconds a message is ours between two heartbeats.")
    ] = 60,
    retry: Annotated[
        float, typer.Option(min=0, max=900, help="Seconds before a further attempt, doubled each time.")
    ] = 10,
    settle: Annotated[
        float, typer.Option(min=0.1, max=60, help="Seconds without change after which a file is complete.")
    ] = 1,
    executor: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="local or ecs, for all stages; their maps say it otherwise."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Take messages from the queue and run what they say, until stopped.

    SIGTERM or Ctrl-C ends it after the stage that runs now; a second one ends it at once. Exits 0 then. With
    --drain it exits 1 if a message was given up, be it one that killed every worker before; those that SQS itself moves
    to its dead letters are not told of.
    """
    from workbench.aws.metrics import log
    from workbench.execution.run.progress import Lines
    from workbench.queue.connect import connect_queue
    from workbench.settings import get_settings
    from workbench.worker.patience import to_stderr
    from workbench.worker.worker import Options, Worker

    if executor is not None and executor not in EXECUTORS:
        raise unknown("executor", executor, EXECUTORS)
    settings = get_settings()
    queue = connect_queue(settings=settings)
    options = Options(batch=batch, visibility=visibility, retry=retry, settle=settle, executor=executor)
    log_line = log if settings.profile == "aws" else to_stderr
    working = Worker(queue, settings, options, progress=Lines, log=log_line)
    print(f"taking messages from {queue.url}", file=sys.stderr, flush=True)
    _until_signalled(working, drain=drain)
    tally = working.tally
    if as_json:
        names = ("done", "repeated", "ignored", "given_up", "put_off", "given_back", "runs")
        print(json.dumps({name: tally[name] for name in names}))
    else:
        print(
            f"{tally['done']} done, {tally['repeated']} repeated, {tally['ignored']} ignored, "
            f"{tally['given_up']} given up, {tally['given_back']} given back, in {tally['runs']} runs"
        )
    if drain and tally["given_up"]:
        raise typer.Exit(1)


def _until_signalled(working: Worker, *, drain: bool) -> None:
    """Work in a thread of its own, while this one hears signals: a run in the main thread would end in mid-stage."""
    problems: list[BaseException] = []

    def work() -> None:
        try:
            working.work(drain=drain)
        except BaseException as problem:
            problems.append(problem)

    signals_received: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        signals_received.append(number)
        if len(signals_received) > 1:
            _end_now(number)
        print("stopping after this stage; once more to stop now", file=sys.stderr, flush=True)
        working.stop()

    before = {
        number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    thread = threading.Thread(target=work, name="worker", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if problems:
        raise problems[0]


def _end_now(number: int) -> None:
    """End this process and all it started; messages come again when their time runs out."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(128 + number)

"""Faults of tasks, workers and messages, and how long each takes until all is as if there had been none."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import boto3
import psutil
from ground import Outcome, until, workbench
from intake import VISIBILITY, intake, stage_process, tasks, working, write_stage

from workbench.aws.local import LocalAWS
from workbench.queue.messages import Files

FILES = 20
DEAD = 8
# Kills whoever took the message, as a stage that needs more memory than there is has its worker killed.
_KILLER = "for parent in psutil.Process().parents():\n    {'workbench.cli', 'worker'} <= {*parent.cmdline()} and parent.kill()"


def killed_task(aws: LocalAWS) -> Outcome:
    """Kill the task of a stage on ECS while it writes."""
    with intake("task", aws) as ground, tasks(ground):
        with working(ground.place, "--executor", "ecs"):
            before = _written(ground.place)
            ground.deliver(FILES)
            task = until(lambda: stage_process(aws), "the task of the stage")
            _until_written(ground.place, before, task)
            hit = task.is_running()
            for process in (*task.children(recursive=True), task):
                with suppress(psutil.Error):
                    process.kill()
            began = time.monotonic()
            ground.until_done("all files after the task was killed")
            seconds = time.monotonic() - began
        checks = {"it was killed at its work": hit} | ground.checks()
        return Outcome(
            "task killed", "SIGKILL to the task of a stage on ECS", seconds, checks, {"files": FILES}
        )


def killed_worker(aws: LocalAWS) -> Outcome:
    """Kill the worker while a stage of its own writes; the next one is started at once."""
    with intake("worker", aws) as ground:
        with working(ground.place) as workers:
            before, first = _written(ground.place), psutil.Process(workers.process.pid)
            ground.deliver(FILES)
            _until_written(ground.place, before, first)
            workers.kill()
            began = time.monotonic()
            ground.until_done("all files after the worker was killed")
            seconds = time.monotonic() - began
        checks = {"one worker was killed": workers.ended == 1} | ground.checks()
        figures = {"files": FILES, "visibility_seconds": VISIBILITY}
        return Outcome("worker killed", "SIGKILL to the worker", seconds, checks, figures)


def poison(aws: LocalAWS) -> Outcome:
    """Send messages of which nothing can come, one that kills each worker that takes it, and good ones among them."""
    with intake("poison", aws) as ground:
        write_stage(ground.project, "deadly", "kill", _KILLER)
        broken = ground.place / "poison.csv"
        broken.write_text("no,header,of,ours\n1,2,3,4\n")
        address = f"s3://{ground.bucket}/landing/transactions"
        boto3.client("s3").upload_file(str(broken), ground.bucket, "landing/transactions/poison.csv")
        bodies = [
            "no message of ours",
            json.dumps({"pipeline": "nobody's"}),
            Files(files=(f"{address}/gone.csv",)).body(),
            Files(files=(f"{address}/poison.csv",)).body(),
            json.dumps({"pipeline": "deadly", "parameters": {}, "id": "deadly"}),
        ]
        with working(ground.place) as workers:
            began = time.monotonic()
            ground.deliver(FILES // 2)
            ground.queue.send(*bodies)
            ground.deliver(FILES // 2)
            ground.until_done("all files, and the dead letters")
            seconds = time.monotonic() - began
        dead = [message.body for message in ground.queue.dead()]
        checks = {
            "each poison is dead once": sorted(dead) == sorted(bodies),
            "one of them killed every worker that took it": workers.ended > 1,
        } | ground.checks(dead=len(bodies))
        figures = {"files": FILES, "poison": len(bodies), "workers_killed": workers.ended}
        return Outcome("poison", "5 messages of which nothing can come", seconds, checks, figures)


def dead_letters(aws: LocalAWS) -> Outcome:
    """Break what stands before the intake until every message is dead; mend it, and send them back."""
    with intake("dead", aws) as ground:
        fault = ground.place / "broken"
        fault.touch()
        cell = f"assert not pathlib.Path({str(fault)!r}).exists(), 'it is broken'"
        write_stage(ground.project, "intake", "gate", cell, before="ingest")
        with working(ground.place, "--retry", "0.2"):
            began = time.monotonic()
            ground.deliver(DEAD)
            until(lambda: ground.queue.counts().dead == DEAD, "that all are dead", pause=0.5)
            dying = time.monotonic() - began
            told = {message.reason for message in ground.queue.dead()}
            fault.unlink()
            began = time.monotonic()
            workbench("queue", "dead", "replay", "--all")
            ground.until_done("all files that were dead")
            seconds = time.monotonic() - began
        checks = {"each dead letter says why": all("it is broken" in each for each in told)}
        figures = {"files": DEAD, "dead": DEAD, "seconds_until_dead": round(dying, 1)}
        return Outcome(
            "dead letters", f"{DEAD} dead letters, sent back", seconds, checks | ground.checks(), figures
        )


def _written(place: Path) -> tuple[object, ...]:
    """What changes when something is written to the warehouse."""
    found = []
    for name in ("warehouse.duckdb", "warehouse.duckdb.wal"):
        path = place / name
        with suppress(OSError):
            about = path.stat()
            found.append((name, about.st_size, about.st_mtime_ns))
    return tuple(found)


def _until_written(place: Path, before: tuple[object, ...], process: psutil.Process) -> None:
    until(lambda: _written(place) != before or not process.is_running(), "a first row", pause=0.002)

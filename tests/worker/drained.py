"""A worker that takes all there is, and what it left."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.queue.base import Queue
from workbench.queue.messages import Files, file_uri
from workbench.settings import get_settings
from workbench.warehouse import connect
from workbench.worker.worker import Options, Worker

BOTH = pytest.mark.parametrize(
    "queue_url", [pytest.param("sqlite", marks=pytest.mark.soak), "sqs"], indirect=True
)


QUICK = Options(retry=0, settle=0.2, visibility=60)


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

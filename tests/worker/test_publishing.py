"""A worker lets readers have what is new as soon as nothing waits, and while much does, seldom enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project import make_project, sales
from workbench.queue.connect import connect_queue
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.warehouse import Warehouse, connect
from workbench.warehouse.duckdb import DuckDBReader, DuckDBWarehouse
from workbench.worker.publishing import Publishing
from workbench.worker.worker import Options, Worker


def hours() -> int:
    """Return how many rows of a table readers see."""
    return connect(read_only=True).counts("core.dim_time")["core.dim_time"]


def add(warehouse: Warehouse, number: int) -> None:
    warehouse.execute("INSERT INTO core.dim_time VALUES (?, 0, 0, 'x')", [number])


def test_it_waits_while_there_is_other_work_but_not_for_ever(warehouse: DuckDBWarehouse) -> None:
    said: list[str] = []
    publishing = Publishing(warehouse, 10, said.append)
    add(warehouse, 1)
    publishing.publish(idle=False)
    assert hours() == 1
    add(warehouse, 2)
    publishing.ask()
    publishing.publish(idle=False)
    assert hours() == 1
    publishing.publish(idle=True)
    assert hours() == 2
    # Nobody has said that a run is over.
    add(warehouse, 3)
    publishing.publish(idle=True)
    assert hours() == 2 and said == []


def test_what_fails_is_said_and_put_off(warehouse: DuckDBWarehouse) -> None:
    said: list[str] = []
    publishing = Publishing(warehouse, 3600, said.append)
    warehouse.replica.path.mkdir()
    add(warehouse, 1)
    for _ in range(3):
        publishing.publish(idle=True)
    assert len(said) == 1 and said[0].startswith("readers don't have what is new, for now: ")
    warehouse.replica.path.rmdir()
    Publishing(warehouse, 3600, said.append).publish(idle=True)
    assert hours() == 1 and len(said) == 1


def test_readers_have_what_a_worker_brought_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_project(
        tmp_path / "project",
        "from workbench.warehouse import connect\n"
        "connect().execute(\"INSERT INTO core.dim_time VALUES (1, 0, 0, 'x')\")",
    )
    monkeypatch.setenv("WORKBENCH_PROJECT", str(folder))
    land(str(sales(tmp_path / "in/transactions/a.csv", 1)), "transactions")
    settings = get_settings()
    Worker(connect_queue(settings.queue), settings, Options(retry=0, settle=0.2)).work(drain=True)
    reader = connect(read_only=True)
    assert isinstance(reader, DuckDBReader)
    assert reader.query("SELECT * FROM core.dim_time").num_rows == 1
    assert reader.as_of is not None and not reader.is_behind

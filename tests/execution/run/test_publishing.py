"""When readers get what a run wrote: once all that it was to write is there, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import RunOptions, run_notebook, run_pipeline
from workbench.warehouse import Warehouse, connect
from workbench.warehouse.duckdb import DuckDBReader

HOURS = "from workbench.warehouse import connect\nconnect().execute('INSERT INTO core.dim_time VALUES (?, 0, 0, ?)', [limit, 'x'])"
NODES = "from workbench.warehouse import connect\nconnect().execute('INSERT INTO core.product_hierarchy VALUES (?, NULL, 1, ?, 0)', [str(limit), 'x'])"
FAIL = "if limit > 90:\n    raise ValueError('too many')"


@pytest.fixture
def two_tables(tmp_path: Path, warehouse: Warehouse) -> Path:
    """A pipeline of two stages that write a table each, and one that writes none; from 91 on the one in the middle fails."""
    folder = tmp_path / "two"
    notebook(folder / "first.ipynb", HOURS)
    notebook(folder / "second.ipynb", f"{FAIL}\n{NODES}", reads=("core.dim_time",))
    notebook(folder / "third.ipynb", "if limit > 80:\n    raise ValueError('no page')")
    return pipeline(
        folder,
        {
            "first": {"reads": ["landing"], "writes": ["core.dim_time"]},
            "second": {"reads": ["core.dim_time"], "writes": ["core.product_hierarchy"]},
            "third": {"reads": ["core.product_hierarchy"], "writes": ["page"]},
        },
    )


def seen() -> tuple[int, int]:
    """Return how many rows of both tables readers see, in the replica."""
    reader = connect(read_only=True)
    counts = reader.counts("core.dim_time", "core.product_hierarchy")
    assert isinstance(reader, DuckDBReader) and reader.as_of is not None
    return counts["core.dim_time"], counts["core.product_hierarchy"]


def test_readers_have_what_a_run_wrote_as_it_returns(two_tables: Path) -> None:
    run = run_pipeline(two_tables, {"limit": 1})
    assert run.state == "succeeded", run.error
    assert seen() == (1, 1)


def test_readers_get_no_half_of_what_a_run_was_to_write(two_tables: Path) -> None:
    run_pipeline(two_tables, {"limit": 1})
    assert run_pipeline(two_tables, {"limit": 91}).state == "failed"
    assert connect().counts("core.dim_time") == {"core.dim_time": 2}
    assert seen() == (1, 1)
    # The next one that comes to its end brings it all.
    assert run_pipeline(two_tables, {"limit": 2}).state == "succeeded"
    assert seen() == (3, 2)


def test_a_page_that_fails_keeps_no_table_from_readers(two_tables: Path) -> None:
    assert run_pipeline(two_tables, {"limit": 81}).state == "failed"
    assert seen() == (1, 1)


@pytest.mark.parametrize(("writes", "found"), [("page", True), ("staging.customer_totals", False)])
def test_readers_need_not_wait_for_stages_that_only_read(two_tables: Path, writes: str, found: bool) -> None:
    look = f"""
import time
from workbench.settings import get_settings
replica, until = get_settings().home / "warehouse_replica.duckdb", time.monotonic() + {60 if found else 2}
while time.monotonic() < until and not replica.exists():
    time.sleep(0.05)
"""
    notebook(two_tables / "third.ipynb", look, last="record(counts={'found': int(replica.exists())})")
    stages = {
        "first": {"reads": ["landing"], "writes": ["core.dim_time"]},
        "second": {"reads": ["core.dim_time"], "writes": ["core.product_hierarchy"]},
        "third": {"reads": ["core.product_hierarchy"], "writes": [writes]},
    }
    pipeline(two_tables, stages)
    run = run_pipeline(two_tables, {"limit": 1})
    assert run.state == "succeeded", run.error
    assert run.stages[2].counts == {"found": found}
    assert seen() == (1, 1)


def test_a_stage_sees_what_those_before_it_wrote(tmp_path: Path, warehouse: Warehouse) -> None:
    look = (
        "from workbench.warehouse import connect\n"
        "rows = connect(read_only=True).counts('core.dim_time')['core.dim_time']"
    )
    folder = tmp_path / "two"
    notebook(folder / "first.ipynb", HOURS)
    notebook(folder / "second.ipynb", look, reads=("core.dim_time",), last="record(counts={'rows': rows})")
    stages = {
        "first": {"reads": ["landing"], "writes": ["core.dim_time"]},
        "second": {"reads": ["core.dim_time"], "writes": ["page"]},
    }
    pipeline(folder, stages)
    for number in (1, 2):
        run = run_pipeline(folder, {"limit": number})
        assert run.state == "succeeded" and run.stages[1].counts == {"rows": number}, run.error


def test_a_notebook_by_itself_lets_readers_have_what_it_wrote(tmp_path: Path, warehouse: Warehouse) -> None:
    path = notebook(tmp_path / "own.ipynb", HOURS)
    assert run_notebook(path).state == "succeeded"
    assert seen() == (1, 0)


def test_a_caller_may_do_it_later(two_tables: Path) -> None:
    asked: list[str] = []
    run_pipeline(two_tables, {"limit": 1}, RunOptions(publish=lambda: asked.append("once")))
    assert asked == ["once"] and connect(read_only=True).counts("core.dim_time") == {"core.dim_time": 1}
    run_pipeline(two_tables, {"limit": 91}, RunOptions(publish=lambda: asked.append("again")))
    assert asked == ["once"]


def test_a_run_says_so_where_readers_cannot_have_it(two_tables: Path, home: Path) -> None:
    (home / "warehouse_replica.duckdb").mkdir()
    run = run_pipeline(two_tables, {"limit": 1})
    assert run.state == "failed" and run.error is not None
    assert run.error.startswith("readers have the tables of before")
    # Their tables are there all the same.
    assert connect().counts("core.dim_time") == {"core.dim_time": 1}

"""A signal ends a wait of the main thread, also where the system gave it to another."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import Stopped, run_pipeline
from workbench.execution.run.signals import raise_on_signals
from workbench.waiting import next_of, result_of
from workbench.warehouse import connect
from workbench.warehouse.duckdb.engine import DuckDBWarehouse


def elsewhere(ready: Callable[[], bool], end: Callable[[], object] = lambda: None) -> None:
    """Give a signal to another thread as soon as all is ready; ``end`` what never hears of it, later."""

    def signalled() -> None:
        while not ready():
            time.sleep(0.02)
        time.sleep(0.3)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        time.sleep(60)
        end()

    threading.Thread(target=signalled, daemon=True).start()


def test_the_wait_for_a_result_ends() -> None:
    work: Future[str] = Future()
    elsewhere(lambda: True, lambda: work.set_result("never"))
    with pytest.raises(Stopped, match="SIGINT"), raise_on_signals():
        result_of(work)


def test_the_wait_for_an_event_ends() -> None:
    events: queue.SimpleQueue[str] = queue.SimpleQueue()
    elsewhere(lambda: True, lambda: events.put("never"))
    with pytest.raises(Stopped, match="SIGINT"), raise_on_signals():
        next_of(events)


def test_a_run_ends(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    notebook(
        folder / "hang.ipynb",
        "Path('hangs').touch()\ntime.sleep(100)",
        imports="import time\nfrom pathlib import Path\nfrom workbench.execution import record",
    )
    elsewhere((folder / "hangs").exists)
    begun = time.monotonic()
    with pytest.raises(Stopped, match="SIGINT") as stopped:
        run_pipeline(pipeline(folder, {"hang": {}}))
    assert stopped.value.run.state == "stopped" and time.monotonic() - begun < 90


def test_a_statement_ends(warehouse: DuckDBWarehouse) -> None:
    begun = time.monotonic()
    elsewhere(lambda: True)
    with pytest.raises(KeyboardInterrupt):
        connect().query("SELECT sum(a.range * b.range) FROM range(10_000_000) a, range(1_000_000) b")
    assert time.monotonic() - begun < 50


def test_what_is_there_already_is_returned_and_what_failed_raised() -> None:
    work: Future[int] = Future()
    work.set_exception(TimeoutError("its own"))
    with pytest.raises(TimeoutError, match="its own"):
        result_of(work)
    events: queue.SimpleQueue[int] = queue.SimpleQueue()
    events.put(7)
    assert next_of(events) == 7

"""Limits of time and memory end a notebook, and show where it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.execution.kernels.conftest import Run
from tests.execution.kernels.outcomes import kept, text_of
from workbench.execution.kernels.jupyter_kernel import KernelProcess


class Leap:
    """A clock that is an hour ahead once something has come true."""

    def __init__(self, has_come: Callable[[], bool]) -> None:
        self._has_come = has_come

    def monotonic(self) -> float:
        return time.monotonic() + 3600 * self._has_come()


@pytest.mark.parametrize("limit", ["timeout", "cell_timeout"])
def test_a_time_out_ends_a_cell_and_shows_where_it_was(
    execute: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, limit: str
) -> None:
    journal = tmp_path / "out" / "a.journal.jsonl"
    leap = Leap(lambda: journal.exists() and "begun" in journal.read_text())
    monkeypatch.setattr("workbench.execution.kernels.supervisor.time", leap)
    # However busy the machine is, it gets to say where it was.
    monkeypatch.setattr("workbench.execution.kernels.supervisor.GRACE", 60.0)
    sleep = "display({'text/plain': 'be' + 'gun'}, raw=True); time.sleep(600)  # here"
    outcome = execute("import time", sleep, kind=kind, **{limit: 600})
    assert outcome.reason == "timeout" and "timeout" in (outcome.error or "")
    assert "KeyboardInterrupt" in text_of(outcome) and "here" in text_of(outcome)
    assert kept(tmp_path).cells[-1].metadata.papermill.status == "pending"


def test_the_start_of_a_kernel_is_no_part_of_its_first_cells_time(
    execute: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    monkeypatch.setattr("workbench.execution.kernels.supervisor.time", Leap(there.exists))
    connect = KernelProcess._connect

    def slowly(process: KernelProcess) -> bool:
        there.touch()
        return connect(process)

    monkeypatch.setattr(KernelProcess, "_connect", slowly)
    assert execute("1 + 1", kind="kernel", cell_timeout=600).error is None


def test_a_cell_that_shuts_its_ears_is_killed_at_its_time_out(execute: Run) -> None:
    deaf = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(600)"
    started = time.monotonic()
    outcome = execute(deaf, cell_timeout=1)
    assert outcome.reason == "timeout" and time.monotonic() - started < 300


def test_memory_beyond_the_limit_ends_it(execute: Run) -> None:
    outcome = execute("hold = []\nwhile True:\n    hold.append(bytearray(1 << 24))", memory=600 << 20)
    assert outcome.reason == "memory" and "MiB of memory, more than its 600" in (outcome.error or "")
    assert outcome.usage["peak_memory"] > 500 << 20

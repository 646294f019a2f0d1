"""Notebooks that are executed as a run does it, in both kinds of process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.execution.notebooks import notebook
from workbench.execution.notebook.notebook import Outcome, prepare
from workbench.execution.run.executor import Executor
from workbench.settings import Settings

Run = Callable[..., Outcome]


@pytest.fixture(params=["fork", "kernel"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both kinds of process."""
    return str(request.param)


@pytest.fixture
def execute(settings: Settings, tmp_path: Path) -> Iterator[Run]:
    """Execute cells in a notebook; afterwards no process of it may be left."""
    executors: list[Executor] = []

    def run(*cells: str, kind: str = "fork", imports: str = "import os, sys", **limits: float) -> Outcome:
        path = notebook(tmp_path / "work" / "a.ipynb", *cells, imports=imports, last="'the end'")
        executor = Executor(settings, "a-run", tmp_path / "out", cold=kind == "kernel")
        executors.append(executor)
        prepared = prepare(path, "a", **limits)  # type: ignore[arg-type]
        return executor.execute(prepared, tmp_path / "out" / "a.ipynb")

    yield run
    for executor in executors:
        executor.close()
    # To be killed takes a moment, and none of what cells leave behind would end by itself in so short a time.
    deadline = time.monotonic() + 60
    while marked := [process.pid for process in psutil.process_iter() if in_folder(process, tmp_path)]:
        assert time.monotonic() < deadline, marked
        time.sleep(0.1)


def in_folder(process: psutil.Process, folder: Path) -> bool:
    try:
        return str(folder) in process.cwd() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False

"""A notebook is kept as it goes, whole at any moment, and what disks do to it is told."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from tests.execution.kernels.conftest import Run
from tests.execution.notebooks import notebook
from workbench.execution.notebook.journal import replay
from workbench.execution.notebook.notebook import prepare
from workbench.execution.run.executor import Executor
from workbench.settings import Settings


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk: run as root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_fills_fails_the_stage_and_says_so(
    settings: Settings, tmp_path: Path, small_disk: Path
) -> None:
    path = notebook(
        tmp_path / "a.ipynb",
        "import os, base64",
        "for i in range(100):\n    print(base64.b64encode(os.urandom(9000)))",
    )
    outcome = Executor(settings, "a-run", small_disk).execute(prepare(path, "a"), small_disk / "a.ipynb")
    assert outcome.error and "No space left on device" in outcome.error
    assert outcome.reason == "error"


def test_an_output_folder_that_can_not_be_written_is_a_clear_failure(
    settings: Settings, tmp_path: Path
) -> None:
    path = notebook(tmp_path / "a.ipynb", "1")
    (tmp_path / "file").touch()
    outcome = Executor(settings, "a-run", tmp_path).execute(prepare(path, "a"), tmp_path / "file" / "a.ipynb")
    assert outcome.error and "can't keep the notebook" in outcome.error


def test_a_notebook_can_be_assembled_from_its_journal(execute: Run, tmp_path: Path) -> None:
    outcome = execute("print('one')", "display({'text/plain': 'x'}, raw=True)", "1 / 0")
    told = replay(tmp_path / "out" / "a.journal.jsonl")
    assert told and told.index is None
    again = told.node
    assert [cell.get("outputs") for cell in again.cells] == [
        cell.get("outputs") for cell in outcome.node.cells
    ]
    assert [cell.get("execution_count") for cell in again.cells] == [
        cell.get("execution_count") for cell in outcome.node.cells
    ]


def test_a_torn_journal_gives_what_was_whole(execute: Run, tmp_path: Path) -> None:
    execute("print('one')", "print('two')")
    path = tmp_path / "out" / "a.journal.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b'"two') + 3])
    told = replay(path)
    assert told and told.node.cells[told.index].source == "print('two')"
    shown = [output["text"] for cell in told.node.cells for output in cell.get("outputs", [])]
    assert shown == ["one\n"]


def test_a_reader_never_sees_half_a_notebook(settings: Settings, tmp_path: Path) -> None:
    big = "import time\nfor _ in range(5):\n    display({'text/plain': 'x' * 3_000_000}, raw=True); time.sleep(0.3)"
    enough = tmp_path / "enough"
    waiting = f"import os\nwhile not os.path.exists({str(enough)!r}): time.sleep(0.01)"
    path = notebook(tmp_path / "a.ipynb", *[big] * 3, waiting)
    output = tmp_path / "out" / "a.ipynb"
    executor = Executor(settings, "a-run", tmp_path / "out")
    worker = threading.Thread(target=lambda: executor.execute(prepare(path, "a"), output))
    worker.start()
    seen = 0
    while worker.is_alive():
        with contextlib.suppress(FileNotFoundError):
            nbformat.reads(output.read_text(), as_version=4)
            seen += 1
        if seen > 5:
            enough.touch()
        time.sleep(0.01)
    assert seen > 5

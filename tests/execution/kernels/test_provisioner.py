"""Kernels forked for any Jupyter client: ordinary ones to it, with their libraries there already."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from tests.kernel_sockets import AsyncSocketKernelManager, SocketKernelManager
from workbench.execution.kernels.fork.client import close_zygotes

FORKED = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]


def specification(folder: Path, python: str = sys.executable, preload: tuple[str, ...] = ("pandas",)) -> None:
    """Write the specification of a kernel called ``forked``."""
    target = folder / "kernels/forked"
    target.mkdir(parents=True)
    content = {
        "argv": [python, *FORKED],
        "display_name": "Forked",
        "language": "python",
        "metadata": {
            "kernel_provisioner": {
                "provisioner_name": "workbench-fork",
                "config": {"preload": list(preload)},
            }
        },
    }
    (target / "kernel.json").write_text(json.dumps(content))


@pytest.fixture(autouse=True)
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A kernel called ``forked``; afterwards none of its processes is left."""
    specification(tmp_path / "jupyter")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    close_zygotes()
    deadline = time.monotonic() + 60
    while left := [
        process.pid
        for process in psutil.Process().children(recursive=True)
        if process.pid not in before and still_runs(process)
    ]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def still_runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def client(*cells: str, folder: Path, **options: Any) -> NotebookClient:
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    resources = {"metadata": {"path": str(folder)}}
    # Else outputs are left out that come seconds later than the answer.
    options = {"iopub_timeout": 120, "kernel_manager_class": AsyncSocketKernelManager} | options
    return NotebookClient(node, kernel_name="forked", resources=resources, **options)


# ipykernel reads descriptors in a thread, for which the end of a cell doesn't wait.
HEARD = """\
import subprocess, sys, time
heard, write = [], sys.stdout.write
sys.stdout.write = lambda text: (write(text), heard.append(text))
_ = subprocess.run(["echo", "from below"])
while not heard:
    time.sleep(0.01)
del sys.stdout.write
"""


def text(cell: Any) -> str:
    return "".join(output.get("text", "") or output["data"]["text/plain"] for output in cell.outputs)


def is_forked(pid: int) -> bool:
    """Whether a process is the child of a zygote."""
    parent = psutil.Process(pid).parent()
    return parent is not None and "workbench.execution.kernels.fork.zygote" in parent.cmdline()


def test_nbclient_runs_a_notebook_in_a_forked_kernel(tmp_path: Path) -> None:
    # ipykernel doesn't watch its descriptors under pytest.
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    node = client(
        "import sys\nprint('pandas' in sys.modules)",
        "import os\nprint(os.getppid(), os.getcwd(), os.environ['MARK'])",
        "import pandas as pd\npd.DataFrame({'a': [1]})",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        HEARD,
        "import asyncio\nawait asyncio.sleep(0.01)\n'awaited'",
        "print(len(In), In[6][:14], Out[6], _ih is In, _oh is Out)",
        folder=tmp_path,
    ).execute(env=env | {"MARK": "here"})
    assert text(node.cells[0]) == "True\n"
    parent, folder, mark = text(node.cells[1]).split()
    assert (folder, mark) == (str(tmp_path), "here")
    assert "workbench.execution.kernels.fork.zygote" in psutil.Process(int(parent)).cmdline()
    assert "text/html" in node.cells[2].outputs[0].data
    assert "image/png" in node.cells[3].outputs[0].data
    assert text(node.cells[4]) == "from below\n"
    assert text(node.cells[5]) == "'awaited'"
    assert [cell.execution_count for cell in node.cells] == [1, 2, 3, 4, 5, 6, 7]
    assert text(node.cells[6]) == "8 import asyncio awaited True True\n"
    assert node.metadata.language_info.name == "python"


def test_an_error_and_a_death_reach_nbclient(tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        client("1 / 0", folder=tmp_path).execute()
    with pytest.raises(DeadKernelError):
        client("import os\nos._exit(3)", folder=tmp_path).execute()


def test_a_cell_is_interrupted_at_its_time_out(tmp_path: Path) -> None:
    running = client("import time\ntime.sleep(600)", "2 + 2", folder=tmp_path)
    running.timeout_func = lambda cell: 3 if "sleep" in cell.source else 120
    running.interrupt_on_timeout, running.allow_errors = True, True
    node = running.execute()
    assert node.cells[0].outputs[0].ename == "KeyboardInterrupt"
    assert text(node.cells[1]) == "4"


@pytest.fixture
def manager() -> Iterator[SocketKernelManager]:
    """A running forked kernel."""
    manager = SocketKernelManager(kernel_name="forked", shutdown_wait_time=60.0)
    manager.start_kernel()
    yield manager
    if manager.has_kernel:
        manager.shutdown_kernel(now=True)


def evaluate(manager: SocketKernelManager, source: str) -> str:
    """Return what a cell prints."""
    connection = manager.client()
    connection.start_channels()
    try:
        connection.wait_for_ready(timeout=120)
        printed: list[str] = []

        def take(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        connection.execute_interactive(source, output_hook=take, timeout=120)
        return "".join(printed)
    finally:
        connection.stop_channels()


def test_a_restart_is_a_new_process_without_the_old_ones_names(manager: SocketKernelManager) -> None:
    first = int(evaluate(manager, "import os\nx = 1\nprint(os.getpid())"))
    assert is_forked(first)
    manager.restart_kernel(now=False)
    second, known = evaluate(manager, "import os\nprint(os.getpid(), 'x' in globals())").split()
    assert is_forked(int(second))
    assert int(second) != first
    assert known == "False"
    assert not psutil.pid_exists(first)


@pytest.mark.parametrize("now", [False, True], ids=["in order", "at once"])
def test_a_shutdown_leaves_nothing_of_it(manager: SocketKernelManager, tmp_path: Path, now: bool) -> None:
    pid = manager.provisioner.pid
    mark = tmp_path / "ended"
    evaluate(manager, f"import atexit, pathlib\n_ = atexit.register(pathlib.Path({str(mark)!r}).touch)")
    assert manager.is_alive()
    manager.shutdown_kernel(now=now)
    assert not psutil.pid_exists(pid)
    assert mark.exists() is not now


def test_signals_reach_it_and_its_status_tells(manager: SocketKernelManager) -> None:
    evaluate(manager, "1")
    process = manager.provisioner.process
    manager.signal_kernel(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert not manager.is_alive()


def test_the_second_kernel_finds_libraries_imported_by_the_first(tmp_path: Path) -> None:
    first, second = (
        client("import os, sys\nprint(os.getppid(), 'pandas' in sys.modules)", folder=tmp_path).execute()
        for _ in range(2)
    )
    assert text(first.cells[0]) == text(second.cells[0])
    assert text(second.cells[0]).endswith(" True\n")


def shown(folder: str) -> str:
    return text(
        client("import os, pandas\nprint(pandas.get_option('display.max_columns'))", folder=Path(folder))
        .execute()
        .cells[0]
    )


def test_forked_workers_have_forked_kernels_of_their_own(tmp_path: Path) -> None:
    # A library that looks for a notebook when it is imported finds one, though that was before the fork.
    assert shown(str(tmp_path)) == "20\n"
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        assert list(pool.map(shown, [str(tmp_path)] * 3, timeout=300)) == ["20\n"] * 3
    assert shown(str(tmp_path)) == "20\n"


def test_another_python_is_started_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    other.chmod(0o755)
    specification(tmp_path / "other", str(other))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "other"))
    node = client("import os\nprint(os.getppid())", folder=tmp_path).execute()
    assert int(text(node.cells[0])) == os.getpid()

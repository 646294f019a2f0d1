"""Programs that fork once they have run notebooks: no child waits for what its parent has, or ends it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from workbench.execution.kernels.fork.client import ZygoteClient

Map = Callable[[Callable[[str], str], Sequence[str]], list[str]]


def by_executor(run: Callable[[str], str], sources: Sequence[str]) -> list[str]:
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        return list(pool.map(run, sources, timeout=300))


def by_pool(run: Callable[[str], str], sources: Sequence[str]) -> list[str]:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map_async(run, sources).get(300)


def write(path: Path, *cells: str) -> str:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    node = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    node.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(node, path)
    return str(path)


def run(source: str) -> str:
    """Execute a notebook; return what it prints."""
    done: Any = papermill.execute_notebook(
        source, source.replace(".ipynb", "-out.ipynb"), engine_name="workbench", progress_bar=False
    )
    assert done.metadata.workbench.process_kind == "fork"
    return "".join(output.get("text", "") for cell in done.cells for output in cell.get("outputs", []))


@pytest.mark.parametrize("mapped", [by_executor, by_pool])
def test_a_pool_of_forked_workers_runs_notebooks_once_its_parent_has(tmp_path: Path, mapped: Map) -> None:
    sources = [write(tmp_path / f"{name}.ipynb", f"print('{name}')") for name in ("one", "two", "three")]
    assert run(sources[0]) == "one\n"
    assert mapped(run, sources) == ["one\n", "two\n", "three\n"]
    assert run(sources[0]) == "one\n"


def test_a_forked_child_that_ends_leaves_its_parents_notebook_running(tmp_path: Path) -> None:
    long = "import pathlib, time\npathlib.Path('begun').touch()\nwhile not pathlib.Path('go').exists(): time.sleep(0.05)"
    write(tmp_path / "long.ipynb", f"{long}\nprint('whole')")
    write(tmp_path / "short.ipynb", "print('short')")
    script = """
        import os, pathlib, sys, threading, time
        from tests.execution.kernels.test_forking import run

        def child(work=None, *more, end=sys.exit):
            if pid := os.fork():
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if work:
                work(*more)
            end(0)

        def short():
            assert run("short.ipynb") == "short\\n"

        assert run("short.ipynb") == "short\\n"
        found = []
        long = threading.Thread(target=lambda: found.append(run("long.ipynb")))
        long.start()
        while not pathlib.Path("begun").exists():
            time.sleep(0.05)
        statuses = [child(), child(short), child(child, short)]
        forking = threading.Thread(target=lambda: statuses.append(child(short, end=os._exit)))
        forking.start()
        forking.join()
        assert long.is_alive()
        pathlib.Path("go").touch()
        long.join()
        short()
        print(found, statuses)
    """
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[-1:] == ["['whole\\n'] [0, 0, 0, 0]"], done.stderr


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[ZygoteClient]:
    """One that finds the modules ``first`` and ``second``: each says that it begins, and ends when it may."""
    for name in ("first", "second"):
        code = f"""
            import pathlib, time
            folder = pathlib.Path(__file__).parent
            (folder / "{name}.begun").touch()
            while not (folder / "{name}.may-end").exists():
                time.sleep(0.02)
        """
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
    zygote = ZygoteClient(os.environ | {"PYTHONPATH": str(tmp_path)})
    yield zygote
    zygote.close()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def test_an_end_is_told_while_a_module_is_imported(tmp_path: Path, zygote: ZygoteClient) -> None:
    process = zygote.fork(os.environ, tmp_path, [], 1)
    assert process is not None
    zygote.preload("another", ["first"])
    wait_for(tmp_path / "first.begun")
    process.kill()
    deadline = time.monotonic() + 300
    while (event := process.next_event(1)) is None or event["event"] != "exit":
        assert time.monotonic() < deadline
    assert event["status"] == -signal.SIGKILL and not (tmp_path / "first.may-end").exists()
    process.close()


def test_it_ends_with_its_supervisor_in_the_midst_of_an_import(tmp_path: Path, zygote: ZygoteClient) -> None:
    zygote.preload("another", ["first"])
    wait_for(tmp_path / "first.begun")
    # As the kernel does it for a supervisor that is killed.
    zygote._control.shutdown(socket.SHUT_RDWR)
    assert zygote._process.wait(300) == 0


def test_a_notebook_is_forked_before_all_is_imported_that_another_will_need(
    tmp_path: Path, zygote: ZygoteClient
) -> None:
    zygote.preload("another", ["first", "second"])
    wait_for(tmp_path / "first.begun")
    with ThreadPoolExecutor(1) as thread:
        forked = thread.submit(zygote.fork, os.environ, tmp_path, [], 1)
        while not wait([forked], 0.2).done and not (tmp_path / "first.may-end").exists():
            (tmp_path / "first.may-end").touch()
        process = forked.result(300)
    assert process is not None
    wait_for(tmp_path / "second.begun")
    process.kill()
    process.close()


def test_what_a_notebook_may_yet_import_is_imported_for_the_next_once_all_is_quiet(tmp_path: Path) -> None:
    zygote = ZygoteClient(os.environ)
    mapped = Path(f"/proc/{zygote.pid}/maps")
    try:
        process = zygote.fork(os.environ, tmp_path, ["yaml"], 1, "a notebook", ["duckdb"])
        assert process is not None
        assert "yaml" in mapped.read_text() and "duckdb" not in mapped.read_text()
        process.kill()
        process.close()
        deadline = time.monotonic() + 300
        while "duckdb" not in mapped.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        zygote.close()

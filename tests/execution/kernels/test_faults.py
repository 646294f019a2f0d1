"""What notebooks do wrong, and what the machine does to them: outcome, notebook and processes agree."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import nbformat
import pytest

from tests.execution.kernels.conftest import Run
from tests.execution.kernels.outcomes import kept, text_of
from tests.execution.notebooks import notebook
from workbench.execution.notebook.notebook import Outcome, prepare
from workbench.execution.run.executor import Executor
from workbench.settings import Settings

DEATHS = {
    "os._exit(3)": "exited with status 3",
    "os._exit(0)": "exited with status 0",
    "os.kill(os.getpid(), 9)": "killed by SIGKILL",
    "import ctypes; ctypes.string_at(0)": "killed by SIGSEGV",
    "os.abort()": "killed by SIGABRT",
}


@pytest.mark.parametrize("source", DEATHS)
def test_a_process_that_dies_is_a_failure_that_says_of_what(
    execute: Run, tmp_path: Path, source: str, kind: str
) -> None:
    outcome = execute("print('before')", source, "print('after')", kind=kind)
    assert (outcome.reason, outcome.process_kind) == ("died", kind)
    assert outcome.error and DEATHS[source] in outcome.error
    node = kept(tmp_path)
    assert node.metadata.workbench.state == "failed" and node.metadata.papermill.exception is True
    failed = [cell for cell in node.cells if cell.metadata.papermill.status == "failed"]
    assert [cell.source for cell in failed] == [source]
    assert failed[0].outputs[-1].output_type == "error" and DEATHS[source] in failed[0].outputs[-1].evalue
    assert "before" in text_of(outcome) and "after" not in text_of(outcome)
    assert node.cells[-1].metadata.papermill.status == "pending"


def test_what_was_printed_just_before_a_crash_is_kept(execute: Run) -> None:
    outcome = execute("print('the last words'); os._exit(1)")
    assert "the last words" in text_of(outcome)


def test_a_crash_in_c_shows_where_python_was(execute: Run) -> None:
    outcome = execute("import ctypes\nctypes.string_at(0)")
    assert "Segmentation fault" in text_of(outcome) and "string_at" in text_of(outcome)


def test_a_recursion_without_end_is_an_error_of_its_cell(execute: Run, kind: str) -> None:
    outcome = execute("def again(): again()", "again()", kind=kind)
    assert outcome.reason == "error" and (outcome.error or "").startswith("RecursionError")


def test_a_cell_is_known_to_be_of_the_main_module(execute: Run) -> None:
    outcome = execute("import inspect\nprint(inspect.getmodule(sys._getframe()).__name__)")
    assert outcome.error is None and "__main__\n" in text_of(outcome)


def test_input_is_refused(execute: Run, kind: str) -> None:
    outcome = execute("input('Name? ')", kind=kind)
    assert outcome.reason == "error" and "does not support input requests" in (outcome.error or "")


@pytest.mark.parametrize(
    ("source", "error"), [
        ("sys.exit(0)", None), ("sys.exit()", None), ("sys.exit(2)", "2"), ("exit()", None),
        ("if True:\n    quit()", None), ("exit(2)", "2"), ("exit(keep_kernel=True)", None),
    ]
)  # fmt: skip
def test_an_exit_ends_the_notebook_as_its_status_says(
    execute: Run, kind: str, source: str, error: str | None
) -> None:
    outcome = execute(source, "print('after')", kind=kind)
    expected = ("error", f"SystemExit: {error}") if error else ("done", None)
    assert (outcome.reason, outcome.error) == expected
    assert "after" not in text_of(outcome)


def test_what_follows_an_exit_in_its_cell_still_runs(execute: Run) -> None:
    outcome = execute("import asyncio\nexit()\nawait asyncio.sleep(0.5)\nprint('still')", "print('after')")
    assert outcome.error is None and "still" in text_of(outcome) and "after" not in text_of(outcome)


def test_processes_and_threads_that_a_cell_leaves_behind_end_with_it(execute: Run, kind: str) -> None:
    # The fixture looks for them.
    outcome = execute(
        "import subprocess, threading, time",
        "subprocess.Popen(['sleep', '600'])",
        "subprocess.Popen(['sleep', '601'], start_new_session=kind_may)".replace(
            "kind_may", str(kind == "fork")
        ),
        "threading.Thread(target=time.sleep, args=(1,)).start()",
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
        kind=kind,
    )
    assert outcome.error is None


def test_a_cell_may_fork(execute: Run) -> None:
    outcome = execute(
        "pid = os.fork()\nif pid == 0:\n    print('from the fork', flush=True)\n    os._exit(0)\n"
        "os.waitpid(pid, 0)\nprint('from the cell')",
        "from multiprocessing import get_context",
        "with get_context('fork').Pool(2) as pool:\n    print(sum(pool.map(abs, range(-5, 5))))",
    )
    assert outcome.error is None, text_of(outcome)
    assert {"from the fork", "from the cell", "25"} <= set(text_of(outcome).splitlines())


def test_what_a_cell_forks_ends_with_the_cell(execute: Run) -> None:
    outcome = execute("pid = os.fork()\nif pid == 0:\n    sys.exit(0)", "os.waitpid(pid, 0)[1]", "'after'")
    assert outcome.error is None, text_of(outcome)
    outputs = [output for cell in outcome.node.cells for output in cell.get("outputs", [])]
    shown = [output.data["text/plain"] for output in outputs if output.output_type == "execute_result"]
    assert shown == ["0", "'after'", "'the end'"]


def test_a_cell_may_replace_the_streams(execute: Run, kind: str) -> None:
    outcome = execute("import io\nsys.stdout = io.StringIO()", "print('unheard')", "1 + 1", kind=kind)
    assert outcome.error is None and "unheard" not in text_of(outcome)
    assert outcome.node.cells[-3].outputs[0].data["text/plain"] == "2"


def test_a_cell_may_close_its_descriptors(execute: Run) -> None:
    outcome = execute("os.closerange(1, 3)", "print('heard all the same')")
    assert "heard all the same" in text_of(outcome)


def test_a_cell_may_delete_its_folder(execute: Run, kind: str) -> None:
    outcome = execute("import shutil\nshutil.rmtree(os.getcwd())", "print('still here')", kind=kind)
    assert "still here" in text_of(outcome)


def test_random_numbers_differ_from_one_forked_notebook_to_the_next(execute: Run) -> None:
    draw = "import random, numpy\nprint(random.random(), numpy.random.rand(), numpy.random.default_rng().random())"
    first, second = (text_of(execute(draw, imports="import numpy")).split() for _ in range(2))
    assert len({*first, *second}) == 6


def test_threads_of_numerical_libraries_work_in_a_forked_notebook(execute: Run) -> None:
    outcome = execute(
        "import numpy",
        "from sklearn.ensemble import HistGradientBoostingRegressor",
        "from sklearn.cluster import KMeans",
        "X = numpy.random.rand(2000, 5)",
        "HistGradientBoostingRegressor(max_iter=5).fit(X, X[:, 0]); KMeans(3, n_init=1).fit(X)",
        "a = numpy.random.rand(400, 400); (a @ a).shape",
        imports="import numpy, sklearn.ensemble, sklearn.cluster, threadpoolctl",
        timeout=600,
    )
    assert outcome.error is None, text_of(outcome)


def test_a_module_that_starts_a_thread_is_left_to_the_notebook(execute: Run, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "restless.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        outcome = execute("print(restless.threading.active_count())", imports="import restless")
    assert outcome.error is None and text_of(outcome).strip() == "2" and outcome.process_kind == "fork"


def test_processes_started_afresh_find_modules_beside_the_notebook(execute: Run, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "beside.py").write_text("def squared(x):\n    return x * x\n")
    outcome = execute(
        "import beside\nwith multiprocessing.get_context('spawn').Pool(1) as pool:\n    print(pool.map(beside.squared, [2, 3]))",
        imports="import multiprocessing",
        cell_timeout=120,
    )
    assert outcome.error is None and text_of(outcome).strip() == "[4, 9]" and outcome.process_kind == "fork"


def test_the_death_of_the_zygote_is_the_death_of_its_notebook(execute: Run) -> None:
    outcome = execute("os.kill(os.getppid(), 9)", "import time; time.sleep(600)")
    assert outcome.reason == "died"
    again = execute("'alive'")
    assert again.error is None and again.process_kind == "fork"


def test_stop_ends_every_notebook_of_the_run_within_seconds(settings: Settings, tmp_path: Path) -> None:
    executor = Executor(settings, "a-run", tmp_path / "out")
    outcomes: list[Outcome] = []

    def one(name: str) -> None:
        path = notebook(
            tmp_path / f"{name}.ipynb", "import time", f"open({str(tmp_path / name)!r}, 'w'); time.sleep(600)"
        )
        outcomes.append(executor.execute(prepare(path, name), tmp_path / "out" / f"{name}.ipynb"))

    threads = [threading.Thread(target=one, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    while not all((tmp_path / name).exists() for name in ("a", "b")):
        assert all(thread.is_alive() for thread in threads), outcomes
        time.sleep(0.02)
    started = time.monotonic()
    executor.stop("SIGTERM")
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < 120
    assert [outcome.reason for outcome in outcomes] == ["stopped", "stopped"]
    assert {outcome.error for outcome in outcomes} == {"Stopped: by SIGTERM"}
    assert nbformat.read(tmp_path / "out" / "a.ipynb", 4).metadata.workbench.state == "stopped"


def test_two_runs_of_one_notebook_at_once_keep_apart(settings: Settings, tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", "import time; time.sleep(0.5)", "print(limit)")
    outcomes: dict[int, Outcome] = {}

    def one(limit: int) -> None:
        executor = Executor(settings, f"run-{limit}", tmp_path / str(limit))
        prepared = prepare(path, "a", {"limit": limit})
        outcomes[limit] = executor.execute(prepared, tmp_path / str(limit) / "a.ipynb")

    threads = [threading.Thread(target=one, args=(limit,)) for limit in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {limit: text_of(outcome).strip() for limit, outcome in outcomes.items()} == {1: "1", 2: "2"}


def test_the_environment_of_a_notebook_is_its_callers(execute: Run) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OF_THIS_TEST", "here")
        outcome = execute(
            "print(os.environ['OF_THIS_TEST'], os.environ['WORKBENCH_STAGE'], os.environ.get('OMP_NUM_THREADS'))"
        )
    assert text_of(outcome).split() == ["here", "a", str(os.environ.get("OMP_NUM_THREADS"))]


def test_one_parent_serves_several_homes_and_each_keeps_its_folder_for_ipython_and_its_store_of_mlflow(
    tmp_path: Path,
) -> None:
    told = []
    for name in ("one", "other"):
        home = tmp_path / name
        startup = home / "ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "own.py").write_text(f"begun = {name!r}\n")
        shell = (
            "shell = get_ipython(); print(begun, os.getppid(), shell.ipython_dir, shell.profile_dir.location);"
            "print(mlflow.get_tracking_uri())"
        )
        path = notebook(tmp_path / "a.ipynb", shell, imports="import os, mlflow", last="1")
        settings = Settings(home=home)
        executor = Executor(settings, "a-run", home / "out")
        told.append(text_of(executor.execute(prepare(path, "a"), home / "out" / "a.ipynb")).split()[-5:])
        assert told[-1] == [name, told[0][1], str(home / "ipython"), str(startup.parent), settings.mlflow_uri]

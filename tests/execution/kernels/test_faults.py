"""What notebooks do wrong, and what the machine does to them: outcome, notebook and processes agree."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from tests.execution.notebooks import notebook
from workbench.execution.notebook.journal import replay
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
    marked = [process for process in psutil.process_iter() if in_folder(process, tmp_path)]
    assert not marked, [process.cmdline() for process in marked]


def in_folder(process: psutil.Process, folder: Path) -> bool:
    try:
        return str(folder) in process.cwd() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def kept(tmp_path: Path) -> nbformat.NotebookNode:
    """The notebook as it was kept, which must be a valid one."""
    node = nbformat.read(tmp_path / "out" / "a.ipynb", as_version=4)
    nbformat.validate(node)
    return node


def text_of(outcome: Outcome) -> str:
    return "".join(
        output.get("text", "") or "\n".join(output.get("traceback", []))
        for cell in outcome.node.cells
        for output in cell.get("outputs", [])
    )


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


@pytest.mark.parametrize("limit", ["timeout", "cell_timeout"])
def test_a_time_out_ends_a_cell_and_shows_where_it_was(
    execute: Run, tmp_path: Path, kind: str, limit: str
) -> None:
    outcome = execute("import time", "time.sleep(600)  # here", kind=kind, **{limit: 3})
    assert outcome.reason == "timeout" and "timeout" in (outcome.error or "")
    assert "KeyboardInterrupt" in text_of(outcome) and "here" in text_of(outcome)
    assert kept(tmp_path).cells[-1].metadata.papermill.status == "pending"


def test_a_cell_that_shuts_its_ears_is_killed_at_its_time_out(execute: Run) -> None:
    deaf = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(600)"
    started = time.monotonic()
    outcome = execute(deaf, cell_timeout=1)
    assert outcome.reason == "timeout" and time.monotonic() - started < 60


def test_memory_beyond_the_limit_ends_it(execute: Run) -> None:
    outcome = execute("hold = []\nwhile True:\n    hold.append(bytearray(1 << 24))", memory=600 << 20)
    assert outcome.reason == "memory" and "MiB of memory, more than its 600" in (outcome.error or "")
    assert outcome.usage["peak_memory"] > 500 << 20


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
    ("source", "error"), [("sys.exit(0)", None), ("sys.exit()", None), ("sys.exit(2)", "2")]
)
def test_sys_exit_ends_the_notebook_as_its_status_says(
    execute: Run, kind: str, source: str, error: str | None
) -> None:
    outcome = execute(source, "print('after')", kind=kind)
    assert outcome.error == (error and f"SystemExit: {error}")
    assert "after" not in text_of(outcome)


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


def test_a_flood_of_prints_is_bounded_with_a_note(execute: Run, tmp_path: Path, kind: str) -> None:
    outcome = execute("for i in range(20_000):\n    print('line', i)", kind=kind)
    lines = text_of(outcome).splitlines()
    assert lines[0] == "line 0" and "line 19999" in lines and len(lines) < 3_000
    assert any("lines left out" in line for line in lines)
    assert (tmp_path / "out" / "a.ipynb").stat().st_size < 200_000


def test_a_progress_bar_is_one_line(execute: Run, kind: str) -> None:
    outcome = execute("from tqdm import tqdm\nfor _ in tqdm(range(300), mininterval=0):\n    pass", kind=kind)
    lines = [line for line in text_of(outcome).splitlines() if line.strip()]
    assert len(lines) == 1 and "300/300" in lines[0]


def test_a_flood_of_displays_is_bounded_with_a_note(execute: Run) -> None:
    outcome = execute("for i in range(5_000):\n    display(i)")
    assert outcome.error is None
    outputs = next(cell.outputs for cell in outcome.node.cells if cell.get("outputs"))
    assert len(outputs) == 1_001 and "4,000 further outputs left out" in outputs[-1].text


LIES = """\
class Lies(Exception):
    def _render_traceback_(self): return {rendered}
raise Lies('enough')"""
DISPLAYED = """\
class Value:
    def {method}(self, **options): {body}
Value()"""
FAILURES = {
    LIES.format(rendered="None"): "Lies: enough",
    LIES.format(rendered="5"): "Lies: enough",
    LIES.format(rendered="[5, None]"): "Lies: enough",
    DISPLAYED.format(method="__repr__", body="raise ValueError('bad repr')"): "ValueError: bad repr",
    DISPLAYED.format(method="_repr_html_", body="raise ValueError('bad html')"): "ValueError: bad html",
    DISPLAYED.format(method="__repr__", body="return None"): "TypeError: __repr__ returned non-string",
    "class E(Exception):\n    def __str__(self): raise RuntimeError('no text')\nraise E": "RuntimeError: no text",
    "class E(BaseException): pass\nraise E('base')": "E: base",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise ExceptionGroup('both', [ValueError(1), TypeError(2)])": "ExceptionGroup: both (2 sub-exceptions)",
    "a = (": "SyntaxError: incomplete input",
    "raise ValueError('caf\\udce9 \\ud800')": "ValueError: caf\ufffd \ufffd",
    "a = []; a.append(a); display({'application/json': a}, raw=True)": "ValueError: Circular reference",
}


@pytest.mark.parametrize("source", FAILURES)
def test_whatever_an_error_is_the_end_and_the_notebook_tell_of_it(
    execute: Run, tmp_path: Path, source: str
) -> None:
    outcome = execute("print('before')", source, "print('after')")
    assert outcome.reason == "error" and (outcome.error or "").startswith(FAILURES[source])
    node = kept(tmp_path)
    assert (node.metadata.workbench.state, node.metadata.workbench.error) == ("failed", outcome.error)
    assert "before" in text_of(outcome) and "after" not in text_of(outcome)
    statuses = {cell.source: cell.metadata.papermill.status for cell in node.cells}
    assert statuses[source] == "failed" and statuses["print('after')"] == "pending"


@pytest.mark.parametrize(
    "source", [LIES.format(rendered="None"), DISPLAYED.format(method="__repr__", body="1/0")]
)
def test_a_fresh_kernel_tells_of_odd_errors_too(execute: Run, source: str) -> None:
    outcome = execute(source, kind="kernel")
    assert outcome.error in ("Lies: enough", "ZeroDivisionError: division by zero")


ODD_OUTPUTS = {
    "print(os.fsdecode(b'caf\\xe9.csv'), '\\ud800', file=sys.stderr)": "caf\ufffd.csv \ufffd",
    "print(os.fsdecode('café.csv'.encode()).encode('utf-8').decode('ascii', 'surrogateescape'))": "café.csv",
    "display({'text/html': '<b>\\udce9</b>', 'text/plain': 5, 'image/png': b'x'}, raw=True)": "<b>\ufffd</b>",
    "display({'application/json': {'a': float('nan'), 'b': 10 ** 400}}, raw=True)": '"nan"',
    "a = []\nfor _ in range(400): a = [a]\ndisplay({'application/json': a}, raw=True)": "nested too deeply",
    "display({5: 'five', None: 'none', 'text/plain': 'plain'}, raw=True)": "five",
    "display({'text/plain': 'x'}, metadata={'text/plain': {5: b'x', 'n': float('inf')}}, raw=True)": '"inf"',
    "from workbench.execution.notebook.recording import MIME\n"
    "display({MIME: {'counts': 5, 'tables': {'a': 'x', 'b': 7}, 'mlflow_run_ids': 1}}, raw=True)": '"b": 7',
}


@pytest.mark.parametrize("source", ODD_OUTPUTS)
def test_whatever_a_cell_shows_is_kept_in_a_valid_notebook(execute: Run, tmp_path: Path, source: str) -> None:
    outcome = execute(source, "print('after')")
    assert outcome.error is None, outcome.error
    assert ODD_OUTPUTS[source] in json.dumps(kept(tmp_path).cells, ensure_ascii=False)
    assert "after" in text_of(outcome)
    for line in (tmp_path / "out" / "a.journal.jsonl").read_bytes().splitlines():
        json.loads(line)


CAPTURE = """
import comm, sys
class Capture:
    def __init__(self):
        state = {"_model_name": "OutputModel", "_model_module": "@jupyter-widgets/output", "outputs": []}
        self.comm = comm.create_comm("jupyter.widget", {"state": state, "buffer_paths": [["icon"]]}, buffers=[b"x"])
        self.comm.on_msg(self.take)
    def take(self, message):
        self.outputs = message["content"]["data"]["state"]["outputs"]
        print("heard by nobody")
    def send(self, **state):
        sys.stdout.flush()
        self.comm.send({"method": "update", "state": state, "buffer_paths": []})
    def __enter__(self):
        self.send(msg_id=get_ipython().kernel.get_parent()["header"]["msg_id"])
    def __exit__(self, kind, error, where):
        if kind:
            get_ipython().showtraceback((kind, error, where), tb_offset=0)
        self.send(msg_id="")
        return True
out, inner = Capture(), Capture()
"""


def test_a_widget_captures_outputs_and_the_cell_keeps_its_own(
    execute: Run, tmp_path: Path, kind: str
) -> None:
    def short(outputs: list[Any]) -> list[Any]:
        return [
            each.get("text") or each.get("ename") or each["data"]["text/plain"]
            for each in outputs
        ]  # fmt: skip

    outcome = execute(
        CAPTURE,
        "print('before')\nwith out:\n    print('in it')\n    display(1)\n    with inner:\n        print('deeper')\n"
        "    print('in it again')\nprint('after')",
        "[each.get('text') for each in out.outputs], inner.outputs[0]['text']",
        "from IPython.display import clear_output\nprint('stays')\nwith out:\n    clear_output(wait=True)\n"
        "    print('alone')\n    1 / 0\nprint('goes on')",
        "with inner:\n    clear_output()",
        "[each.get('ename') for each in out.outputs], inner.outputs",
        kind=kind,
    )
    assert outcome.error is None, outcome.error
    shown = [short(cell.outputs) for cell in outcome.node.cells if cell.get("outputs")]
    assert shown == [
        ["before\nafter\n"], ["(['in it\\n', None, 'in it again\\n'], 'deeper\\n')"], ["stays\ngoes on\n"],
        ["([None, 'ZeroDivisionError'], [])"], ["'the end'"],
    ]  # fmt: skip
    models = list(kept(tmp_path).metadata.widgets["application/vnd.jupyter.widget-state+json"].state.values())
    assert sorted(short(model.state.outputs) for model in models) == [[], ["alone\n", "ZeroDivisionError"]]
    assert [model.buffers[0] for model in models] == [
        {"data": "eA==", "encoding": "base64", "path": ["icon"]}
    ] * 2


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
        timeout=60,
    )
    assert outcome.error is None, text_of(outcome)


def test_a_module_that_starts_a_thread_is_left_to_the_notebook(execute: Run, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "restless.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        outcome = execute("print(restless.threading.active_count())", imports="import restless")
    assert outcome.error is None and text_of(outcome).strip() == "2" and outcome.process_kind == "fork"


def test_the_death_of_the_zygote_is_the_death_of_its_notebook(execute: Run) -> None:
    outcome = execute("os.kill(os.getppid(), 9)", "import time; time.sleep(60)")
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
        time.sleep(0.02)
    started = time.monotonic()
    executor.stop("SIGTERM")
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < 5
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
    path = notebook(tmp_path / "a.ipynb", *[big] * 3)
    output = tmp_path / "out" / "a.ipynb"
    executor = Executor(settings, "a-run", tmp_path / "out")
    worker = threading.Thread(target=lambda: executor.execute(prepare(path, "a"), output))
    worker.start()
    seen = 0
    while worker.is_alive():
        with contextlib.suppress(FileNotFoundError):
            nbformat.reads(output.read_text(), as_version=4)
            seen += 1
        time.sleep(0.01)
    assert seen > 5


def test_the_environment_of_a_notebook_is_its_callers(execute: Run) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OF_THIS_TEST", "here")
        outcome = execute(
            "print(os.environ['OF_THIS_TEST'], os.environ['WORKBENCH_STAGE'], os.environ.get('OMP_NUM_THREADS'))"
        )
    assert text_of(outcome).split() == ["here", "a", str(os.environ.get("OMP_NUM_THREADS"))]


def test_one_parent_serves_several_homes_and_each_keeps_its_folder_for_ipython(tmp_path: Path) -> None:
    told = []
    for name in ("one", "other"):
        home = tmp_path / name
        startup = home / "ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "own.py").write_text(f"begun = {name!r}\n")
        shell = (
            "shell = get_ipython(); print(begun, os.getppid(), shell.ipython_dir, shell.profile_dir.location)"
        )
        path = notebook(tmp_path / "a.ipynb", shell, imports="import os", last="1")
        executor = Executor(Settings(home=home), "a-run", home / "out")
        told.append(text_of(executor.execute(prepare(path, "a"), home / "out" / "a.ipynb")).split())
        assert told[-1] == [name, told[0][1], str(home / "ipython"), str(startup.parent)]


def test_a_value_revealed_in_passing_is_nowhere_in_what_is_kept(execute: Run, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_TOKEN", "hunter2-and-more")
        outcome = execute(
            "value = Secret('env:SHOP_TOKEN').reveal()\nprint(value)",
            "for letter in value:\n    print(letter, end='', flush=True)",
            "base64.b64encode(b'user:' + value.encode())",
            "raise ValueError(value)",
            imports="import base64\nfrom workbench.execution import Secret",
        )
    assert outcome.error == "ValueError: [redacted]"
    kept_bytes = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert (
        b"hunter2" not in kept_bytes and b"aHVudGVyMi" not in kept_bytes and b"h1bnRlcjIt" not in kept_bytes
    )
    assert kept_bytes.count(b"[redacted]") >= 6

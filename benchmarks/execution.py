"""What executing notebooks costs over the work in them: ratios to peers, all measured in this run.

Eight stages (pandas, DuckDB, scikit-learn, MLflow, matplotlib; with --light eight that only import these and do a little)
are run as scripts in one process, which is the limit; as a script each; by papermill's program and by its API; by
ploomber-engine if a Python with it is given; and by ours, from a cold start and in a process that has run before. Each way runs in fresh processes, in turn; figures are medians.
Processor seconds are user's and system's, of all processes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stages import LIGHT, STAGES, write_map, write_notebook, write_stages

BIN = Path(sys.executable).parent
HERE = Path(__file__).resolve()


def measured(command: list[str], folder: Path) -> tuple[float, float]:
    """Run a command; return its wall and processor seconds, those of its children included."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def inside(task: str, folder: Path) -> dict[str, float]:
    """Run one of the tasks below in a process of its own; return what it measured."""
    command = [sys.executable, str(HERE), "--task", task, "--folder", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{task} failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def each(names: list[str], command: Callable[[str], list[str]], folder: Path) -> tuple[float, float]:
    """Run a command for each stage; return the seconds of all."""
    parts = [measured(command(name), folder) for name in names]
    return sum(wall for wall, _ in parts), sum(cpu for _, cpu in parts)


def pipeline_ways(
    names: list[str], folder: Path, ploomber: Path | None
) -> dict[str, Callable[[], tuple[float, float]]]:
    """Return the ways to run the eight stages, by name."""
    papermill, workbench = str(BIN / "papermill"), str(BIN / "workbench")
    loop = "import glob,papermill\nfor name in {names}:\n    papermill.execute_notebook(name+'.ipynb','o.ipynb',progress_bar=False)"
    other = "import ploomber_engine\nfor name in {names}:\n    ploomber_engine.execute_notebook(name+'.ipynb','o.ipynb',progress_bar=False)"
    ways: dict[str, Callable[[], tuple[float, float]]] = {
        "scripts in one process": lambda: measured([sys.executable, "all.py"], folder),
        "a script each": lambda: each(names, lambda name: [sys.executable, f"{name}.py"], folder),
        "papermill's program": lambda: each(
            names, lambda name: [papermill, f"{name}.ipynb", "o.ipynb", "--no-progress-bar"], folder
        ),
        "papermill's API": lambda: measured([sys.executable, "-c", loop.format(names=names)], folder),
        "workbench, cold": lambda: measured([workbench, "run", str(folder), "--force"], folder),
    }
    if ploomber:
        ways["ploomber-engine"] = lambda: measured([str(ploomber), "-c", other.format(names=names)], folder)

    def resident() -> tuple[float, float]:
        figures = inside("resident", folder)
        return figures["wall"], figures["cpu"]

    ways["workbench, resident"] = resident
    return ways


def processor_seconds() -> float:
    """Return what this process, those below it and those that have ended have taken."""
    import psutil

    own = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in (own, *own.children(recursive=True)))


def task_resident(folder: Path) -> dict[str, float]:
    """Run the pipeline twice in this process; the second time counts, and what its records take is told."""
    from workbench.execution import RunOptions, run_pipeline
    from workbench.execution.notebook import journal
    from workbench.execution.run import conductor
    from workbench.execution.run import finish as closing

    spent = [0.0]
    run_pipeline(folder, options=RunOptions(force=True))
    for owner, name in (
        (journal.Journal, "__init__"), (journal.Journal, "write"), (journal.Journal, "end"),
        (conductor, "save"), (closing, "save"), (closing, "write_run"),
    ):  # fmt: skip
        timed(owner, name, spent)
    before, started = processor_seconds(), time.perf_counter()
    run = run_pipeline(folder, options=RunOptions(force=True))
    wall = time.perf_counter() - started
    assert run.state == "succeeded", run.error
    return {"wall": wall, "cpu": processor_seconds() - before, "records": spent[0]}


def timed(owner: object, name: str, spent: list[float]) -> None:
    """Have the time that a function takes added to ``spent``."""
    original = getattr(owner, name)

    def call(*args: object, **kwargs: object) -> object:
        started, before = time.perf_counter(), spent[0]
        try:
            return original(*args, **kwargs)
        finally:
            # What it called and is timed too is in its own time.
            spent[0] = before + time.perf_counter() - started

    setattr(owner, name, call)


def task_small(folder: Path) -> dict[str, float]:
    """Run an empty notebook, and one of 101 small cells, by ours and by papermill's API."""
    import papermill

    from workbench.execution import run_notebook

    write_notebook(folder / "empty.ipynb", [])
    write_notebook(folder / "tiny.ipynb", [f"x{index} = {index}\nprint(x{index})" for index in range(101)])
    run_notebook(folder / "empty.ipynb")
    figures = {}
    for name in ("empty", "tiny"):
        figures[f"{name}, workbench"] = median(lambda name=name: run_notebook(folder / f"{name}.ipynb"))
        figures[f"{name}, papermill"] = median(
            lambda name=name: papermill.execute_notebook(
                folder / f"{name}.ipynb", folder / "o.ipynb", progress_bar=False
            ),
            3,
        )
        figures[f"{name}, papermill with our engine"] = median(
            lambda name=name: papermill.execute_notebook(
                folder / f"{name}.ipynb", folder / "o.ipynb", progress_bar=False, engine_name="workbench"
            )
        )
    return figures


def task_parallel(folder: Path) -> dict[str, float]:
    """Run two stages of one second's work that don't need each other, side by side and in turn."""
    from workbench.execution import RunOptions, run_pipeline

    work = ["total = 0\nfor i in range(14_000_000):\n    total += i\nprint(total)"]
    figures = {}
    for name, reads in (("side by side", "landing"), ("in turn", "bench:one")):
        place = folder / name.replace(" ", "_")
        place.mkdir(exist_ok=True)
        write_notebook(place / "one.ipynb", work)
        write_notebook(place / "two.ipynb", work, reads=reads)
        one = {"notebook": "one.ipynb", "reads": ["landing"], "writes": ["bench:one"]}
        write_map(
            place, {"one": one, "two": {"notebook": "two.ipynb", "reads": [reads], "writes": ["bench:two"]}}
        )
        run_pipeline(place, options=RunOptions(force=True))
        figures[name] = median(lambda place=place: run_pipeline(place, options=RunOptions(force=True)), 3)
    return figures


def task_kernel(folder: Path) -> dict[str, float]:
    """Start kernels that import pandas and scikit-learn in their first cell: plain ones, and forked ones."""
    import nbformat
    from nbclient import NotebookClient

    share = folder / "jupyter"
    os.environ["JUPYTER_PATH"] = str(share)
    facts = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "language": "python",
    }
    config = {"preload": ["pandas", "sklearn.ensemble"]}
    provisioner = {"kernel_provisioner": {"provisioner_name": "workbench-fork", "config": config}}
    for name, metadata in (("plain", {}), ("forked", provisioner)):
        (share / "kernels" / name).mkdir(parents=True, exist_ok=True)
        text = json.dumps({**facts, "display_name": name, "metadata": metadata})
        (share / "kernels" / name / "kernel.json").write_text(text)

    def execute(name: str) -> None:
        cell = nbformat.v4.new_code_cell("import pandas, sklearn.ensemble")
        NotebookClient(nbformat.v4.new_notebook(cells=[cell]), kernel_name=name).execute()

    execute("forked")
    return {f"{name} kernel": median(lambda name=name: execute(name)) for name in ("plain", "forked")}


def median(call: Callable[[], object], times: int = 5) -> float:
    """Return the median of the seconds that calls take; what they print is swallowed."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


TASKS = {"resident": task_resident, "small": task_small, "parallel": task_parallel, "kernel": task_kernel}


def compare(
    names: list[str], folder: Path, repeat: int, ploomber: Path | None
) -> dict[str, dict[str, float]]:
    """Run every way in turn, ``repeat`` times; return the medians with their ratios to the limit."""
    ways = pipeline_ways(names, folder, ploomber)
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(repeat):
        for name, way in ways.items():
            seen[name].append(way())
    figures = {
        name: {
            "wall": statistics.median(wall for wall, _ in pairs),
            "cpu": statistics.median(cpu for _, cpu in pairs),
        }
        for name, pairs in seen.items()
    }
    limit = figures["scripts in one process"]
    for values in figures.values():
        values |= {f"{kind} to limit": values[kind] / limit[kind] for kind in ("wall", "cpu")}
    return figures


@contextlib.contextmanager
def home(stages: dict[str, list[str]]) -> Iterator[Path]:
    """A folder with the stages, and a home for the runs; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    os.environ |= {
        "WORKBENCH_HOME": str(folder / "home"),
        "MPLBACKEND": "agg",
        "PLOOMBER_STATS_ENABLED": "false",
        "MLFLOW_TRACKING_URI": "",
    }
    try:
        (folder / "stages").mkdir()
        (folder / "work").mkdir()
        write_stages(folder / "stages", folder / "work", stages)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--light", action="store_true", help="eight stages that import much and do little")
    parser.add_argument(
        "--ploomber", type=Path, help="a Python that has ploomber-engine and the stages' libraries"
    )
    parser.add_argument("--out", type=Path, help="also write the figures here")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        with contextlib.redirect_stdout(io.StringIO()):
            figures = TASKS[options.task](options.folder)
        print(json.dumps(figures))
        return
    chosen = LIGHT if options.light else STAGES
    with home(chosen) as folder:
        stages = folder / "stages"
        # The tables of MLflow and the files of bytecode are made once.
        measured([sys.executable, "all.py"], stages)
        ways = compare(list(chosen), stages, options.repeat, options.ploomber)
        print(f"{'eight stages':26}{'wall s':>9}{'cpu s':>9}{'x limit':>9}{'cpu x':>9}")
        for name, values in ways.items():
            print(f"{name:26}" + "".join(f"{value:9.2f}" for value in values.values()))
        resident = inside("resident", stages)
        more = {
            "share of journal and records": resident["records"] / resident["wall"],
            **inside("small", folder),
            **inside("parallel", folder),
            **inside("kernel", folder),
        }
        for words in (["--help"], ["runs"]):
            command = [str(BIN / "workbench"), *words]
            more[f"workbench {words[0]}"] = statistics.median(measured(command, folder)[0] for _ in range(5))
        for name, value in more.items():
            print(f"{name:40}{value:8.3f}")
        if options.out:
            options.out.write_text(json.dumps({"ways": ways, **more}, indent=2) + "\n")


if __name__ == "__main__":
    main()

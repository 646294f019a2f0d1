"""What many past runs cost the next one: a small run, the list and the index after 100 runs and after 10,000."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stages import write_map, write_notebook

from workbench.execution import run_pipeline
from workbench.execution.housekeeping.retention import prune
from workbench.execution.records.store import list_open, list_runs, read_run
from workbench.execution.reports.pages import write_index
from workbench.settings import Settings, get_settings
from workbench.warehouse import connect

FEW, MANY = 100, 10_000
STAGES = ("one", "two", "three", "four")


def pipeline(folder: Path) -> Path:
    """Write a pipeline of four small stages, the first of which always runs."""
    folder.mkdir()
    described: dict[str, dict[str, object]] = {}
    for name, before in zip(STAGES, ("landing", *STAGES), strict=False):
        write_notebook(folder / f"{name}.ipynb", ["1 + 1"], reads=before)
        described[name] = {"notebook": f"{name}.ipynb", "reads": [before], "writes": [f"bench:{name}"]}
    described["one"]["skip"] = "never"
    write_map(folder, described)
    return folder


def multiply(settings: Settings, count: int) -> None:
    """Have a run as many times, each a minute before the last, in the folder of runs and in the warehouse."""
    run = read_run("latest", settings)
    record = (settings.runs / run.run_id / "run.json").read_text()
    for number in range(1, count):
        moment = datetime.now(UTC) - timedelta(minutes=number)
        name = f"{moment:%Y%m%dT%H%M%SZ}-{number:06x}"
        (settings.runs / name).mkdir()
        (settings.runs / name / "run.json").write_text(record.replace(run.run_id, name))
    names = list(connect().query("SELECT * FROM ops.runs LIMIT 0").column_names)
    other = ", ".join(
        {
            "run_id": "replace(run_id, ?, ? || n)", "parent_run_id": "replace(parent_run_id, ?, ? || n)",
            "started_at": "started_at - n * INTERVAL 1 MINUTE", "finished_at": "finished_at - n * INTERVAL 1 MINUTE",
        }.get(name, f'"{name}"')
        for name in names
    )  # fmt: skip
    connect().execute(
        f"INSERT INTO ops.runs SELECT {other} FROM ops.runs, range(1, {count}) AS several(n) "
        "WHERE run_id = ? OR parent_run_id = ?",
        [run.run_id, "past-", run.run_id, "past-", run.run_id, run.run_id],
    )


def seconds(work: Callable[[], object], times: int = 5) -> float:
    """Return the median seconds of some work."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def measure(count: int) -> dict[str, float]:
    """Return the seconds of each thing after so many runs, in a home of their own."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["WORKBENCH_HOME"] = home
        settings = get_settings()
        folder = pipeline(Path(home) / "bench")
        run_pipeline(folder)
        multiply(settings, count)
        return {
            "run": seconds(lambda: run_pipeline(folder)),
            "list": seconds(lambda: (list_open(settings), list_runs(settings, 20))),
            "index": seconds(lambda: write_index(settings)),
            "prune": seconds(lambda: prune(settings), 1),
        }


def main() -> None:
    """Measure, and print as JSON."""
    few, many = measure(FEW), measure(MANY)
    ratios = {name: round(many[name] / few[name], 2) for name in few}
    print(json.dumps({"after": [FEW, MANY], "seconds": [few, many], "ratio": ratios}, indent=2))


if __name__ == "__main__":
    main()

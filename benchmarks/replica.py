"""What it costs to let readers have what a run wrote: the processor time of it, beside that of the run.

A warehouse of so many lines is made and run, then files of some lines each. Seconds are of this process and of all that
it started; publishing is asked for afterwards, so that it is measured by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from arrivals import ROOT, write_sales

from workbench.demo.generated.generate import generate
from workbench.execution import RunOptions, run_pipeline
from workbench.schema import DATASETS
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.warehouse import connect
from workbench.warehouse.duckdb.replica import Replica


def processor() -> float:
    """Return the processor seconds so far, of this process and of all that it has started."""
    found = sum(os.times()[:4])
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            found += sum(process.cpu_times()[:4])
    return found


def measured(work: Any) -> tuple[float, float]:
    """Return processor and wall seconds of some work."""
    used, began = processor(), time.perf_counter()
    work()
    return processor() - used, time.perf_counter() - began


def measure() -> dict[str, Any]:
    """Run, then publish; return the seconds of both and what part the latter is."""

    def run() -> None:
        done = run_pipeline("retail_etl", options=RunOptions(publish=lambda: None))
        assert done.state == "succeeded", done.error

    of_run, _ = measured(run)
    of_publishing, wall = measured(connect().publish)
    return {
        "run_processor_seconds": round(of_run, 2),
        "publishing_processor_seconds": round(of_publishing, 2),
        "publishing_wall_seconds": round(wall, 2),
        "share_percent": round(100 * of_publishing / of_run, 1),
    }


def main() -> None:
    """Print the costs as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--files", type=int, default=3, help="small runs after the first")
    parser.add_argument("--lines", type=int, default=20, help="lines of each file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workbench-replica-") as folder:
        os.environ |= {"WORKBENCH_HOME": f"{folder}/home", "WORKBENCH_PROJECT": str(ROOT)}
        connect(create=True)
        generate(Path(folder) / "feed", given.rows)
        for each in sorted((Path(folder) / "feed").iterdir()):
            if each.name in DATASETS:
                land(str(each), each.name)
        found: dict[str, Any] = {"first": measure()}
        for number in range(given.files):
            name = f"small-{number}"
            write_sales(get_settings().landing / "transactions" / f"{name}.csv", name, given.lines)
            found[name] = measure()
        replica = Replica(get_settings().home / "warehouse.duckdb")
        replica.mark()
        found["nothing_to_publish_processor_seconds"] = round(measured(connect().publish)[0], 2)
        found["megabytes"] = {
            "warehouse": round((get_settings().home / "warehouse.duckdb").stat().st_size / 1e6),
            "replica": round(replica.path.stat().st_size / 1e6),
        }
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

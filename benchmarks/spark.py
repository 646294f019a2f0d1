"""What a large file costs, judged whole by DuckDB and in parts by Spark: wall and processor seconds of each.

Generated transactions (CSV, 1 % bad) are ingested into an empty warehouse, once either way, by processes of their own, so
that Java and Spark's workers are counted.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
_SET_CHILD_SUBREAPER = 36
_LOOK = 0.1
INGEST = """
import json
from workbench.etl.ingest import ingest
from workbench.warehouse import connect
print(json.dumps(ingest(connect(create=True)).counts))
"""


class Used(threading.Thread):
    """Looks at all processes below this one, and has the processor seconds of each as last seen.

    What the system adds up for a parent lacks Spark's workers: whoever is to wait for them ignores that they end.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._seen: dict[tuple[int, float], float] = {}
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until it is enough."""
        here = psutil.Process()
        while not self._ended.wait(_LOOK):
            for process in here.children(recursive=True):
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    self._seen[process.pid, process.create_time()] = times.user + times.system

    def seconds(self) -> float:
        """Stop looking, and return the sum."""
        self._ended.set()
        self.join()
        return sum(self._seen.values())


def ingested(home: Path, landing: Path, least: int) -> dict[str, float]:
    """Ingest what landed into a new warehouse; Spark takes files from so many megabytes on, 0 for none."""
    variables = {
        "WORKBENCH_HOME": str(home),
        "WORKBENCH_LANDING_URI": str(landing),
        "WORKBENCH_LANDING_LOOK": "0",
        "WORKBENCH_SPARK_FROM": str(least),
        "WORKBENCH_SPARK_PROGRAM": str(ROOT / ".venv-spark/bin/python"),
    }
    os.sync()
    began, used = time.perf_counter(), Used()
    used.start()
    done = subprocess.run(
        [sys.executable, "-c", INGEST], env=os.environ | variables, check=True, capture_output=True, text=True
    )
    with suppress(ChildProcessError):
        while True:
            os.wait()
    found = {"seconds": round(time.perf_counter() - began, 1), "cpu_seconds": round(used.seconds(), 1)}
    return found | json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Generate, measure both, print JSON."""
    # Java and Spark's workers outlive who started them, and would be counted by nobody.
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 3_000_000, 10_000_000])
    figures = []
    for rows in parser.parse_args().rows:
        with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
            folder = Path(name)
            from workbench.demo.generated.generate import generate

            generate(folder / "landing", rows)
            for left in (folder / "landing").iterdir():
                if left.name != "transactions":
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
            (path,) = (folder / "landing/transactions").glob("*.csv")
            duckdb = ingested(folder / "duckdb", folder / "landing", 0)
            spark = ingested(folder / "spark", folder / "landing", 1)
            counts = {
                name: duckdb.pop(name) == spark.pop(name) for name in list(duckdb) if "seconds" not in name
            }
            figures.append(
                {
                    "rows": rows,
                    "megabytes": round(path.stat().st_size / 1e6),
                    "duckdb": duckdb,
                    "spark": spark,
                    "cpu_ratio": round(spark["cpu_seconds"] / duckdb["cpu_seconds"], 2),
                    "same_counts": all(counts.values()),
                }
            )
        print(json.dumps(figures[-1]), flush=True)


if __name__ == "__main__":
    main()

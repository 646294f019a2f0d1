"""What a large file costs, judged whole by DuckDB and in parts by Spark: wall and processor seconds of each.

Generated transactions (CSV, 1 % bad) are ingested into an empty warehouse, once either way, by processes of their own, so
that Java and Spark's workers are counted.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_SET_CHILD_SUBREAPER = 36
INGEST = """
import json
from workbench.etl.ingest import ingest
from workbench.warehouse import connect
print(json.dumps(ingest(connect(create=True)).counts))
"""


def children() -> float:
    """Return the processor seconds of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
    began, used = time.perf_counter(), children()
    done = subprocess.run(
        [sys.executable, "-c", INGEST], env=os.environ | variables, check=True, capture_output=True, text=True
    )
    with suppress(ChildProcessError):
        while True:
            os.wait()
    found = {"seconds": round(time.perf_counter() - began, 1), "cpu_seconds": round(children() - used, 1)}
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
            from workbench.demo.generate import generate

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

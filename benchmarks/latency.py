"""How long it takes from a file that is closed to its row in marts.retail_sales, with the worker on one machine.

A thousand small files at once, then five a second for a minute; with --data onto what `workbench generate` wrote. The
queue and the warehouse are files, notebooks are forked. A file is visible when the stage ``marts`` that read its batch has ended; the ledger and ``ops.runs`` say when.
Processor seconds are of all processes that work for the worker.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from arrivals import ROOT, write_sales

from workbench.settings import get_settings
from workbench.warehouse import connect

_SEEN = """
SELECT t.transaction_id, min(m.finished_at) AS seen
FROM raw.transactions t JOIN ops.batches b ON b.batch_id = t._batch_id
JOIN ops.runs m ON m.stage = 'marts' AND m.state = 'succeeded' AND m.started_at >= b.ingested_at
WHERE t.transaction_id LIKE ? GROUP BY t.transaction_id
"""


def processor_seconds(home: Path) -> float:
    """Return the seconds of all processes of a home, and of those of their children that have ended."""
    total = 0.0
    for process in psutil.process_iter():
        try:
            if process.environ().get("WORKBENCH_HOME") == str(home):
                total += sum(process.cpu_times()[:4])
        except psutil.Error:
            continue
    return total


def seen(mark: str) -> dict[str, float]:
    """Return when each transaction of a phase could be seen, seconds since 1970."""
    rows = connect().query(_SEEN, [f"{mark}-%"]).to_pylist()
    return {
        row["transaction_id"].rsplit("-", 1)[0]: row["seen"].replace(tzinfo=UTC).timestamp() for row in rows
    }


def phase(mark: str, count: int, rate: float | None, home: Path) -> dict[str, Any]:
    """Land files, at once or so many a second; wait until all can be seen, and say how long that took."""
    folder = get_settings().landing / "transactions"
    folder.mkdir(parents=True, exist_ok=True)
    closed: dict[str, float] = {}
    before, begun = processor_seconds(home), time.time()
    for number in range(count):
        if rate:
            time.sleep(max(0.0, begun + number / rate - time.time()))
        name = f"{mark}-{number}"
        write_sales(folder / f"{name}.csv", name)
        closed[name] = time.time()
    deadline = time.monotonic() + 300
    while len(found := seen(mark)) < count:
        if time.monotonic() > deadline:
            sys.exit(f"{mark}: {len(found)} of {count} files can be seen after five minutes")
        time.sleep(5)
    used = processor_seconds(home) - before
    latencies = sorted(found[name] - at for name, at in closed.items())
    cuts = statistics.quantiles(
        [*latencies, *latencies[:1]] if count == 1 else latencies, n=100, method="inclusive"
    )
    return {
        "files": count,
        "files_per_second": round(count / (max(found.values()) - begun), 1),
        "p50": round(cuts[49], 2),
        "p95": round(cuts[94], 2),
        "p99": round(cuts[98], 2),
        "processor_seconds_per_file": round(used / count, 3),
    }


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--burst", type=int, default=1000, help="files at once")
    parser.add_argument("--rate", type=float, default=5, help="files a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--data", type=Path, help="a folder that `workbench generate` filled, to be loaded first"
    )
    parser.add_argument("--settle", type=float, default=0.3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workbench-latency-") as scratch:
        home = Path(scratch) / "home"
        os.environ |= {"WORKBENCH_HOME": str(home), "PYTHONPATH": str(ROOT)}
        connect(create=True)
        if given.data:
            program = [sys.executable, "-m", "workbench.cli"]
            subprocess.run([*program, "load", f"{given.data}/*/*.csv"], check=True, stdout=subprocess.DEVNULL)
            subprocess.run([*program, "run", "retail_etl"], check=True, stdout=subprocess.DEVNULL)
        command = [
            sys.executable,
            "-m",
            "workbench.cli",
            "worker",
            "--settle",
            str(given.settle),
            "--batch",
            "1000",
        ]
        with (Path(scratch) / "worker.log").open("wb") as log:
            worker = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            found = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "processors": os.cpu_count()}
            # Zygotes are warm then, as they are in a worker that has run for a while.
            found["first"] = phase("first", 1, None, home)  # type: ignore[assignment]
            found["at_once"] = phase("burst", given.burst, None, home)  # type: ignore[assignment]
            found["steady"] = phase("steady", round(given.rate * given.seconds), given.rate, home)  # type: ignore[assignment]
            rows = connect().query(
                "SELECT stage, state, count(*) AS n, round(avg(seconds), 2) AS seconds FROM ops.runs "
                "WHERE stage IS NOT NULL AND pipeline = 'retail_etl' GROUP BY ALL ORDER BY ALL"
            )
            found["stages"] = rows.to_pylist()  # type: ignore[assignment]
            print(json.dumps(found, indent=2))
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                worker.wait(60)
            except subprocess.TimeoutExpired:
                worker.kill()


if __name__ == "__main__":
    main()

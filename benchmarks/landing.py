"""What it costs to look at a landing whose files are all in the ledger: a ratio, both measured in this run.

Once the files are known by their address, size and times, and once they aren't, so that each is read for its hash.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

HEADER = "rate_date,currency,units_per_eur"


def main() -> None:
    """Land files, take them in, look again in both ways, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--megabytes", type=float, default=1.0, help="size of each")
    parser.add_argument("--out", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder:
        os.environ["WORKBENCH_HOME"] = str(Path(folder) / "home")
        from workbench.etl.ingest import ingest
        from workbench.settings import get_settings
        from workbench.warehouse import connect

        warehouse, landing = connect(create=True), get_settings().landing / "exchange_rates"
        landing.mkdir(parents=True)
        for number in range(options.files):
            # One row, and one too long to be kept: what is measured is reading.
            filler = f"{number}".rjust(int(options.megabytes * 1e6), "x")
            (landing / f"{number}.csv").write_text(f"{HEADER}\n2024-01-02,USD,1.{number}\n{filler}\n")
        time.sleep(2.5)
        ingest(warehouse)

        def look() -> tuple[float, float]:
            wall, cpu = time.perf_counter(), time.process_time()
            assert ingest(warehouse).known_files == options.files
            return time.perf_counter() - wall, time.process_time() - cpu

        known = min(look() for _ in range(5))
        unknown = []
        for _ in range(3):
            warehouse.execute("DELETE FROM ops.landed_files")
            unknown.append(look())
    hashed = min(unknown)
    figures = {
        "files": options.files,
        "megabytes": options.files * options.megabytes,
        "known_seconds": round(known[0], 3),
        "hashed_seconds": round(hashed[0], 3),
        "ratio": round(known[0] / hashed[0], 3),
        "known_cpu_seconds": round(known[1], 3),
        "hashed_cpu_seconds": round(hashed[1], 3),
        "cpu_ratio": round(known[1] / hashed[1], 3),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()

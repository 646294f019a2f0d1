"""How much ingestion costs over merely reading: a ratio, both measured in this run.

DuckDB reads a file of generated transactions (CSV, 1 % bad) into a typed table; then the same file is ingested:
validated, split into raw and quarantine, checked for repeats and entered into the ledger.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import duckdb

Seconds = tuple[float, float]


def clock() -> Seconds:
    """Return wall and processor seconds; the latter hardly depend on what else the machine does."""
    return time.perf_counter(), time.process_time()


def since(started: Seconds) -> Seconds:
    """Return the wall and processor seconds that have passed."""
    wall, cpu = clock()
    return wall - started[0], cpu - started[1]


def read_only(path: Path, database: Path) -> Seconds:
    """Return the seconds DuckDB takes to read the file into a typed table, skipping what it can't."""
    from workbench.schema import DATASETS, sql_type

    types = {column.name: sql_type(column) for column in DATASETS["transactions"].columns}
    with path.open() as file:
        columns = {name: types[name] for name in file.readline().strip().split(",")}
    started = clock()
    with duckdb.connect(database) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT * FROM read_csv(?, header = true, columns = "
            + json.dumps(columns).replace('"', "'")
            + ", ignore_errors = true, strict_mode = false)",
            [str(path)],
        )
    return since(started)


def main() -> None:
    """Generate, measure both, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--out", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder:
        os.environ["WORKBENCH_HOME"] = str(Path(folder) / "home")
        from workbench.demo.generated.generate import generate
        from workbench.etl.ingest import ingest
        from workbench.sources.files import land
        from workbench.warehouse import connect

        generate(Path(folder) / "data", options.rows)
        (path,) = (Path(folder) / "data/transactions").glob("*.csv")
        land(str(path), "transactions")
        warehouse = connect(create=True)
        # What was written before is on disk by then, so that neither pays for it.
        os.sync()
        reading = read_only(path, Path(folder) / "read.duckdb")
        os.sync()
        started = clock()
        result = ingest(warehouse)
        ingesting = since(started)
    figures = {
        "rows": options.rows,
        "read_seconds": round(reading[0], 2),
        "ingest_seconds": round(ingesting[0], 2),
        "ratio": round(ingesting[0] / reading[0], 2),
        "read_cpu_seconds": round(reading[1], 2),
        "ingest_cpu_seconds": round(ingesting[1], 2),
        "cpu_ratio": round(ingesting[1] / reading[1], 2),
        **result.counts,
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()

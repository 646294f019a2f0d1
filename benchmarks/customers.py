"""What new customers cost beside all that are known: processor seconds of standard form and linkage, as JSON.

    python benchmarks/customers.py [--customers 100K] [--new 10 1000]

Each figure is of a process of its own on the same warehouse, imports left out; `known` takes all of them in for the first time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from workbench.demo.generated import generate
from workbench.demo.journey.customers import COLUMNS, row
from workbench.schema import dataset
from workbench.warehouse import connect


def entries(customers: int) -> pd.DataFrame:
    """Return change-log entries of generated customers, as they are landed."""
    log = generate.invent_customers(replace(generate.make_plan(1000, 3, 0.01), customers=customers))
    frame = pd.DataFrame([row(entry) for entry in log.entries], columns=list(COLUMNS), dtype=object)
    frame["updated_at"] = pd.to_datetime(frame["updated_at"], format="ISO8601", utc=True).dt.tz_localize(None)
    return frame.reindex(columns=list(dataset("customers").column_names))


def land(frame: pd.DataFrame, batch: int) -> None:
    """Put entries into raw as a batch."""
    known = {
        "_batch_id": f"batch {batch}",
        "_row_number": range(len(frame)),
        "_ingested_at": datetime(2024, 2, 1, 0, batch),
    }
    connect(create=True).append("raw.customers", frame.assign(**known))


def measure(what: str) -> None:
    """Take in what is new, and print what it cost."""
    from workbench.etl.customers import identify_people, standardize_customers

    warehouse = connect()
    figures: dict[str, object] = {"new": what}
    began, wall = time.process_time(), time.monotonic()
    standardize_customers(warehouse)
    figures["standard_cpu_seconds"] = round(time.process_time() - began, 3)
    people = identify_people(warehouse)
    figures["cpu_seconds"] = round(time.process_time() - began, 3)
    figures["wall_seconds"] = round(time.monotonic() - wall, 3)
    figures["peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2)
    print(json.dumps(figures | people.counts), flush=True)


def main() -> None:
    """Land customers, then more of them, and measure each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--customers", default="100K")
    parser.add_argument("--new", nargs="*", type=int, default=[10, 1000])
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
        return
    frame = entries(int(given.customers.upper().replace("K", "000").replace("M", "000000")))
    ids = frame["customer_id"].drop_duplicates()
    # The newest ids are those of whom nothing is known yet.
    new = ids.tail(sum(given.new)).tolist()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WORKBENCH_HOME"] = str(Path(folder) / "home")
        parts = [("known", ids[~ids.isin(new)].tolist())]
        for count in given.new:
            parts.append((str(count), new[:count]))
            new = new[count:]
        for batch, (what, wanted) in enumerate(parts):
            land(frame[frame["customer_id"].isin(wanted)], batch)
            subprocess.run([sys.executable, __file__, "--measure", what], check=True)


if __name__ == "__main__":
    main()

"""What loading in bulk gains: the same rows into Redshift by COPY, by INSERT of many rows, and by executemany.

Rows of ``raw.transactions`` go once by the way of the warehouse (Parquet to S3, COPY, one transaction), once as
INSERT statements of many rows, and once row by row through the driver's executemany. The two slow ways get fewer
rows, and their time is extrapolated: it grows with their number. Without ``--url`` the local Redshift and a local S3
are measured: there the way over the network is shorter and the server has one node, so a real cluster gains more.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any


def seconds(work: Callable[[], Any]) -> float:
    """Return the wall seconds of some work."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def sales(count: int) -> Any:
    """Return so many rows of raw.transactions."""
    import duckdb

    with duckdb.connect() as connection:
        return connection.sql(
            "SELECT 'T' || i AS transaction_id, i % 9 AS line_number, "
            "TIMESTAMP '2024-01-01' + INTERVAL (i) SECOND AS transaction_timestamp, 'C' || i % 5000 AS customer_id, "
            "'P' || i % 20000 AS product_id, 'S' || i % 50 AS store_id, CAST(1 + i % 5 AS DECIMAL(18,4)) AS quantity, "
            "CAST(i % 999 / 100 AS DECIMAL(18,6)) AS unit_price, CAST(NULL AS DECIMAL(18,4)) AS discount_amount, "
            "'USD' AS currency, 'store' AS channel, CAST(NULL AS VARCHAR) AS _extra, repeat('b', 64) AS _batch_id, "
            f"i AS _row_number, TIMESTAMP '2024-02-01' AS _ingested_at FROM range({count}) AS numbers(i)"
        ).to_arrow_table()


def break_even(warehouse: Any) -> dict[str, dict[str, float]]:
    """Return the seconds of COPY and of INSERT for small numbers of rows, each the best of three."""
    from workbench.warehouse.redshift import loading

    found: dict[str, dict[str, float]] = {}
    usual = loading.FEW
    for count in (10, 100, 250, 500, 1000, 2000):
        rows = sales(count)
        found[str(count)] = {}
        for way, few in (("copy", -1), ("insert", count)):
            loading.FEW = few
            best = min(seconds(partial(warehouse.append, "raw.transactions", rows)) for _ in range(3))
            found[str(count)][way] = round(best, 4)
    loading.FEW = usual
    return found


def one_by_one(warehouse: Any, count: int) -> float:
    """Return the seconds of executemany for so many rows."""
    rows = [tuple(row.values()) for row in sales(count).to_pylist()]
    names = ", ".join(sales(1).column_names)
    marks = ", ".join("?" * len(rows[0]))

    def work(session: Any) -> None:
        session.cursor.executemany(f"INSERT INTO raw.transactions ({names}) VALUES ({marks})", rows)

    return seconds(lambda: warehouse.run(work))


def measure(rows: int, few: int) -> dict[str, Any]:
    """Measure on the warehouse of the settings, in whose raw.transactions the rows stay."""
    from workbench.warehouse import connect
    from workbench.warehouse.redshift import loading

    warehouse = connect(create=True)
    batch = sales(rows)
    copying = seconds(lambda: warehouse.append("raw.transactions", batch))
    usual, loading.FEW = loading.FEW, few
    inserting = seconds(lambda: warehouse.append("raw.transactions", sales(few)))
    loading.FEW = usual
    single = one_by_one(warehouse, few)
    reading = {
        way: seconds(partial(warehouse.query, "SELECT * FROM raw.transactions", unload=way == "unload"))
        for way in ("unload", "driver")
    }
    held = warehouse.counts("raw.transactions")["raw.transactions"]
    return {
        "measured_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "rows": rows,
        "copy_seconds": round(copying, 2),
        "rows_extrapolated_from": few,
        "insert_seconds_extrapolated": round(inserting * rows / few, 1),
        "executemany_seconds_extrapolated": round(single * rows / few, 1),
        "ratio": round(single * rows / few / copying, 1),
        "ratio_to_insert": round(inserting * rows / few / copying, 1),
        "rows_read": held,
        "unload_seconds": round(reading["unload"], 2),
        "driver_seconds": round(reading["driver"], 2),
        "break_even": break_even(warehouse),
    }


def main() -> None:
    """Measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=10_000, help="rows of the two slow ways")
    parser.add_argument("--url", help="a Redshift to measure; rows are added to its raw.transactions")
    parser.add_argument("--out", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with ExitStack() as stack:
        if options.url:
            os.environ["WORKBENCH_WAREHOUSE_URL"] = options.url
        else:
            import sys

            root = Path(__file__).resolve().parent.parent
            sys.path[:0] = [str(root), str(root / "containers/redshift-local")]
            from tests.redshift import running_cluster

            cluster = stack.enter_context(running_cluster())
            os.environ.update(cluster.settings(stack.enter_context(cluster.database())))
        figures = {"server": "given" if options.url else "local", **measure(options.rows, options.few)}
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()

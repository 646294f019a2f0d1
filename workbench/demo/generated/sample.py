"""Write ``samples/retail_data.csv``: sixty days of sales of an invented retailer, small enough to read.

Run it as ``python -m workbench.demo.generated.sample samples/retail_data.csv``.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from workbench.demo.generated import sales
from workbench.demo.generated.shop import Plan, invent_shop

PLAN = Plan(
    rows=400, seed=20, bad=12, repeats=3, end=date(2024, 11, 30), days=60, stores=6, products=48,
    customers=60, spikes=1, outages=0, spike_factor=18.0, receipt_scale=0.8,
)  # fmt: skip


def write(path: Path) -> sales.Drawn:
    """Write the sample: 400 lines, 12 of them bad, each in another way, and 3 that repeat one before."""
    with sales.engine(path.parent / "_temporary") as connection:
        return sales.write(connection, PLAN, invent_shop(PLAN), path)


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))

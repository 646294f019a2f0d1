"""Rows of a warehouse that readers have a copy of, and what they see."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from workbench.warehouse import Warehouse

FACT = (
    "INSERT INTO core.fact_transactions (transaction_id, line_number, transaction_timestamp, date_key, time_key, product_key, "
    "store_key, product_id, store_id, quantity, unit_price, gross_amount, discount_amount, net_amount, currency, channel, "
    "reporting_currency, exchange_rate, net_amount_reporting, conversion_status, sale_date, _batch_id) "
    "SELECT 't' || n, 1, TIMESTAMP '2026-01-01' + to_days((n % 9)::INTEGER), 20260101 + n % 9, 0, 1, 1, 'p', 's', 1, 2.5, "
    "2.5, 0, 2.5, 'USD', 'store', 'USD', 1, 2.5, 'same_currency', DATE '2026-01-01' + (n % 9)::INTEGER, 'b' "
    "FROM range({}, {}) AS numbers(n)"
)


def is_open(path: Path) -> bool:
    """Return whether this process has a file open."""
    found = path.stat()
    for handle in Path("/proc/self/fd").iterdir():
        # Other threads close theirs meanwhile.
        with suppress(OSError):
            if os.path.samestat(os.fstat(int(handle.name)), found):
                return True
    return False


def let_go(path: Path) -> None:
    """Wait until this process has let go of a file, which stays open for a moment after its last statement."""
    deadline = time.monotonic() + 60
    while is_open(path):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def parts_of_day(warehouse: Warehouse) -> set[str]:
    return {
        row["part_of_day"]
        for row in warehouse.query("SELECT DISTINCT part_of_day FROM core.dim_time").to_pylist()
    }

"""A column of raw has another version once a value came that wasn't there, a key that was, or once rows went."""

from __future__ import annotations

from datetime import datetime, timedelta

from workbench.execution.run.skipping.column_versions import column_versions
from workbench.warehouse import Warehouse

NAME = "raw.transactions.customer_id"
START = datetime(2026, 1, 2)


def version(warehouse: Warehouse) -> str:
    return column_versions(warehouse, [NAME], warehouse.counts("raw.transactions"))[NAME]


def literal(text: str | None) -> str:
    return f"'{text}'" if text else "NULL"


def land(warehouse: Warehouse, minute: int, **customers: str | None) -> None:
    """Land a line for each transaction and customer."""
    values = ", ".join(
        f"('{transaction}', 1, '2026-01-02', {literal(customer)}, 'p', 's', 1, 1, 'EUR', "
        f"'b{minute}', {row}, '{START + timedelta(minutes=minute)}')"
        for row, (transaction, customer) in enumerate(customers.items())
    )
    warehouse.execute(
        "INSERT INTO raw.transactions (transaction_id, line_number, transaction_timestamp, customer_id, product_id, "
        f"store_id, quantity, unit_price, currency, _batch_id, _row_number, _ingested_at) VALUES {values}"
    )


def test_a_version_changes_with_values_keys_that_repeat_and_rows_that_go(either: Warehouse) -> None:
    either.execute("DELETE FROM ops.column_versions")
    assert version(either) == version(either) == "no rows"
    land(either, 0, t1="ann", t2="bob", t3=None)
    first = version(either)
    assert first != "no rows" and version(either) == first
    land(either, 1, t4="bob", t5="ann", t6=None)
    assert version(either) == first
    land(either, 2, t7="cem")
    second = version(either)
    assert second != first and version(either) == second
    land(either, 3, t1="ann")
    third = version(either)
    assert third not in (first, second) and version(either) == third
    either.execute("DELETE FROM raw.transactions WHERE _batch_id = 'b2'")
    fourth = version(either)
    assert fourth not in (first, second, third) and version(either) == fourth
    # As many rows as before, and yet others.
    either.execute("DELETE FROM raw.transactions WHERE _batch_id = 'b3'")
    land(either, 4, t8="bob")
    assert version(either) not in (first, second, third, fourth)
    either.execute("DELETE FROM raw.transactions")
    assert version(either) == "no rows"


def test_rows_that_wait_for_a_look_are_looked_at_together(either: Warehouse) -> None:
    either.execute("DELETE FROM ops.column_versions")
    land(either, 0, t1="ann")
    first = version(either)
    land(either, 1, t2="ann")
    land(either, 2, t3="bob", t2="ann")
    second = version(either)
    assert second != first
    land(either, 3, t4="bob")
    assert version(either) == second
    (row,) = either.query("SELECT rows_seen, seen_until, changes FROM ops.column_versions").to_pylist()
    assert row == {"rows_seen": 5, "seen_until": START + timedelta(minutes=3), "changes": 1}

"""Sales that name what no file tells of: told where there are more of them than on the days before."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from workbench.anomaly.tables.references import check_references
from workbench.errors import UsageError
from workbench.governance.alerts.recorded import recent
from workbench.warehouse import Warehouse

from ..data import of_table

START = dt.date(2024, 1, 1)


def know(warehouse: Warehouse) -> None:
    """Give each dimension one member that landed, with the key 1, and one known from sales alone, with the key 2."""
    for name in ("customer", "product", "store"):
        columns = {
            f"{name}_key": [1, 2], f"{name}_id": ["known", f"\x1b{name}"], "is_inferred": [False, True],
        }  # fmt: skip
        warehouse.append(f"core.dim_{name}", of_table(f"core.dim_{name}", columns, 2))


def sell(warehouse: Warehouse, day: int, unknown: dict[str, int], lines: int = 400) -> None:
    """Put a day's lines into the facts, so many of them with an unknown member of a dimension."""
    at = START + dt.timedelta(days=day)
    columns: dict[str, object] = {
        "transaction_id": [f"T{day}-{number}" for number in range(lines)], "line_number": 1,
        "date_key": int(f"{at:%Y%m%d}"), "transaction_timestamp": dt.datetime.combine(at, dt.time(9)),
    }  # fmt: skip
    for name in ("customer", "product", "store"):
        is_unknown = np.arange(lines) < unknown.get(name, 0)
        columns[f"{name}_key"] = np.where(is_unknown, 2, 1)
        columns[f"{name}_id"] = np.where(is_unknown, f"\x1b{name}", "known")
    # An anonymous sale names nobody.
    columns["customer_key"] = [*np.asarray(columns["customer_key"])[:-1].tolist(), None]
    warehouse.append("core.fact_transactions", of_table("core.fact_transactions", columns, lines))


def test_more_unknown_members_than_usual_are_told_until_they_are_known(either: Warehouse) -> None:
    assert check_references(either) == []
    with pytest.raises(UsageError, match="days is 7; from 8 to 60"):
        check_references(either, days=7)
    know(either)
    for day in range(20):
        sell(either, day, {"product": 4 + day % 3})
    first = {each.dataset: each for each in check_references(either, run_id="r1")}
    assert [first[name].unknown for name in ("customers", "products", "stores")] == [0, 5, 0]
    assert not any(each.is_wide for each in first.values())
    assert recent(either, 10, kind="quality", only_open=True) == []

    sell(either, 20, {"product": 6, "customer": 120})
    found = {each.dataset: each for each in check_references(either, run_id="r2")}
    assert [name for name, each in found.items() if each.is_wide] == ["customers"]
    (alert,) = recent(either, 10, kind="quality", only_open=True)
    assert alert.subject == "references to customers" and "\x1b" not in alert.message
    assert "120 of the 400 lines of 20240121 name customers of which no file tells (30.0%" in alert.message
    (row,) = either.rows(
        "SELECT failures, status FROM ops.quality_results WHERE run_id = 'r2' AND check_name = 'references to customers'"
    )
    assert (row["failures"], row["status"]) == (120, "warn")

    # The customers land after all.
    either.execute("UPDATE core.dim_customer SET is_inferred = false")
    assert not any(each.is_wide for each in check_references(either, run_id="r3"))
    assert recent(either, 10, kind="quality", only_open=True) == []


def test_few_days_say_nothing(either: Warehouse) -> None:
    know(either)
    sell(either, 0, {"store": 400})
    by_name = {each.dataset: each for each in check_references(either)}
    assert by_name["stores"].share == 1 and not by_name["stores"].is_wide
    assert "too few days" in by_name["stores"].message
    assert either.counts("ops.quality_results") == {"ops.quality_results": 0}

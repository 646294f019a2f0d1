"""Columns of files that differ from what is declared: kept or refused, and told once."""

from __future__ import annotations

import json
from pathlib import Path

from tests.etl.lines import HEADER, line, take
from workbench.governance.drift import history
from workbench.warehouse import Warehouse


def test_a_column_that_differs_is_told_once(warehouse: Warehouse, tmp_path: Path) -> None:
    for number in range(2):
        more = take(
            warehouse,
            tmp_path,
            f"{HEADER},loyalty\n{line(transaction_id=f'A{number}')},gold\n",
            f"a{number}.csv",
        )
        assert (more.status, more.message) == ("loaded", "kept in _extra: loyalty")
        renamed = HEADER.replace("store_id", "storeid")
        less = take(
            warehouse, tmp_path, f"{renamed}\n{line(transaction_id=f'B{number}')}\n", f"b{number}.csv"
        )
        assert less.status == "rejected" and less.message
        assert (
            less.message
            == "required column missing: store_id (is store_id called 'storeid' now? A map says so)"
        )
        words = [line(transaction_id=f"C{number}{n}", quantity="many") for n in range(20)]
        other = take(warehouse, tmp_path, "\n".join([HEADER, *words]) + "\n", f"c{number}.csv")
        assert other.status == "rejected" and other.message and "no value of quantity is one" in other.message
        fewer = take(warehouse, tmp_path, "\n".join([HEADER, *words[:10]]) + "\n", f"d{number}.csv")
        assert (fewer.status, fewer.verdict) == ("rejected", "refuse")
        few = take(warehouse, tmp_path, "\n".join([HEADER, *words[:9]]) + "\n", f"e{number}.csv")
        assert (few.status, few.verdict, few.message) == ("partial", "publish", "no value of quantity is one")
    found = {(each.column_name, each.change): each for each in history(warehouse, "transactions")}
    assert set(found) == {("loyalty", "added"), ("store_id", "missing"), ("quantity", "changed")}
    assert len(history(warehouse)) == 3 and not history(warehouse, "events")
    assert "since a0-" in found["loyalty", "added"].message
    alerts = warehouse.rows("SELECT subject FROM ops.alerts WHERE kind = 'schema_drift' ORDER BY subject")
    assert [row["subject"] for row in alerts] == [
        "transactions.loyalty", "transactions.quantity", "transactions.store_id",
    ]  # fmt: skip


def test_an_optional_column_that_stops_coming_is_told(warehouse: Warehouse, tmp_path: Path) -> None:
    bare = HEADER.replace(",channel", "")

    def day(number: int, header: str, name: str = "north") -> tuple[str | None, str | None]:
        row = line(transaction_id=f"{name}{number}")
        row = row if header == HEADER else row.rpartition(",")[0]
        taken = take(warehouse, tmp_path, f"{header}\n{row}\n", f"{name}_2024-01-{number:02}.csv")
        return taken.verdict, taken.message

    # A feed that never had it, and one with too few files to tell.
    assert [day(number, bare, "south") for number in range(1, 5)] == [("publish", None)] * 4
    assert [day(number, HEADER) for number in range(1, 3)] == [("publish", None)] * 2
    assert day(3, bare) == ("publish", None)
    assert [day(number, HEADER) for number in range(4, 7)] == [("publish", None)] * 3
    told = "it lacks channel, which the files of its kind before it had"
    assert day(7, bare) == ("warn", told) and day(8, bare) == ("publish", None)
    (found,) = history(warehouse, "transactions")
    assert (found.column_name, found.change) == ("channel", "stopped") and "north_2024-01-07" in found.message
    (alert,) = warehouse.rows("SELECT subject FROM ops.alerts WHERE kind = 'schema_drift'")
    assert alert["subject"] == "transactions.channel"


def test_a_name_with_a_blank_at_its_end_is_told_from_the_declared_one(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    record = {**dict(zip(HEADER.split(","), line().split(","), strict=True)), "quantity ": "3"}
    taken = take(warehouse, tmp_path, json.dumps(record) + "\n", "a.jsonl")
    assert (taken.status, taken.message) == ("loaded", 'kept in _extra: "quantity "')
    (found,) = history(warehouse, "transactions")
    assert (found.column_name, found.change) == ('"quantity "', "added")
    (alert,) = warehouse.rows("SELECT subject FROM ops.alerts WHERE kind = 'schema_drift'")
    assert alert["subject"] == 'transactions."quantity "'

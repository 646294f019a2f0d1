"""Rows that come back from quarantine: mended or as they are, once each, and accounted for."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest

from tests.etl.lines import HEADER, line, take
from workbench.errors import UsageError
from workbench.etl.ingest import ingest
from workbench.etl.quality import quarantine_reasons
from workbench.etl.sending_back.mending import Mended, match, read_csv, write_csv
from workbench.etl.sending_back.replay import Replay, replay
from workbench.governance.accounts import lines
from workbench.governance.quarantine.rows import NOT_OPEN, SUPERSEDED, Filter, close, find, summed
from workbench.governance.withdrawal import restore, withdraw
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.sources.landing import LandedFile, Landing, open_landing
from workbench.warehouse import Warehouse


def send(warehouse: Warehouse, folder: Path, changes: dict[str, str], **options: object) -> list[Replay]:
    """Export all open rows, mend their text, and send them back."""
    rows = find(warehouse, Filter())
    path = folder / "mended.csv"
    with path.open("w", newline="") as file:
        write_csv(rows, file)
    text = path.read_text()
    for before, after in changes.items():
        assert before in text
        head, _, body = text.partition("\n")
        text = head + "\n" + body.replace(before, after)
    path.write_text(text)
    chosen, mended, _ = match(rows, read_csv(path))
    return replay(warehouse, chosen, mended, by="ann", **options)  # type: ignore[arg-type]


def raw(warehouse: Warehouse) -> set[tuple[str, int, str]]:
    found = warehouse.rows("SELECT transaction_id, line_number, quantity FROM raw.transactions")
    return {(row["transaction_id"], row["line_number"], str(row["quantity"]).rstrip("0.")) for row in found}


def test_mended_rows_go_in_once(warehouse: Warehouse, tmp_path: Path) -> None:
    bad = [
        line(transaction_id="T2", quantity="two"),
        line(transaction_id="T3") + ",x",
        line(transaction_id="T4", quantity="0"),
    ]
    batch = take(warehouse, tmp_path, "\n".join([HEADER, line(), *bad]) + "\n")
    assert (batch.rows_accepted, batch.rows_quarantined) == (1, 3)
    (tried,) = send(warehouse, tmp_path, {",two,": ",2,"}, dry_run=True)
    assert tried.batch and tried.batch.rows_accepted == 1 and raw(warehouse) == {("T1", 1, "2")}
    assert tried.reasons == {"line:too_many_columns": 1, "quantity:zero": 1}
    assert len(find(warehouse, Filter())) == 3
    exported = (tmp_path / "mended.csv").read_text()
    (done,) = send(warehouse, tmp_path, {",two,": ",2,"})
    assert done.batch and (done.batch.rows_landed, done.batch.rows_accepted) == (3, 1)
    assert raw(warehouse) == {("T1", 1, "2"), ("T2", 1, "2")}
    again = find(warehouse, Filter())
    assert [row.batch_id for row in again] == [done.batch.batch_id] * 2
    assert {(row.first_batch_id, row.first_row_number) for row in again} == {
        (batch.batch_id, 3), (batch.batch_id, 4),
    }  # fmt: skip
    everything = find(warehouse, Filter(status=None))
    assert {row.status for row in everything if row.batch_id == batch.batch_id} == {"replayed"}
    # The same file again: two rows aren't mended further than they were when they were refused again.
    chosen, _, left = match(everything, read_csv(tmp_path / "mended.csv"))
    assert (chosen, len(left)) == ([], 3)
    # It is mended further, from the first export: what it speaks of is where it stands now.
    (tmp_path / "mended.csv").write_text(exported.replace(",0,2.50", ",4,2.50").replace(",store,x", ",store"))
    chosen, mended, left = match(everything, read_csv(tmp_path / "mended.csv"))
    assert [row.batch_id for row in chosen] == [done.batch.batch_id] * 2 and len(left) == 1
    (last,) = replay(warehouse, chosen, mended, by="bob", why="counted")
    assert last.batch and last.batch.rows_accepted == 2 and not find(warehouse, Filter())
    assert raw(warehouse) == {("T1", 1, "2"), ("T2", 1, "2"), ("T3", 1, "2"), ("T4", 1, "4")}
    (account,) = lines(warehouse)
    assert (account.landed, account.accepted, account.quarantined, account.lost) == (9, 4, 5, 0)
    # Rows that people mended aren't those of the file any more: they stay, and whoever withdraws it is told where they are.
    gone = withdraw(warehouse, batch.batch_id, "a file of the test shop", "ann")
    assert gone.mended == {done.batch.batch_id: 1, last.batch.batch_id: 2}
    assert raw(warehouse) == {("T2", 1, "2"), ("T3", 1, "2"), ("T4", 1, "4")}
    withdraw(warehouse, done.batch.batch_id, "mended from it", "ann")
    assert withdraw(warehouse, last.batch.batch_id, "mended from it", "ann").mended == {} and not raw(
        warehouse
    )


def test_a_row_goes_back_once_and_counts_as_of_its_file(warehouse: Warehouse, tmp_path: Path) -> None:
    two = [
        line(quantity="two"),
        line(transaction_id="T2", quantity="two"),
        line(transaction_id="T3", quantity="two"),
    ]
    first = take(warehouse, tmp_path, "\n".join([HEADER, *two]) + "\n", "first.csv")
    later = take(warehouse, tmp_path, f"{HEADER}\n{line(quantity='7')}\n", "later.csv")
    rows = find(warehouse, Filter())
    two_two = {(row.batch_id, row.row_number): Mended(record=row.record.replace("two", "2")) for row in rows}
    # Who had looked before the other was done sends the same rows with another reason.
    (done,) = replay(warehouse, rows[:2], two_two, by="ann", why="a typo")
    (twice,) = replay(warehouse, rows, two_two, by="bob", why="a slip")
    assert done.batch and twice.batch
    assert (done.batch.rows_accepted, done.reasons) == (1, {SUPERSEDED: 1})
    assert (twice.batch.rows_accepted, twice.reasons) == (1, {NOT_OPEN: 2})
    assert raw(warehouse) == {("T1", 1, "7"), ("T2", 1, "2"), ("T3", 1, "2")}
    assert not find(warehouse, Filter()) and not any(each.lost for each in lines(warehouse))
    closed = find(warehouse, Filter(status="closed", reason=SUPERSEDED))
    assert [(row.into_batch_id, row.why) for row in closed] == [(later.batch_id, "a later line has its key")]
    # What was in its place leaves raw: the row is open again, and so is one whose own batch is withdrawn.
    withdraw(warehouse, later.batch_id, "not ours", "ann")
    withdraw(warehouse, done.batch.batch_id, "wrong", "ann")
    assert [(row.batch_id, row.row_number) for row in find(warehouse, Filter())] == [
        (first.batch_id, 2), (done.batch.batch_id, 1),
    ]  # fmt: skip
    restore(warehouse, done.batch.batch_id, "right", "ann")
    (again,) = find(warehouse, Filter())
    (back,) = replay(warehouse, [again], by="ann")
    assert back.batch and back.batch.rows_accepted == 1
    assert raw(warehouse) == {("T1", 1, "2"), ("T2", 1, "2"), ("T3", 1, "2")}
    (account,) = lines(warehouse)
    assert (account.withdrawn, account.raw, account.lost) == (1, 3, 0)


def test_rows_are_closed_by_people(warehouse: Warehouse, tmp_path: Path) -> None:
    bad = [line(quantity="0"), line(transaction_id="T2", unit_price="x", quantity="0")]
    batch = take(warehouse, tmp_path, "\n".join([HEADER, *bad]) + "\n")
    rows = find(warehouse, Filter(reason="unit_price"))
    assert [row.row_number for row in rows] == [2]
    assert len(find(warehouse, Filter(reason="zero", dataset="transactions", batch_id=batch.batch_id))) == 2
    assert not find(warehouse, Filter(dataset="events")) and not find(warehouse, Filter(reason="zer"))
    assert not find(warehouse, Filter(since=batch.ingested_at + timedelta(seconds=1)))
    with pytest.raises(UsageError, match="say why"):
        close(warehouse, rows, " ", "ann")
    assert (close(warehouse, rows, "a test", "ann"), close(warehouse, rows, "a test", "bob")) == (1, 0)
    (closed,) = find(warehouse, Filter(status="closed"))
    assert (closed.row_number, closed.moved_by, closed.why) == (2, "ann", "a test")
    assert summed(warehouse, Filter())[0]["rows"] == 1
    assert list(quarantine_reasons(warehouse)["rows"]) == [1]
    audited = warehouse.rows("SELECT actor, action, object FROM ops.audit_log")
    assert audited == [{"actor": "ann", "action": "close quarantine", "object": batch.batch_id}]


MAP = """
dataset: transactions
columns:
  transaction_id: Invoice
  line_number: row_number() over (partition by Invoice)
  transaction_timestamp: Sold
  product_id: Item
  store_id: "'S1'"
  quantity: Units
  unit_price: Price
  currency: "'GBP'"
"""


def test_a_map_that_looks_around_sees_the_whole_file(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(MAP)
    (tmp_path / "shop.csv").write_text(
        "Invoice,Sold,Item,Units,Price\nI1,2024-01-01,A,1,2\nI1,2024-01-01,B,two,2\nI1,2024-01-01,C,3,2\n"
        'I1,2024-01-01,"D"x,4,2\nI1,2024-01-01,E,5,2\n'
    )
    land(str(tmp_path / "shop.csv"), map_file=tmp_path / "map.yaml")
    (batch,) = ingest(warehouse).batches
    assert raw(warehouse) == {("I1", 1, "1"), ("I1", 3, "3"), ("I1", 4, "5")}
    unsplit = find(warehouse, Filter(reason="line"))
    mend = {(row.batch_id, row.row_number): Mended(record=row.record.replace('"D"x', "D")) for row in unsplit}
    # The line that couldn't be read comes before one that has its number already.
    with pytest.raises(
        UsageError, match=r"nothing was sent back: with these rows the map would give 1 other row"
    ):
        replay(warehouse, unsplit, mend, by="ann")
    two = find(warehouse, Filter(reason="quantity"))
    mend = {(row.batch_id, row.row_number): Mended(record=row.record.replace("two", "2")) for row in two}
    (done,) = replay(warehouse, two, mend, by="ann")
    assert done.batch and (done.batch.rows_landed, done.batch.rows_accepted) == (1, 1)
    assert raw(warehouse) == {("I1", 1, "1"), ("I1", 2, "2"), ("I1", 3, "3"), ("I1", 4, "5")}
    assert [row.row_number for row in find(warehouse, Filter())] == [4]
    assert not any(each.lost for each in lines(warehouse))
    for file in get_settings().landing.rglob("shop-*.csv"):
        file.unlink()
    with pytest.raises(UsageError, match=r"no longer lies at .*shop-.*csv: put it back there"):
        replay(warehouse, unsplit, by="ann")
    assert find(warehouse, Filter())[0].batch_id == batch.batch_id


def test_rows_of_every_form_are_read_as_they_were(warehouse: Warehouse, tmp_path: Path) -> None:
    """Rows that nobody mended say the same again, and mended ones are as if they had landed so."""
    objects = [
        {"transaction_id": "J1", "line_number": 1, "transaction_timestamp": "2024-01-01T10:00:00Z", "product_id": "P",
         "store_id": "S", "quantity": "two", "unit_price": 1.5, "currency": "EUR", "note": {"a": [1, None]}, "n": 70},
    ]  # fmt: skip
    take(warehouse, tmp_path, "".join(json.dumps(each) + "\n" for each in objects) + "{broken\n", "a.jsonl")
    frame = pd.DataFrame({**objects[0], "transaction_id": "Q1", "quantity": 0.0, "note": None}, index=[0])
    frame["transaction_timestamp"] = pd.to_datetime(frame["transaction_timestamp"])
    frame.to_parquet(tmp_path / "b.parquet", index=False)
    land(str(tmp_path / "b.parquet"), "transactions")
    ingest(warehouse)
    latin = f"{HEADER}\n{line(customer_id='René')}\n".encode("latin-1")
    utf_8 = f"{line(transaction_id='T9', customer_id='Zoë')}\n".encode() * 3
    stray = f'"a,\n{line(transaction_id="T7")},\n\n'.encode()
    take(warehouse, tmp_path, latin + utf_8 + stray, "c.csv")
    before = sorted((row.record, row.reasons) for row in find(warehouse, Filter()))
    assert len(before) == 7
    rows = find(warehouse, Filter())
    outcome = replay(warehouse, rows, by="ann")
    assert [each.batch.rows_accepted for each in outcome if each.batch] == [0]
    assert sorted((row.record, row.reasons) for row in find(warehouse, Filter())) == before
    made = {"two,": "2,", ",0.0,": ",2,", "Ren\\xe9": "René"}
    send(warehouse, tmp_path, made)
    assert raw(warehouse) == {("J1", 1, "2"), ("Q1", 1, "2"), ("T1", 1, "2"), ("T9", 1, "2")}
    kept = {
        row["transaction_id"]: row["_extra"]
        for row in warehouse.rows("SELECT transaction_id, _extra FROM raw.transactions")
    }
    assert json.loads(kept["J1"]) == {"note": {"a": [1, None]}, "n": 70}
    assert json.loads(kept["Q1"]) == {"n": 70}
    (account,) = lines(warehouse)
    assert (account.landed, account.lost, len(find(warehouse, Filter()))) == (24, 0, 4)


class _Killed:
    """Landing of a process that is killed when it has put a file there."""

    def __init__(self, landing: Landing) -> None:
        self._landing = landing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._landing, name)

    def fetch(self, file: LandedFile) -> Any:
        raise InterruptedError


def test_a_replay_that_is_killed_is_taken_in_by_the_next_run(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, tmp_path, f"{HEADER}\n{line(quantity='two')}\n")
    rows = find(warehouse, Filter())
    mend = {(row.batch_id, row.row_number): Mended(record=row.record.replace("two", "2")) for row in rows}
    with pytest.raises(InterruptedError):
        replay(warehouse, rows, mend, by="ann", landing=cast(Landing, _Killed(open_landing())))
    assert find(warehouse, Filter()) == rows and not raw(warehouse)
    # Whoever does it again does it once.
    (done,) = replay(warehouse, rows, mend, by="ann")
    assert done.batch and done.batch.rows_accepted == 1
    assert not ingest(warehouse).batches and not find(warehouse, Filter())
    assert raw(warehouse) == {("T1", 1, "2")} and not lines(warehouse)[0].lost


def test_of_replays_at_once_each_row_goes_in_by_one(warehouse: Warehouse, tmp_path: Path) -> None:
    two = [line(transaction_id=f"T{n}", quantity="two") for n in range(4)]
    take(warehouse, tmp_path, "\n".join([HEADER, *two]) + "\n")
    rows = find(warehouse, Filter())
    mend = {(row.batch_id, row.row_number): Mended(record=row.record.replace("two", "2")) for row in rows}

    def back(place: int) -> list[Replay]:
        return replay(warehouse, rows[place : place + 3], mend, by=f"person {place}")

    with ThreadPoolExecutor(2) as pool:
        done = [each for found in pool.map(back, range(2)) for each in found]
    assert sorted(each.batch.rows_accepted for each in done if each.batch) == [1, 3]
    assert {key for key, _, _ in raw(warehouse)} == {"T0", "T1", "T2", "T3"}
    assert warehouse.counts("raw.transactions") == {"raw.transactions": 4}
    assert not find(warehouse, Filter()) and not lines(warehouse)[0].lost

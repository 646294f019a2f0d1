"""Ingestion: every row of every file is in raw or in quarantine, with its reasons, and the ledger balances."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.etl.lines import GOOD, HEADER, line, quarantined, take
from workbench.errors import UsageError, WorkFailed
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.sources.landing import FetchedFile
from workbench.warehouse import Warehouse


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(transaction_id=""), "transaction_id:missing"),
        (line(store_id="  "), "store_id:missing"),
        (line(transaction_id="x" * 65), "transaction_id:too_long"),
        (line(line_number="1.5"), "line_number:not_an_integer"),
        (line(line_number="one"), "line_number:not_a_number"),
        (line(quantity="two"), "quantity:not_a_number"),
        (line(quantity="1e3"), "quantity:not_a_number"),
        (line(quantity="1_000"), "quantity:not_a_number"),
        (line(quantity="NaN"), "quantity:not_a_number"),
        (line(quantity="\uff11"), "quantity:not_a_number"),
        (line(quantity="9" * 20), "quantity:out_of_range"),
        (line(quantity="-50000000", unit_price="1000000"), "unit_price:out_of_range"),
        (line(discount_amount="50000000000000"), "discount_amount:out_of_range"),
        (line(quantity="0.00"), "quantity:zero"),
        (line(unit_price="-1"), "unit_price:negative"),
        (line(discount_amount="abc"), "discount_amount:not_a_number"),
        (line(currency="ABC"), "currency:unknown"),
        (line(transaction_timestamp="2024-02-30"), "transaction_timestamp:invalid"),
        (line(transaction_timestamp="2024-01-01T10:00:00+25:00"), "transaction_timestamp:invalid"),
        (line(transaction_timestamp="2024-01-01T10:00:00+02:60"), "transaction_timestamp:invalid"),
        (line(transaction_timestamp="infinity"), "transaction_timestamp:invalid"),
        (line(transaction_timestamp="01/02/2024"), "transaction_timestamp:invalid"),
        (line(transaction_timestamp="2999-01-01"), "transaction_timestamp:in_future"),
        ("T1,1", "line:too_few_columns"),
        (GOOD + ",more", "line:too_many_columns"),
        ('T1,"1"x' + GOOD[4:], "line:bad_quoting"),
        ('T1,"1', "line:bad_quoting"),
        ("", "line:blank"),
    ],
)
def test_a_bad_row_is_set_aside_as_it_came_with_its_reason(
    warehouse: Warehouse, tmp_path: Path, bad: str, reason: str
) -> None:
    batch = take(warehouse, tmp_path, f"{HEADER}\n{GOOD}\n{bad}\n{line(transaction_id='T2')}\n")
    assert quarantined(warehouse) == [(2, bad, [reason])]
    assert (batch.rows_landed, batch.rows_accepted, batch.rows_quarantined) == (3, 2, 1)
    numbers = warehouse.query("SELECT _row_number AS n FROM raw.transactions ORDER BY 1").to_pylist()
    assert [row["n"] for row in numbers] == [1, 3]


def test_values_are_typed_and_forgiven_where_the_contract_says_so(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    odd = line(
        transaction_timestamp="2024-01-01T10:00:00+02:00", currency=" usd ", customer_id="", quantity="-1",
        discount_amount="", line_number="7.0",
    )  # fmt: skip
    take(warehouse, tmp_path, f"{HEADER}\n{odd}\n")
    (row,) = warehouse.query("SELECT * FROM raw.transactions").to_pylist()
    assert str(row["transaction_timestamp"]) == "2024-01-01 08:00:00"
    assert (row["currency"], row["customer_id"], row["discount_amount"]) == ("USD", None, None)
    assert (str(row["quantity"]), str(row["unit_price"]), row["line_number"]) == ("-1.0000", "2.500000", 7)


def test_broken_bytes_and_quoted_fields_keep_their_places(warehouse: Warehouse, tmp_path: Path) -> None:
    quoted = line(product_id='"a ""b"",\nc"', transaction_id="T9")
    content = (
        "\r\n".join([HEADER, GOOD, quoted, "BROKEN", "NUL\0", GOOD]).encode().replace(b"BROKEN", b"caf\xe9,1")
    )
    take(warehouse, tmp_path, b"\xef\xbb\xbf" + content)
    assert quarantined(warehouse) == [
        (3, "caf\\xe9,1", ["line:not_utf8"]),
        (4, "NUL\\x00", ["line:nul_byte"]),
    ]
    rows = warehouse.query("SELECT _row_number AS n, product_id FROM raw.transactions ORDER BY 1").to_pylist()
    assert [(row["n"], row["product_id"]) for row in rows] == [(1, "P1"), (2, 'a "b",\nc'), (5, "P1")]


@pytest.mark.parametrize(
    ("name", "content", "landed", "status"),
    [
        ("empty.csv", b"", 0, "empty"),
        ("header.csv", HEADER.encode(), 0, "empty"),
        ("garbage.csv", bytes(range(256)) * 40, None, "rejected"),
        ("headless.csv", f"{GOOD}\n{GOOD}\n".encode(), 2, "rejected"),
        ("column.csv", HEADER.replace("product_id,", "").encode() + b"\n1,2\n3,4\n", 2, "rejected"),
        ("broken.csv.gz", gzip.compress(b"a" * 100_000, mtime=0)[:40], 1, "rejected"),
        ("broken.parquet", b"PAR1" + b"x" * 100, 1, "rejected"),
    ],
)
def test_the_ledger_balances_for_files_that_hold_nothing_usable(
    warehouse: Warehouse, tmp_path: Path, name: str, content: bytes, landed: int | None, status: str
) -> None:
    batch = take(warehouse, tmp_path, content, name)
    assert batch.status == status
    assert batch.rows_accepted == 0
    assert batch.rows_landed == batch.rows_quarantined == len(quarantined(warehouse))
    assert landed is None or batch.rows_landed == landed
    refused = warehouse.rows("SELECT COUNT(*) AS n FROM ops.alerts WHERE kind = 'rejected_batch'")
    assert refused[0]["n"] == (status == "rejected")


def test_a_missing_column_is_named_and_fails_the_stage(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(HEADER.replace("store_id,", "") + "\n" + GOOD + "\n")
    land(str(path), "transactions")
    result = ingest(warehouse)
    with pytest.raises(WorkFailed, match="store_id"):
        result.raise_for_rejected()
    assert quarantined(warehouse)[0][2][0] == "store_id:missing_column"


def test_a_file_landed_twice_loads_once(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, tmp_path, f"{HEADER}\n{GOOD}\n")
    (tmp_path / "other_name.csv").write_text(f"{HEADER}\n{GOOD}\n")
    land(str(tmp_path / "other_name.csv"), "transactions")
    again = ingest(warehouse)
    assert (again.batches, again.known_files) == ((), 2)
    assert warehouse.counts("raw.transactions")["raw.transactions"] == 1


def test_a_file_that_changed_a_moment_ago_is_left_for_the_next_run(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle(file: FetchedFile) -> None:
        os.utime(file.path, (time.time() - 61, time.time() - 61))

    for name in ("older", "younger"):
        (tmp_path / f"{name}.csv").write_text(f"{HEADER}\n{line(transaction_id=name)}\n")
    (older,) = land(str(tmp_path / "older.csv"), "transactions")
    (younger,) = land(str(tmp_path / "younger.csv"), "transactions")
    settle(older)
    monkeypatch.setenv("WORKBENCH_LANDING_SETTLE", "60")
    assert [batch.batch_id for batch in ingest(warehouse).batches] == [older.batch_id]
    assert not ingest(warehouse).batches
    settle(younger)
    assert [batch.batch_id for batch in ingest(warehouse).batches] == [younger.batch_id]
    assert warehouse.counts("raw.transactions") == {"raw.transactions": 2}


def test_exact_repeats_are_counted_within_a_file_and_across_files(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    other = line(transaction_id="T2")
    first = take(warehouse, tmp_path, "\n".join([HEADER, GOOD, GOOD, GOOD, other]), "one.csv")
    assert first.rows_duplicate == 2
    second = take(warehouse, tmp_path, "\n".join([HEADER, GOOD, GOOD, line(quantity="3")]), "two.csv")
    assert second.rows_duplicate == 2
    assert warehouse.counts("raw.transactions")["raw.transactions"] == 7


def test_formats_give_the_same_rows(warehouse: Warehouse, tmp_path: Path) -> None:
    values = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    typed = {**values, "line_number": 1, "quantity": 2.0, "unit_price": 2.5, "customer_id": 7.0, "extra": "x"}
    pq.write_table(
        pa.Table.from_pylist([typed, {**typed, "quantity": float("nan")}]), tmp_path / "in.parquet"
    )
    take(warehouse, tmp_path, (tmp_path / "in.parquet").read_bytes(), "a.parquet")
    json_line = '{"transaction_id":"T1","line_number":1,"transaction_timestamp":"2024-01-01T10:00:00Z","customer_id":7,'
    json_line += '"product_id":"P1","store_id":"S1","quantity":2,"unit_price":2.5,"discount_amount":"0.10",'
    json_line += '"currency":"USD","channel":"store","extra":"x"}'
    take(warehouse, tmp_path, gzip.compress(f"{json_line}\n{{bad\n[1]\n".encode()), "b.jsonl.gz")
    take(warehouse, tmp_path, f"{HEADER},extra\n{line(customer_id='7')},x\n".replace(",", ";"), "c.csv")
    whole = warehouse.query("SELECT * FROM raw.transactions").drop_columns(["_batch_id", "_ingested_at"])
    rows = whole.to_pylist()
    assert len(rows) == 3
    assert rows[0] == rows[1] == rows[2]
    assert rows[0]["_extra"] == '{"extra":"x"}'
    reasons = sorted(reason for _, _, found in quarantined(warehouse) for reason in found)
    assert reasons == ["line:not_an_object", "line:not_json", "quantity:not_a_number"]


@settings(max_examples=25)
@given(
    st.lists(st.one_of(st.just(GOOD.encode()), st.binary(max_size=60), st.text(max_size=40).map(str.encode)))
)
def test_whatever_lands_the_ledger_balances(warehouse: Warehouse, tmp_path: Path, lines: list[bytes]) -> None:
    content = b"\n".join([HEADER.encode(), *lines])
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    (file,) = land(str(path), "transactions")
    known = {row["batch_id"] for row in warehouse.query("SELECT batch_id FROM ops.batches").to_pylist()}
    batches = ingest(warehouse).batches
    # What came before, byte by byte, isn't taken in again.
    assert [batch.batch_id for batch in batches] == [file.batch_id] * (file.batch_id not in known)
    for batch in batches:
        assert batch.rows_landed == batch.rows_accepted + batch.rows_quarantined
        numbers = warehouse.query(
            "SELECT _row_number AS n FROM raw.transactions WHERE _batch_id = ? UNION ALL "
            "SELECT row_number FROM ops.quarantine WHERE batch_id = ? ORDER BY n",
            [batch.batch_id, batch.batch_id],
        ).to_pylist()
        assert [row["n"] for row in numbers] == list(range(1, batch.rows_landed + 1))


def test_a_correction_stays_in_raw_beside_what_it_corrects(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, tmp_path, f"{HEADER}\n{GOOD}\n", "one.csv")
    second = take(warehouse, tmp_path, f"{HEADER}\n{line(quantity='3')}\n", "two.csv")
    assert second.rows_duplicate == 0
    rows = warehouse.query(
        "SELECT quantity::INT AS q FROM raw.transactions ORDER BY _ingested_at"
    ).to_pylist()
    assert [row["q"] for row in rows] == [2, 3]


def test_a_wrong_call_says_what_would_be_right(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    with pytest.raises(UsageError, match="did you mean 'transactions'"):
        land(str(tmp_path / "a.csv"), "transaction")
    with pytest.raises(UsageError, match="nothing to load"):
        land(str(tmp_path / "none.csv"), "transactions")
    with pytest.raises(UsageError, match="--dataset"):
        land(str(tmp_path / "a.csv"))
    (tmp_path / "m.yaml").write_text("dataset: transactions\ncolumns: {transaction_id: (select 1)}\n")
    with pytest.raises(UsageError, match="transaction_id"):
        land(str(tmp_path / "a.csv"), map_file=tmp_path / "m.yaml")

"""Ingestion: every row of every file is in raw or in quarantine, with its reasons, and the ledger balances."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.redshift import Cluster, staged_keys
from workbench.errors import UsageError, WorkFailed
from workbench.etl.ingest import Batch, ingest
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.sources.landing import FetchedFile, FolderLanding, LandedFile
from workbench.sources.landing.base import Warn
from workbench.warehouse import Warehouse, connect

HEADER = (
    "transaction_id,line_number,transaction_timestamp,customer_id,product_id,store_id,quantity,unit_price,"
    "discount_amount,currency,channel"
)
GOOD = "T1,1,2024-01-01T10:00:00Z,C1,P1,S1,2,2.50,0.10,USD,store"


def line(**changed: str) -> str:
    values = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    return ",".join({**values, **changed}.values())


def take(
    warehouse: Warehouse,
    folder: Path,
    content: bytes | str,
    name: str = "file.csv",
    dataset: str = "transactions",
) -> Batch:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    land(str(path), dataset)
    (batch,) = ingest(warehouse).batches
    return batch


def quarantined(warehouse: Warehouse) -> list[tuple[int, str, list[str]]]:
    rows = warehouse.query(
        "SELECT row_number, record, reasons FROM ops.quarantine ORDER BY row_number"
    ).to_pylist()
    return [(row["row_number"], row["record"], row["reasons"]) for row in rows]


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
    assert warehouse.counts("ops.alerts")["ops.alerts"] == (status == "rejected")


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


def test_two_ingestions_at_once_load_a_file_once(warehouse: Warehouse, tmp_path: Path) -> None:
    source = tmp_path / "transactions" / "a.csv"
    source.parent.mkdir()
    source.write_text(f"{HEADER}\n{line()}\n")
    land(str(source))

    class Overtaken(FolderLanding):
        """Yields the file after another ingestion, which began later, has taken it in."""

        def files(self, warn: Warn = lambda _: None) -> Iterator[LandedFile]:
            assert len(ingest(warehouse).batches) == 1
            yield from super().files(warn)

    late = ingest(warehouse, Overtaken(get_settings().landing))
    assert (late.batches, late.known_files) == ((), 1)
    assert warehouse.counts("raw.transactions") == {"raw.transactions": 1}


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


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_killed_in_the_middle_and_run_again_is_as_if_undisturbed(home: Path, tmp_path: Path) -> None:
    for month in range(4):
        lines = [line(transaction_id=f"T{month}-{n}", quantity=str(n % 7)) for n in range(60_000)]
        (tmp_path / f"{month}.csv").write_text("\n".join([HEADER, *lines]))
        land(str(tmp_path / f"{month}.csv"), "transactions")
    code = "from workbench.etl.ingest import ingest; from workbench.warehouse import connect; ingest(connect(create=True))"
    connect(create=True)
    victim = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "WORKBENCH_HOME": str(home)})
    database = home / "warehouse.duckdb"
    before = database.stat().st_size
    deadline = time.monotonic() + 60
    while database.stat().st_size == before and victim.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    warehouse = connect(create=True)
    assert warehouse.counts("ops.batches")["ops.batches"] < 4
    ingest(warehouse)
    sums = warehouse.query(
        "SELECT (SELECT count(*) FROM raw.transactions) AS raw, (SELECT count(*) FROM ops.quarantine) AS aside, "
        "(SELECT count(*) FROM ops.batches) AS files, (SELECT count(DISTINCT transaction_id) FROM raw.transactions) AS ids"
    ).to_pylist()[0]
    zero = 4 * len([n for n in range(60_000) if n % 7 == 0])
    assert sums == {"raw": 240_000 - zero, "aside": zero, "files": 4, "ids": 240_000 - zero}


def test_killed_in_the_middle_on_redshift_and_run_again_is_as_if_undisturbed(
    redshift_warehouse: Warehouse, cluster: Cluster, redshift_database: str, tmp_path: Path
) -> None:
    for month in range(3):
        lines = [line(transaction_id=f"T{month}-{n}", quantity=str(n % 7)) for n in range(30_000)]
        (tmp_path / f"{month}.csv").write_text("\n".join([HEADER, *lines]))
        land(str(tmp_path / f"{month}.csv"), "transactions")
    code = (
        "from workbench.etl.ingest import ingest; from workbench.warehouse import connect; ingest(connect())"
    )
    victim = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    # Its transaction is open once it holds the lock on the ledger.
    held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'ops.batches'::regclass"
    with cluster.session(redshift_database) as session:
        while session.execute(held).fetchall() == [(0,)] and victim.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    # Files are all it leaves, under the prefix that a lifecycle rule clears.
    left = staged_keys()
    assert all("/load-" in key for key in left)
    ingest(redshift_warehouse)
    assert staged_keys() == left
    (sums,) = redshift_warehouse.query(
        "SELECT (SELECT count(*) FROM raw.transactions) AS raw, (SELECT count(*) FROM ops.quarantine) AS aside, "
        "(SELECT count(*) FROM ops.batches) AS files, (SELECT count(DISTINCT transaction_id) FROM raw.transactions) AS ids"
    ).to_pylist()
    zero = 3 * len([n for n in range(30_000) if n % 7 == 0])
    assert sums == {"raw": 90_000 - zero, "aside": zero, "files": 3, "ids": 90_000 - zero}


def test_many_ingestions_at_once_on_redshift_double_nothing(
    redshift_warehouse: Warehouse, tmp_path: Path
) -> None:
    for name in "abc":
        (tmp_path / f"{name}.csv").write_text(f"{HEADER}\n{line(transaction_id=name)}\n{GOOD}\nbroken\n")
        land(str(tmp_path / f"{name}.csv"), "transactions")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: ingest(redshift_warehouse), range(4)))
    assert sorted(len(result.batches) + result.known_files for result in results) == [3, 3, 3, 3]
    assert sum(len(result.batches) for result in results) == 3
    assert redshift_warehouse.counts("raw.transactions", "ops.quarantine", "ops.batches") == {
        "raw.transactions": 6, "ops.quarantine": 3, "ops.batches": 3,
    }  # fmt: skip
    # Of the line that is in each file, two are repeats, whichever came first.
    (row,) = redshift_warehouse.query(
        "SELECT sum(rows_duplicate) AS repeats, count(DISTINCT ingested_at) AS moments FROM ops.batches"
    ).to_pylist()
    assert (int(row["repeats"]), row["moments"]) == (2, 3)


def test_what_redshift_cannot_hold_is_set_aside(redshift_warehouse: Warehouse, tmp_path: Path) -> None:
    long = "x" * 70_000
    content = f"{HEADER},note\n{GOOD},short\n{line(transaction_id='T2')},{long}\n"
    batch = take(redshift_warehouse, tmp_path, content)
    assert (batch.rows_accepted, batch.rows_quarantined, batch.status) == (1, 1, "partial")
    ((number, record, reasons),) = quarantined(redshift_warehouse)
    assert (number, reasons) == (2, ["_extra:too_long"])
    assert record.startswith(line(transaction_id="T2"))
    assert record.endswith("… (cut)")
    assert len(record.encode()) <= 65_535


def test_a_correction_stays_in_raw_beside_what_it_corrects(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, tmp_path, f"{HEADER}\n{GOOD}\n", "one.csv")
    second = take(warehouse, tmp_path, f"{HEADER}\n{line(quantity='3')}\n", "two.csv")
    assert second.rows_duplicate == 0
    rows = warehouse.query(
        "SELECT quantity::INT AS q FROM raw.transactions ORDER BY _ingested_at"
    ).to_pylist()
    assert [row["q"] for row in rows] == [2, 3]


def test_a_busy_warehouse_is_named_with_its_holder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(create=True)
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{GOOD}\n")
    land(str(tmp_path / "a.csv"), "transactions")
    code = f"import duckdb; c = duckdb.connect({str(home / 'warehouse.duckdb')!r}); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin and holder.stdout
        assert holder.stdout.readline() == "held\n"
        monkeypatch.setenv("WORKBENCH_LOCK_TIMEOUT", "0.2")
        with pytest.raises(WorkFailed, match=f"in use by process {holder.pid}"):
            ingest(connect())
        holder.stdin.close()
    assert ingest(connect()).counts["rows_accepted"] == 1


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

"""What others call their columns is data: no name of theirs hides one of ours, or another of theirs."""

from __future__ import annotations

import decimal
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.etl.ingestion.reading.landing import ROW, extras, take, write
from tests.etl.lines import GOOD, HEADER, line
from workbench.etl.ingest import ingest
from workbench.settings import get_settings
from workbench.warehouse import Warehouse, connect

NAMES = [
    "n", "N", "_row_number", "row_number", "rowid", "record", "reason", "reasons", "line", "lines", "parts", "part", "file_row_number",
    "filename", "key", "value", "extra", "_extra", "c0", "c1", "landed", "numbered", "Note", "note", "NOTE", "*", "a.b", "$.x", 'quo"te',
    "apo'strophe", "back\\slash", "Größe", "\U0001f600", "x" * 300, "#1", "/", "~", "select", "%s", "{}", "?", "tab\there",
]  # fmt: skip
"""Names that readers of files have for themselves, or that mean something to them."""


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_columns_of_any_name_are_kept_as_they_came(warehouse: Warehouse, tmp_path: Path, form: str) -> None:
    rows = [
        {**ROW, "transaction_id": f"T{i}", **{name: f"{i} of {name}" for name in NAMES}} for i in range(3)
    ]
    batch = take(warehouse, write(tmp_path, f"in.{form}", rows))
    assert (batch.rows_landed, batch.rows_accepted) == (3, 3)
    assert extras(warehouse) == [{name: f"{i} of {name}" for name in NAMES} for i in range(3)]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_map_reads_columns_of_any_name(warehouse: Warehouse, tmp_path: Path, form: str) -> None:
    theirs = {"n": "70", "N": "7.5", "_row_number": "P9", "record": "S9", "Note": "C1", "note": "online"}
    rows = [{"id": f"T{i}", "ts": "2024-10-01 10:00:00", **theirs} for i in range(3)]
    (tmp_path / "m.yaml").write_text(
        "dataset: transactions\ncolumns:\n  transaction_id: id\n  line_number: row_number() over ()\n"
        "  transaction_timestamp: ts\n  product_id: _row_number\n  store_id: record\n  quantity: n\n"
        "  unit_price: N\n  currency: \"'USD'\"\n  customer_id: Note\n  channel: note\n"
    )
    take(warehouse, write(tmp_path, f"in.{form}", rows), tmp_path / "m.yaml")
    found = warehouse.query("SELECT * FROM raw.transactions ORDER BY line_number").to_pylist()
    assert [
        (r["line_number"], r["product_id"], r["store_id"], r["quantity"], r["unit_price"], r["customer_id"], r["channel"])
        for r in found
    ] == [(i, "P9", "S9", 70, decimal.Decimal("7.5"), "C1", "online") for i in (1, 2, 3)]  # fmt: skip


def test_a_name_in_another_case_is_the_column_where_the_name_itself_is_not(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    other = {("Quantity" if key == "quantity" else key): value for key, value in ROW.items()}
    rows = [
        {**ROW, "transaction_id": "T1"},
        {**other, "transaction_id": "T2"},
        {**ROW, "transaction_id": "T3", "TRANSACTION_ID": "theirs", "Transaction_Id": None},
        {**other, "transaction_id": None, "TRANSACTION_ID": "T4"},
        {"TRANSACTION_ID": "T5x", **ROW, "transaction_id": "T5", "QUANTITY": {"a": [1, None]}},
    ]
    batch = take(warehouse, write(tmp_path, "in.jsonl", rows))
    assert batch.rows_accepted == 5
    found = warehouse.query("SELECT transaction_id, quantity FROM raw.transactions ORDER BY 1").to_pylist()
    assert [(row["transaction_id"], int(row["quantity"])) for row in found] == [
        (f"T{i}", 2) for i in range(1, 6)
    ]
    assert extras(warehouse) == [
        {}, {}, {"TRANSACTION_ID": "theirs"}, {}, {"TRANSACTION_ID": "T5x", "QUANTITY": {"a": [1, None]}},
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_of_columns_that_differ_by_case_the_one_written_as_ours_is_ours(
    warehouse: Warehouse, tmp_path: Path, form: str
) -> None:
    rows = [{"QUANTITY": "5", **ROW, "Quantity": "7", "STORE_ID": "x"}]
    take(warehouse, write(tmp_path, f"in.{form}", rows))
    assert extras(warehouse) == [{"QUANTITY": "5", "Quantity": "7", "STORE_ID": "x"}]


def test_columns_of_one_name_are_all_kept(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f"{HEADER},note,note,,quantity\n{GOOD},a,b,c,9\n")
    take(warehouse, tmp_path / "in.csv")
    assert extras(warehouse) == [{"note": "a", "note.13": "b", "column14": "c", "quantity.15": "9"}]
    table = pa.Table.from_arrays(
        [pa.array([v]) for v in [*ROW.values(), "a", "b"]], names=[*ROW, "note", "note"]
    )
    pq.write_table(table, tmp_path / "in.parquet")
    take(warehouse, tmp_path / "in.parquet")
    assert extras(warehouse)[1] == {"note": "a", "note.13": "b"}


def test_a_key_that_occurs_twice_in_an_object_is_told(warehouse: Warehouse, tmp_path: Path) -> None:
    twice = json.dumps(ROW)[:-1] + ', "quantity": 5}'
    (tmp_path / "in.jsonl").write_text(f"{json.dumps(ROW)}\n{twice}\n")
    take(warehouse, tmp_path / "in.jsonl")
    (row,) = warehouse.query("SELECT record, reasons FROM ops.quarantine").to_pylist()
    assert (row["record"], row["reasons"]) == (twice, ["line:duplicate_key"])


def test_very_many_keys_are_kept_too(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [
        {
            **ROW,
            "transaction_id": f"T{i}",
            **{f"k{i}-{k}": {"v": None} for k in range(150)},
            'b"\0\\': i,
            "no": None,
        }
        for i in range(3)
    ]
    rows[2]["STORE_ID"] = "other"
    batch = take(warehouse, write(tmp_path, "in.jsonl", rows))
    found = extras(warehouse)
    assert [len(row) for row in found] == [151, 151, 152]
    assert found[2]["STORE_ID"] == "other"
    assert found[1]["k1-7"] == {"v": None}
    assert found[1]['b"\0\\'] == 1
    assert batch.message and batch.message.startswith('kept in _extra: "b\\"\\u0000\\\\", k0-0, ')
    # So many columns are one alert.
    assert warehouse.counts("ops.alerts") == {"ops.alerts": 1}


@pytest.mark.parametrize(("form", "count"), [("csv", 20_000), ("jsonl", 20_000), ("parquet", 1500)])
def test_very_many_columns_are_kept_too(warehouse: Warehouse, tmp_path: Path, form: str, count: int) -> None:
    if not warehouse.is_embedded:
        # A text there has 65,535 bytes at most.
        count = min(count, 3000)
    others = {f"x{place}": f"v{place}" for place in range(count)}
    rows = [{**ROW, "transaction_id": f"T{n}", **others, "q\"'ö": str(n)} for n in range(3)]
    batch = take(warehouse, write(tmp_path, f"in.{form}", rows))
    assert sorted(extras(warehouse), key=lambda row: row["q\"'ö"]) == [
        others | {"q\"'ö": str(n)} for n in range(3)
    ]
    assert batch.message and len(batch.message) < 1000
    assert batch.message.endswith("more")


def test_more_columns_than_there_is_memory_for_are_refused_once(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [{**ROW, **{f"x{place}": "v" for place in range(4000)}}]
    batch = take(warehouse, write(tmp_path, "in.parquet", rows))
    assert batch.status == "rejected"
    assert batch.message and "at most 4,000 are read: leave out what isn't needed" in batch.message


ODD_PATHS = [
    "store_id=S7",
    "a[12]",
    "a1",
    "a*",
    "what?",
    "{a,b}",
    "it's",
    'quo"te',
    "b\\s",
    "sp ace",
    "ü",
    "%41",
    "$HOME",
    "~",
    "x;--",
]


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_a_path_is_no_data(warehouse: Warehouse, tmp_path: Path, form: str) -> None:
    for i, name in enumerate(ODD_PATHS):
        rows = [{**ROW, "transaction_id": f"T{i:02d}"}]
        write(get_settings().landing / "transactions" / name, f"{name}.{form}", rows)
    ingest(warehouse)
    found = warehouse.query("SELECT transaction_id, store_id FROM raw.transactions ORDER BY 1").to_pylist()
    assert [(r["transaction_id"], r["store_id"]) for r in found] == [
        (f"T{i:02d}", "S1") for i in range(len(ODD_PATHS))
    ]


def test_a_home_below_a_folder_like_a_partition_gives_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "store_id=S7" / "h[1]*"))
    warehouse = connect(create=True)
    take(warehouse, write(tmp_path, "in.parquet", [ROW]))
    take(warehouse, write(tmp_path, "in.csv", [{**ROW, "transaction_id": line()[:3]}]))
    assert {r["store_id"] for r in warehouse.query("SELECT store_id FROM raw.transactions").to_pylist()} == {
        "S1"
    }

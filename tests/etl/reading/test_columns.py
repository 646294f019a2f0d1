"""What others call their columns is data: no name of theirs hides one of ours, or another of theirs."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.etl.lines import GOOD, HEADER, line
from workbench.etl.ingest import Batch, ingest
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.warehouse import Warehouse, connect

ROW = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
NAMES = [
    "n", "N", "_row_number", "row_number", "rowid", "record", "reason", "reasons", "line", "lines", "parts", "part", "file_row_number",
    "filename", "key", "value", "extra", "_extra", "c0", "c1", "landed", "numbered", "Note", "note", "NOTE", "*", "a.b", "$.x", 'quo"te',
    "apo'strophe", "back\\slash", "Größe", "\U0001f600", "x" * 300, "#1", "/", "~", "select", "%s", "{}", "?", "tab\there",
]  # fmt: skip
"""Names that readers of files have for themselves, or that mean something to them."""


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".parquet"):
        columns = list(dict.fromkeys(key for row in rows for key in row))
        arrays = [pa.array([row.get(key) for row in rows]) for key in columns]
        pq.write_table(pa.Table.from_arrays(arrays, names=columns), path)
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(rows[0])
            writer.writerows(row.values() for row in rows)
    return path


def take(warehouse: Warehouse, path: Path, map_file: Path | None = None) -> Batch:
    land(str(path), None if map_file else "transactions", map_file)
    (batch,) = ingest(warehouse).batches
    return batch


def extras(warehouse: Warehouse) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    rows = warehouse.query("SELECT _extra FROM raw.transactions ORDER BY transaction_id").to_pylist()
    return [json.loads(row["_extra"] or "{}", parse_constant=refuse) for row in rows]


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


def test_numbers_of_json_keep_their_digits(warehouse: Warehouse, tmp_path: Path) -> None:
    row = {
        **ROW,
        "quantity": 1,
        "unit_price": "PRICE",
        "big": 2**64,
        "score": float("nan"),
        "deep": [float("-inf"), "NaN, 1.5"],
    }
    text = json.dumps(row).replace('"PRICE"', "123456789.123456")
    (tmp_path / "in.jsonl").write_text(
        text.replace("123456789.123456", "123456789012.123456") + "\n" + text + "\n"
    )
    take(warehouse, tmp_path / "in.jsonl")
    found = warehouse.query("SELECT unit_price FROM raw.transactions ORDER BY 1").to_pylist()
    assert [str(row["unit_price"]) for row in found] == ["123456789.123456", "123456789012.123456"]
    assert extras(warehouse) == [{"big": 2**64, "score": "NaN", "deep": ["-Infinity", "NaN, 1.5"]}] * 2


def test_parquet_of_every_type_is_json_beside_our_columns(warehouse: Warehouse, tmp_path: Path) -> None:
    nan, moment = float("nan"), dt.datetime(2024, 1, 2, 3, 4, 5, 678901)
    values: dict[str, tuple[pa.Array, Any]] = {
        "nan": (pa.array([nan]), "NaN"),
        "inf": (pa.array([float("-inf")]), "-Infinity"),
        "f32": (pa.array([0.1], pa.float32()), 0.1),
        "f16nan": (pa.array([nan], pa.float16()), "NaN"),
        "u64": (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
        "i64": (pa.array([2**53 + 1]), 2**53 + 1),
        "dec": (pa.array([decimal.Decimal("12345678901234567.89")]), decimal.Decimal("12345678901234567.89")),
        "bin": (pa.array([b"K\xc3\xa4se"]), "Käse"),
        "raw": (pa.array([b"\xff\x00"]), "\\xFF\\x00"),
        "struct": (pa.array([{"a": nan, "B": [b"x", None], "c": None}]), {"a": "NaN", "B": ["x", None], "c": None}),
        "list": (pa.array([[1.5, nan, None]]), [1.5, "NaN", None]),
        "map": (pa.array([[("k", nan), ("l", 1.0)]], pa.map_(pa.string(), pa.float64())), {"k": "NaN", "l": 1.0}),
        "ts": (pa.array([moment]), "2024-01-02 03:04:05.678901"),
        "tz": (pa.array([moment], pa.timestamp("us", "Europe/Berlin")), "2024-01-02 03:04:05.678901+00"),
        "nstz": (pa.array([1], pa.timestamp("ns", "UTC")), "1970-01-01 00:00:00.000000001+00"),
        "date": (pa.array([dt.date(2024, 1, 2)]), "2024-01-02"),
        "time": (pa.array([dt.time(1, 2, 3)]), "01:02:03"),
        "bool": (pa.array([True]), True),
        "cat": (pa.array(["a"]).dictionary_encode(), "a"),
        "uuid": (pa.array([b"\1" * 16], pa.uuid()), "01010101-0101-0101-0101-010101010101"),
        "doc": (pa.array(['{"a": 1}'], pa.json_()), {"a": 1}),
    }  # fmt: skip
    ours = {name: pa.array([value]) for name, value in ROW.items()}
    pq.write_table(
        pa.table({**ours, **{name: array for name, (array, _) in values.items()}, "null": pa.nulls(1)}),
        tmp_path / "in.parquet",
    )
    take(warehouse, tmp_path / "in.parquet")
    (row,) = warehouse.query("SELECT _extra FROM raw.transactions").to_pylist()
    found = json.loads(row["_extra"], parse_float=decimal.Decimal)
    expected = {name: value for name, (_, value) in values.items()}
    assert json.loads(json.dumps(found, default=float)) == json.loads(json.dumps(expected, default=float))
    assert found["dec"] == decimal.Decimal("12345678901234567.89")


@pytest.mark.parametrize(
    ("column", "array", "reason"),
    [
        ("quantity", pa.array([{"a": 1}]), "quantity:not_a_number"),
        ("quantity", pa.array([[1]]), "quantity:not_a_number"),
        ("quantity", pa.array([True]), "quantity:not_a_number"),
        ("quantity", pa.array([dt.date(2024, 1, 1)]), "quantity:not_a_number"),
        ("quantity", pa.array([float("inf")]), "quantity:not_a_number"),
        ("quantity", pa.array([2**64 - 1], pa.uint64()), "quantity:out_of_range"),
        ("quantity", pa.nulls(1), "quantity:missing"),
        ("transaction_timestamp", pa.array([dt.time(1)]), "transaction_timestamp:invalid"),
        ("transaction_timestamp", pa.array([[1]]), "transaction_timestamp:invalid"),
        ("product_id", pa.array([b"\xff"]), "line:not_utf8"),
    ],
)
def test_a_value_of_a_type_that_does_not_fit_is_set_aside(
    warehouse: Warehouse, tmp_path: Path, column: str, array: pa.Array, reason: str
) -> None:
    pq.write_table(
        pa.table({**{k: pa.array([v]) for k, v in ROW.items()}, column: array}), tmp_path / "in.parquet"
    )
    take(warehouse, tmp_path / "in.parquet")
    (row,) = warehouse.query("SELECT record, reasons FROM ops.quarantine").to_pylist()
    assert row["reasons"] == [reason]
    assert json.loads(row["record"])["transaction_id"] == "T1"


def test_text_and_times_are_read_whatever_parquet_calls_them(warehouse: Warehouse, tmp_path: Path) -> None:
    moment = dt.datetime(2024, 1, 2, 3)
    changed = {
        "quantity": pa.array([b"2.5"]),
        "product_id": pa.array(["Käse".encode()]),
        "store_id": pa.array([b"\1" * 16], pa.uuid()),
        "customer_id": pa.array(["C1"]).dictionary_encode(),
        "unit_price": pa.array([decimal.Decimal("2.50")]),
        "transaction_timestamp": pa.array([moment], pa.timestamp("ns", "Europe/Berlin")),
    }
    for old in (True, False):
        table = pa.table({**{k: pa.array([v]) for k, v in ROW.items()}, **changed})
        pq.write_table(table, tmp_path / f"{old}.parquet", use_deprecated_int96_timestamps=old)
        batch = take(warehouse, tmp_path / f"{old}.parquet")
        assert batch.status == "loaded"
    for row in warehouse.query("SELECT * FROM raw.transactions").to_pylist():
        assert (row["product_id"], row["customer_id"], row["store_id"]) == (
            "Käse",
            "C1",
            "01010101-0101-0101-0101-010101010101",
        )
        assert (row["quantity"], row["unit_price"], row["transaction_timestamp"]) == (
            decimal.Decimal("2.5"),
            decimal.Decimal("2.5"),
            moment,
        )


def test_a_long_id_that_went_through_a_floating_point_column_is_the_integer_it_was(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    ids = pa.array([float(2**53 - 1), 13085.0, 0.5])
    columns = {k: pa.array([v] * 3) for k, v in ROW.items()} | {"customer_id": ids}
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    take(warehouse, tmp_path / "in.parquet")
    rows = warehouse.query("SELECT customer_id FROM raw.transactions ORDER BY _row_number").to_pylist()
    assert [row["customer_id"] for row in rows] == [str(2**53 - 1), "13085", "0.5"]


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


def test_what_a_json_column_keeps_is_json_for_everybody(warehouse: Warehouse, tmp_path: Path) -> None:
    head = "event_id,event_timestamp,event_type,properties"
    documents = [
        '{"a": NaN}',
        '{"a": [1, -Infinity]}',
        '{"a": 1,}',
        "{a: 1}",
        '{"a": "NaN, inf,]"}',
        '{"a": "\\"NaN", "b": [null]}',
        "nan",
    ]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        file.write(head + "\n")
        csv.writer(file).writerows([f"E{i}", "2024-01-01", "view", text] for i, text in enumerate(documents))
    land(str(tmp_path / "in.csv"), "events")
    ingest(warehouse)
    kept = warehouse.query("SELECT event_id, properties FROM raw.events ORDER BY 1").to_pylist()
    assert [(row["event_id"], json.loads(row["properties"])) for row in kept] == [
        ("E4", {"a": "NaN, inf,]"}), ("E5", {"a": '"NaN', "b": [None]}),
    ]  # fmt: skip
    refused = warehouse.query("SELECT reasons FROM ops.quarantine").to_pylist()
    assert [row["reasons"] for row in refused] == [["properties:invalid"]] * 5

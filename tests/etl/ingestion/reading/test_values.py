"""Values of JSON and Parquet, of whatever type, are what they were, or set aside."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.etl.ingestion.reading.landing import ROW, extras, take, write
from workbench.etl.ingest import ingest
from workbench.etl.ingestion.reading.values import is_blank
from workbench.sources.files import land
from workbench.warehouse import Warehouse


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


def test_numbers_of_json_are_text_in_their_own_words_and_numbers_where_those_are_wanted(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    odd = ["1.1", "1.10", "1e5", "1E2", "100.0", "0.00000010", "-0", "-0.50", "1.5e-7"]
    rest = '"7.0": 1.0, "list": [1.10,2.50, 1e5, {"a":7.00}], "note": "x: 1.10, \\"1e5"'
    cart = '{"sku": %s, "n": %s, "each": 1.5e0, "in": {"deep": %s}}'
    lines = {"plain": "", "nested": ""}
    for value in odd:
        row = json.dumps({**ROW, "product_id": "ID", "store_id": "ID", "quantity": "N", "unit_price": "P"})
        row = row.replace('"ID"', value).replace('"N"', "1.50e1").replace('"P"', "1E2")
        lines["plain"] += f"{row[:-1]}, {rest}}}\n"
        lines["nested"] += f'{{"id": "N", "cart": [{cart % (value, "1E2", value)}]}}\n'
    said = {
        "transaction_id": "id", "line_number": "_record", "transaction_timestamp": "'2024-03-01'",
        "product_id": "cart.sku", "store_id": "cart['in'].deep", "quantity": "cart.n", "unit_price": "cast(cart.each as double) * 2",
        "currency": "'EUR'", "customer_id": "cart",
    }  # fmt: skip
    (tmp_path / "map.yaml").write_text(
        json.dumps({"dataset": "transactions", "unnest": "cart", "columns": said})
    )
    for name, mapping in (("plain", None), ("nested", tmp_path / "map.yaml")):
        (tmp_path / f"{name}.jsonl").write_text(lines[name])
        assert take(warehouse, tmp_path / f"{name}.jsonl", mapping).rows_accepted == len(odd)
    found = warehouse.query("SELECT * FROM raw.transactions ORDER BY _row_number").to_pylist()
    plain = [row for row in found if row["transaction_id"] == "T1"]
    nested = [row for row in found if row["transaction_id"] == "N"]
    assert [row["product_id"] for row in plain] == [row["store_id"] for row in plain] == odd
    assert [row["product_id"] for row in nested] == [row["store_id"] for row in nested] == odd
    assert {(row["quantity"], row["unit_price"]) for row in plain} == {(15, 100)}
    assert {(row["quantity"], row["unit_price"]) for row in nested} == {(100, 3)}
    assert [row["customer_id"] for row in nested] == [
        (cart % (each, "1E2", each)).replace(" ", "") for each in odd
    ]
    assert {row["_extra"].replace(" ", "") for row in plain} == {f"{{{rest.replace(' ', '')}}}"}


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


def test_a_text_is_blank_as_trim_has_it() -> None:
    blanks = (" ", "\u00a0", "\u1680", "\u2003", "\u3000")
    others = ("\t", "\x0b", "\x1e", "!", "~", "\x7f", "\x80", "é", "\u200b", "a", "🂡")
    texts = ["", *blanks, *others, *(first + second for first in (*blanks, *others) for second in (" ", "x"))]
    told = f"SELECT text, {is_blank('text')}, trim(text) = '' FROM (SELECT unnest(?) AS text)"
    found = duckdb.execute(told, [texts]).fetchall()
    assert len(found) == len(texts) and {text for text, _, said in found if said} >= {"", *blanks}
    assert [text for text, said, is_so in found if said != is_so] == []
    ((unknown,),) = duckdb.execute(f"SELECT {is_blank('NULL::VARCHAR')}").fetchall()
    assert unknown is None


@pytest.mark.parametrize(
    ("said", "group", "mark"),
    [("decimal: ','", ".", ","), ("thousands: ','", ",", "."), ("thousands: _", "_", ".")],
)
def test_digits_behind_a_zero_are_no_group(
    warehouse: Warehouse, tmp_path: Path, said: str, group: str, mark: str
) -> None:
    good = {"0*5": "0.5", "1~000": "1000", "12~345~678*9": "12345678.9", "0001": "1", "+100~000": "100000"}
    bad = ["0~500", "-0~001", "00~500", "000~999", "012~345", "0~123~456*5", "1~5"]
    values = [each.replace("~", group).replace("*", mark) for each in (*good, *bad)]
    header = ["product_id", "updated_at", "list_price"]
    columns = {name: name for name in header}
    for name, price in (("plain", "list_price"), ("cast", "cast(list_price as decimal(18, 4))")):
        said_of_columns = json.dumps(columns | {"list_price": price})
        (tmp_path / f"{name}.yaml").write_text(f"dataset: products\n{said}\ncolumns: {said_of_columns}\n")
        rows = [[f"{name}{n}", "2024-03-01", value] for n, value in enumerate(values)]
        told = [dict(zip(header, row, strict=True)) for row in rows]
        take(warehouse, write(tmp_path, f"{name}.csv", told), tmp_path / f"{name}.yaml")
        path = tmp_path / f"{name} texts.json"
        path.write_text(json.dumps([each | {"product_id": f"json {each['product_id']}"} for each in told]))
        take(warehouse, path, tmp_path / f"{name}.yaml")
    found = warehouse.query("SELECT product_id, list_price FROM raw.products").to_pylist()
    prices = {row["product_id"]: row["list_price"] for row in found if row["list_price"] is not None}
    wanted = [decimal.Decimal(value) for value in good.values()]
    names = ("plain", "json plain", "cast", "json cast")
    assert prices == {f"{name}{n}": value for name in names for n, value in enumerate(wanted)}
    refused = warehouse.query("SELECT record, reasons FROM ops.quarantine").to_pylist()
    plain = [row["reasons"] for row in refused if "plain" in row["record"]]
    assert plain == [["list_price:not_a_number"]] * 2 * len(bad)


def test_decimals_of_parquet_keep_more_digits_than_a_float_has(warehouse: Warehouse, tmp_path: Path) -> None:
    wide = pa.decimal256(60, 12)
    prices = [decimal.Decimal(text) for text in ("123456789.123456", "0.000000000001", "1" * 41 + ".25")]
    table = pa.table({
        **{name: pa.array([value] * 3) for name, value in ROW.items()}, "unit_price": pa.array(prices, wide),
        "cost": pa.array([prices[2], None, prices[2]], wide), "product_id": pa.array(["a", "b", "c"]),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "in.parquet")
    take(warehouse, tmp_path / "in.parquet")
    rows = warehouse.query("SELECT unit_price, _extra FROM raw.transactions ORDER BY product_id").to_pylist()
    digits = f"{'1' * 41}.250000000000"
    assert [(str(row["unit_price"]), row["_extra"]) for row in rows] == [
        ("123456789.123456", f'{{"cost":{digits}}}'),
        ("0.000000", None),
    ]
    (refused,) = warehouse.query("SELECT record, reasons FROM ops.quarantine").to_pylist()
    assert refused["reasons"] == ["unit_price:out_of_range"]
    assert f'"unit_price":{digits}' in refused["record"] and f'"cost":{digits}' in refused["record"]
    columns = {name: name for name in ROW} | {"unit_price": "unit_price * 2", "transaction_id": "'mapped'"}
    (tmp_path / "m.yaml").write_text(json.dumps({"dataset": "transactions", "columns": columns}))
    take(warehouse, tmp_path / "in.parquet", tmp_path / "m.yaml")
    mapped = warehouse.query("SELECT unit_price FROM raw.transactions WHERE transaction_id = 'mapped'")
    assert sorted(row["unit_price"] for row in mapped.to_pylist()) == [0, decimal.Decimal("246913578.246912")]


def test_a_map_says_how_numbers_are_spelled_and_nothing_of_those_that_nobody_spelled(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    said = "dataset: products\ndecimal: ','\nthousands: ' '\nnull: ['1.234']\n"
    (tmp_path / "map.yaml").write_text(said)
    price = decimal.Decimal("1.234")
    wide, spelled = tmp_path / "wide.parquet", tmp_path / "spelled.jsonl"
    row: dict[str, Any] = {"product_id": "wide", "updated_at": "2024-03-01T00:00:00Z"}
    columns = {name: pa.array([value]) for name, value in row.items()}
    pq.write_table(pa.table({**columns, "list_price": pa.array([price], pa.decimal256(45, 3))}), wide)
    # The only text of the line that is a number, with a blank that is escaped.
    spelled.write_text(json.dumps({**row, "product_id": "spelled", "list_price": "1\u00a0234,5"}) + "\n")
    for path in (wide, spelled):
        take(warehouse, path, tmp_path / "map.yaml")
    found = warehouse.query("SELECT product_id, list_price FROM raw.products").to_pylist()
    assert {row["product_id"]: row["list_price"] for row in found} == {
        "wide": price,
        "spelled": decimal.Decimal("1234.5"),
    }

"""A map against the columns of a file: what doesn't fit is said before any row is looked at, and in their words."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from workbench.errors import UsageError
from workbench.etl.ingest import ingest
from workbench.etl.ingestion.trying.fitting import check_file
from workbench.settings import Settings
from workbench.sources.files import NotLanded, land
from workbench.sources.maps import Map
from workbench.warehouse import Warehouse

COLUMNS = {
    "transaction_id": "inv", "line_number": "row_number() over (partition by inv)", "transaction_timestamp": '"when"',
    "product_id": "sku", "store_id": "'S1'", "quantity": "qty", "unit_price": "price", "currency": "'USD'",
}  # fmt: skip
PRICES = "inv,when,sku,qty,price\nA,2024-10-01 10:00:00,P1,1,2.5\nA,2024-10-01 10:00:00,P2,x,3.5\nB,2024-10-02,P3,2,4.5\n"


def mapped(**changed: str) -> Map:
    return Map(dataset="transactions", columns=COLUMNS | changed)


def write_map(path: Path, **changed: str) -> Path:
    path.write_text(yaml.safe_dump({"dataset": "transactions", "columns": COLUMNS | changed}))
    return path


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"unit_price": "prize"}, "column 'unit_price': the file has no column 'prize'; did you mean 'price'?"),
        ({"channel": "chanel"}, "column 'channel': the file has no column 'chanel'; it has inv, when, sku"),
        ({"channel": "t.qty"}, "the file has no column 't'"),
        ({"channel": "parse_my_date(inv)"}, "Scalar Function with name parse_my_date does not exist"),
        ({"quantity": "sum(qty)"}, "write it over a window: sum(…) over (…)"),
        ({"quantity": "count(*)"}, "write it over a window"),
        ({"channel": "error(inv)"}, "fail on purpose"),
        ({"channel": "error('stop')"}, "fail on purpose"),
        ({"channel": "random()::varchar"}, "may give another value each time"),
        ({"transaction_timestamp": "strptime(\"when\", '%Q')"}, "Failed to parse format specifier %Q"),
        ({"quantity": "qty::nonsense"}, "Type with name nonsense does not exist"),
        ({"channel": "unnest([1, 2])"}, "UNNEST not supported here"),
        ({"channel": "regexp_extract(sku, '[')"}, "missing ]"),
        ({"quantity": "qty + sku"}, "quantity"),
        ({"line_number": "ntile(0) over (nonsense)"}, "line_number"),
        ({"channel": "columns('s.*')"}, "no subquery, star or parameter"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_worked_out_is_refused_at_load(
    tmp_path: Path, settings: Settings, changed: dict[str, str], told: str
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(PRICES)
    with pytest.raises(UsageError) as refused:
        land(
            str(path),
            map_file=write_map(tmp_path / "m.yaml", **changed),
            check=lambda path, _, mapping: check_file(path, mapping),
        )
    assert told in str(refused.value)
    assert not list(settings.landing.rglob("prices*"))


@pytest.mark.parametrize(
    "name", ["Order ID", "Item-No", "Qty (net)", "VAT %", "order", "when", "Unit Price EUR", "a.b"]
)
def test_a_name_that_is_no_plain_word_is_told_to_want_quotes(
    warehouse: Warehouse, tmp_path: Path, name: str
) -> None:
    (tmp_path / "a.csv").write_text(f"inv,moment,sku,qty,price,{name}\nA,2024-10-01,P1,1,2.5,x\n")
    changed = {"transaction_timestamp": "moment", "channel": name}
    with pytest.raises(UsageError) as refused:
        land(
            str(tmp_path / "a.csv"),
            map_file=write_map(tmp_path / "m.yaml", **changed),
            check=lambda path, _, mapping: check_file(path, mapping),
        )
    assert f'"{name}"' in str(refused.value) and "in quotes" in str(refused.value)
    mended = write_map(tmp_path / "m.yaml", **changed | {"channel": f'"{name}"'})
    land(str(tmp_path / "a.csv"), map_file=mended, check=lambda path, _, mapping: check_file(path, mapping))
    assert [batch.rows_accepted for batch in ingest(warehouse).batches] == [1]


def test_an_expression_may_end_in_a_comment(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(PRICES)
    changed = write_map(tmp_path / "m.yaml", channel="coalesce(sku, -- theirs\n  'none')  -- or nothing")
    land(
        str(tmp_path / "prices.csv"),
        map_file=changed,
        check=lambda path, _, mapping: check_file(path, mapping),
    )
    ingest(warehouse)
    rows = warehouse.query("SELECT channel FROM raw.transactions ORDER BY 1").to_pylist()
    assert rows == [{"channel": "P1"}, {"channel": "P3"}]


def test_every_form_of_file_is_looked_at(tmp_path: Path) -> None:
    pq.write_table(pa.table({"item": [{"sku": "P1"}], "a.b": [1]}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n{"item": {"sku": "P1"}, "a.b": 1}\n')
    for name in ("a.parquet", "a.jsonl"):
        fits = Map(
            dataset="stores", columns={"store_id": "item.sku", "updated_at": "item['sku']", "name": '"a.b"'}
        )
        check_file(tmp_path / name, fits)
        with pytest.raises(UsageError, match=r"no column 'a'; .* is written in quotes: \"a\.b\""):
            check_file(tmp_path / name, Map(dataset="stores", columns={"store_id": "a.b"}))
    with pytest.raises(UsageError, match='Could not find key "size" in struct'):
        check_file(tmp_path / "a.parquet", Map(dataset="stores", columns={"store_id": "item.size"}))
    (tmp_path / "a.csv").write_bytes(b"")
    check_file(tmp_path / "a.csv", Map(dataset="stores", columns={"store_id": "a"}))


def test_a_file_that_does_not_fit_keeps_no_other_from_landing(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text(PRICES.replace("price\n", "prize\n"))
    (folder / "b.csv").write_text(PRICES)
    with pytest.raises(
        NotLanded, match=r"no column 'price'; did you mean 'prize'\?.*the other 1 landed"
    ) as refused:
        land(
            str(folder),
            map_file=write_map(tmp_path / "m.yaml"),
            check=lambda path, _, mapping: check_file(path, mapping),
        )
    assert [file.path.name[0] for file in refused.value.landed] == ["b"]
    with pytest.raises(NotLanded, match=r"the other 1 had landed before\)$"):
        land(
            str(folder),
            map_file=write_map(tmp_path / "m.yaml"),
            check=lambda path, _, mapping: check_file(path, mapping),
        )


def test_a_column_that_is_called_as_a_word_of_sql_is_told_to_be_quoted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,at\n1,2024-01-01\n")
    with pytest.raises(UsageError, match=r"'at' is a column of the file, .* write it in quotes: '\"at\"'$"):
        check_file(tmp_path / "a.csv", Map(dataset="stores", columns={"store_id": "id", "updated_at": "at"}))
    check_file(tmp_path / "a.csv", Map(dataset="stores", columns={"store_id": "id", "updated_at": '"at"'}))


def test_one_bad_cell_costs_one_row_whatever_reads_it(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(PRICES)
    number = "row_number() over (partition by inv order by cast(qty as integer) desc)"
    highest = "cast(max(cast(qty as integer)) filter (where cast(qty as integer) > 0) over (partition by inv) as varchar)"
    before = "cast(lag(qty) over (order by sku) as integer) / 0"
    changed = write_map(tmp_path / "m.yaml", line_number=number, channel=highest, discount_amount=before)
    land(
        str(tmp_path / "prices.csv"),
        map_file=changed,
        check=lambda path, _, mapping: check_file(path, mapping),
    )
    (batch,) = ingest(warehouse).batches
    assert (batch.rows_accepted, batch.rows_quarantined) == (2, 1)
    rows = warehouse.query(
        "SELECT product_id AS p, line_number AS l, channel AS c FROM raw.transactions ORDER BY 1"
    )
    assert [tuple(row.values()) for row in rows.to_pylist()] == [("P1", 1, "1"), ("P3", 1, "2")]
    (aside,) = warehouse.query("SELECT record, reasons FROM ops.quarantine").to_pylist()
    assert (
        aside["record"].startswith("A,2024-10-01 10:00:00,P2,x")
        and "quantity:not_a_number" in aside["reasons"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "item.sku", "item['sku']", "item.inner.sku", "item['inner'].sku",
        "item.codes[2]", "item['codes'][2]", "item.all[1].sku", "codes[2]",
    ],
)  # fmt: skip
def test_a_field_of_a_column_is_found(warehouse: Warehouse, tmp_path: Path, text: str) -> None:
    item = {"sku": "P1", "inner": {"sku": "P1"}, "codes": ["[", "P1"], "all": [{"sku": "P1"}]}
    row = {"inv": "A", "when": "2024-10-01", "item": item, "codes": ["x", "P1"], "qty": "1", "price": "2.5"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text(str(row | {"inv": "B"}).replace("'", '"') + "\n")
    changed = write_map(tmp_path / "m.yaml", product_id=text)
    for name in ("a.parquet", "b.jsonl"):
        land(str(tmp_path / name), map_file=changed, check=lambda path, _, mapping: check_file(path, mapping))
    assert [batch.rows_accepted for batch in ingest(warehouse).batches] == [1, 1]
    rows = warehouse.query("SELECT product_id, _extra FROM raw.transactions").to_pylist()
    assert [row["product_id"] for row in rows] == ["P1", "P1"]
    # The column it is a field of is used; the other one isn't.
    used, other = ("codes", "item") if text.startswith("codes") else ("item", "codes")
    assert all(used not in json.loads(row["_extra"]) and other in json.loads(row["_extra"]) for row in rows)


def test_a_place_in_a_text_is_that_of_a_letter(warehouse: Warehouse, tmp_path: Path) -> None:
    row = {"inv": "[A", "when": "2024-10-01", "item": "P1", "qty": "1", "price": "2.5"}
    (tmp_path / "b.jsonl").write_text(str(row).replace("'", '"') + "\n")
    changed = write_map(tmp_path / "m.yaml", product_id="item", channel="inv[2]")
    land(
        str(tmp_path / "b.jsonl"), map_file=changed, check=lambda path, _, mapping: check_file(path, mapping)
    )
    ingest(warehouse)
    assert warehouse.query("SELECT channel FROM raw.transactions").to_pylist() == [{"channel": "A"}]


def test_a_map_that_fails_in_landing_refuses_its_file_and_no_other(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    folder = settings.landing / "transactions"
    folder.mkdir(parents=True)
    wrong = {
        "lacks": {"unit_price": "prize"},
        "unknown": {"channel": "nonsense(inv)"},
        "fails": {
            "quantity": "sum(case when qty = '1' then 1.7e38::hugeint else 1.7e38::hugeint end) over ()"
        },
    }
    for name, changed in wrong.items():
        (folder / f"{name}.csv").write_text(PRICES)
        write_map(folder / f"{name}.csv.map.yaml", **changed)
    (folder / "z.csv").write_text(PRICES)
    write_map(folder / "z.csv.map.yaml")
    batches = {Path(batch.uri).stem: batch for batch in ingest(warehouse).batches}
    assert {name: batch.status for name, batch in batches.items()} == dict.fromkeys(wrong, "rejected") | {
        "z": "partial"
    }
    assert batches["lacks"].message == (
        "map, column 'unit_price': the file has no column 'prize'; did you mean 'price'?"
    )
    assert str(batches["fails"].message).startswith("the map can't be worked out for this file: ")
    reasons = {
        reason
        for row in warehouse.query("SELECT reasons FROM ops.quarantine").to_pylist()
        for reason in row["reasons"]
    }
    assert reasons == {
        "unit_price:missing_column", "channel:bad_expression", "map:failed", "quantity:not_a_number",
    }  # fmt: skip

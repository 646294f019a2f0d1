"""Maps: what they may say, and what they make of rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.sources.maps import read_map
from workbench.warehouse import Warehouse

RETAIL = Path(__file__).resolve().parents[2] / "samples/online_retail.map.yaml"
STORES = "dataset: stores\ncolumns: {store_id: Id, updated_at: \"'2024-01-01'\""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dataset: store\ncolumns: {}", "did you mean 'stores'"),
        (STORES + ", nam: Name}", "did you mean 'name'"),
        ("dataset: stores\ncolumns: {store_id: Id}", "requires updated_at"),
        (STORES + ", name: '(select 1)'}", "no subquery"),
        (STORES + ", name: 'Name, Id'}", "one scalar or window expression"),
        (STORES + ", name: 'Name from t'}", "one scalar or window expression"),
        (STORES + ", name: 'upper('}", "not an expression"),
        (STORES + "}\nfilter: x", "unknown key 'filter'; did you mean 'delimiter'"),
        (STORES + "}\nencodng: utf-8", "unknown key 'encodng'; did you mean 'encoding'"),
        ("[", "map"),
        (
            "dataset: stores\ncolumns:\n  store_id: a\n  name: b\n  store_id: c\n",
            "store_id is there twice, line 5",
        ),
        ("dataset: stores\n? [a]\n: b\n", "map"),
        ("dataset: stores\nskip: true", "skip: it must be a number, not true"),
        (
            "dataset: stores\nsheet: no",
            "sheet: it must be a text or a number, not false; a text stands in quotes",
        ),
        *(
            (f"dataset: stores\nencoding: {name}", f"no encoding '{name}' is known")
            for name in ("idna", "punycode", "rot13")
        ),
    ],
)
def test_a_wrong_map_is_refused_with_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(UsageError, match=told.replace("(", r"\(")):
        read_map(tmp_path / "m.yaml")


def test_layout_and_words_of_a_map_do_not_make_another_batch(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(STORES + "}")
    (tmp_path / "b.yaml").write_text(
        "description: x\ncolumns:\n  updated_at: \"'2024-01-01'\"\n  store_id: Id\ndataset: stores\n"
    )
    assert read_map(tmp_path / "a.yaml").canonical == read_map(tmp_path / "b.yaml").canonical


def test_other_columns_are_kept_and_a_row_that_fails_is_set_aside(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "m.yaml").write_text(STORES + ", name: 'upper(Name)', city: 'cast(Zip as integer)::varchar'}")
    (tmp_path / "s.csv").write_text("Id,Name,Zip,Colour\n1,a,007,red\n,b,8,\n3,c,x,\n")
    land(str(tmp_path / "s.csv"), map_file=tmp_path / "m.yaml")
    (batch,) = ingest(warehouse).batches  # type: ignore[arg-type]
    assert (batch.rows_landed, batch.rows_accepted, batch.message) == (3, 2, "kept in _extra: Colour")
    rows = warehouse.query("SELECT store_id, name, city, _extra FROM raw.stores ORDER BY 1").to_pylist()
    assert rows == [
        {"store_id": "1", "name": "A", "city": "7", "_extra": '{"Colour":"red"}'},
        {"store_id": "3", "name": "C", "city": None, "_extra": '{"Colour":""}'},
    ]
    (aside,) = warehouse.query("SELECT record, reasons FROM ops.quarantine").to_pylist()
    assert aside == {"record": ",b,8,", "reasons": ["store_id:missing"]}


def test_a_map_that_names_a_column_the_file_lacks_refuses_the_file(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "m.yaml").write_text(STORES + ", name: Label}")
    (tmp_path / "s.csv").write_text("Id,Name\n1,a\n")
    land(str(tmp_path / "s.csv"), map_file=tmp_path / "m.yaml")
    (batch,) = ingest(warehouse).batches  # type: ignore[arg-type]
    assert (batch.status, batch.rows_quarantined) == ("rejected", 1)
    assert "name" in str(batch.message)


def test_the_map_of_online_retail_takes_another_month_as_csv(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "month.csv").write_text(
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
        "489434,85048,LIGHTS,12,2010-04-01 07:45:00,6.95,13085.0,United Kingdom\n"
        "489434,85048,LIGHTS,12,2010-04-01 07:45:00,6.95,13085.0,United Kingdom\n"
        "489434,79323P,PINK,1,2010-04-01 07:45:00,6.75,13085.0,United Kingdom\n"
        "A506401,B,Adjust bad debt,1,2010-04-29 13:36:00,-53594.36,,United Kingdom\n"
        'C489449,gift_0001_20,"Gift, £20",-1,2010-04-29 13:36:00,17.02,,EIRE\n'
        "489464,21733,85123a mixed,0,2010-04-29 13:36:00,0.0,,United Kingdom\n"
    )
    land(str(tmp_path / "month.csv"), map_file=RETAIL)
    (batch,) = ingest(warehouse).batches  # type: ignore[arg-type]
    assert (batch.rows_landed, batch.rows_accepted, batch.rows_duplicate) == (6, 4, 1)
    rows = warehouse.query(
        "SELECT transaction_id AS t, line_number AS l, customer_id AS c FROM raw.transactions ORDER BY _row_number"
    ).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("489434", 2, "13085"), ("489434", 2, "13085"), ("489434", 1, "13085"), ("C489449", 1, None),
    ]  # fmt: skip
    aside = warehouse.query("SELECT row_number, reasons FROM ops.quarantine ORDER BY 1").to_pylist()
    assert [tuple(row.values()) for row in aside] == [(4, ["unit_price:negative"]), (6, ["quantity:zero"])]

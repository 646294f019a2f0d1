"""The examples of the guide to loading files, taken in as they are written."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.sources.maps import read_map
from workbench.warehouse import Warehouse

GUIDE = Path(__file__).resolve().parents[2] / "docs/user-guides/load-your-own-files.md"


def test_the_order_with_its_lines_is_two_rows_by_its_map(warehouse: Warehouse, tmp_path: Path) -> None:
    text = GUIDE.read_text()
    (record,) = re.findall(r"(?m)^    (\{.*\})$", text)
    (mapping,) = re.findall(r"(?m)(?:^    .*\n)*^    unnest: cart.*\n(?:^    .*\n)*", text)
    (tmp_path / "orders.jsonl").write_text(record)
    (tmp_path / "orders.jsonl.map.yaml").write_text(dedent(mapping))
    land(str(tmp_path / "orders.jsonl"))
    (batch,) = ingest(warehouse).batches
    assert (batch.rows_landed, batch.rows_accepted) == (2, 2), batch.message
    found = warehouse.query(
        "SELECT transaction_id, line_number, product_id, unit_price FROM raw.transactions"
    )
    rows = [tuple(map(str, row.values())) for row in found.to_pylist()]
    assert sorted(rows) == [("7", "1", "A", "2.500000"), ("7", "2", "B", "1.000000")]


def test_each_thing_that_a_map_may_say_is_taken_as_it_is_written(tmp_path: Path) -> None:
    table = GUIDE.read_text().split("| in the map | means |")[1].split("\n\n")[0]
    written = re.findall(r"(?m)^\| `([^`]+)` \|", table)
    assert len(written) == 11
    for text in written:
        name = text.partition(":")[0]
        more = {"names": "header: none\n", "thousands": "decimal: ','\n"}.get(name, "")
        (tmp_path / "m.yaml").write_text(f"dataset: stores\n{more}{text}\n")
        if name in ("names", "null"):
            (tmp_path / "one.yaml").write_text(f"dataset: stores\n{more}{name}: id\n")
            assert read_map(tmp_path / "one.yaml").said[name] == ("id",)
        assert name in read_map(tmp_path / "m.yaml").said

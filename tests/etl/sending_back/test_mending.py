"""What a spreadsheet made of rows that were exported is read again, or it is said how to save it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.etl.lines import GOOD, HEADER, line, take
from workbench.errors import UsageError
from workbench.etl.ingest import ingest
from workbench.etl.sending_back.mending import BATCH, RECORD, ROW, Mended, match, read_csv, write_csv
from workbench.etl.sending_back.replay import replay
from workbench.governance.quarantine.rows import Filter, find
from workbench.sources.files import land
from workbench.warehouse import Warehouse

ODD = "\u2028 \u2029 \x85 \x0b \x0c \x1c \x1d \x1e a\r\nb\rc\nd"
"""What programs take for the end of a line, and within a cell is none."""


def test_a_csv_is_read_as_spreadsheets_save_it(tmp_path: Path) -> None:
    path, table = tmp_path / "mend.csv", f"{BATCH}\t{ROW}\tcity\r\nb1\t7\tKöln 店\r\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes(table.encode(encoding))
        assert read_csv(path) == {("b1", 7): {BATCH: "b1", ROW: "7", "city": "Köln 店"}}
    path.write_bytes(b"\xfe\xff" + table.encode("utf-16-be"))
    assert list(read_csv(path)) == [("b1", 7)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04\x14\x00", "is a workbook: save it as CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a workbook: save it as CSV UTF-8"),
        ("café".encode("cp1252"), "isn't UTF-8; save it as CSV UTF-8"),
        (b"\xff\xfea\x00b", "isn't UTF-8; save it as CSV UTF-8"),
    ],
)
def test_what_is_no_csv_in_unicode_is_told_how_to_be_saved(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "mend.csv").write_bytes(content)
    with pytest.raises(UsageError, match=told):
        read_csv(tmp_path / "mend.csv")


def test_what_stands_in_cells_goes_back_as_it_came(warehouse: Warehouse, tmp_path: Path) -> None:
    bad = [f'{line(transaction_id=f"T{n}", quantity="two")},"{ODD}"' for n in range(3)]
    short = f'T4,"{ODD}"'
    take(warehouse, tmp_path, "\n".join([f"{HEADER},note", *bad, short]) + "\n")
    rows, path = find(warehouse, Filter()), tmp_path / "mend.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        write_csv(rows, out)
    exported = path.read_bytes()
    # A program that saves it may end lines otherwise, in cells, too.
    for saved in (exported, exported.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")):
        path.write_bytes(saved)
        _, made, _ = match(rows, read_csv(path))
        assert list(made.values()) == [Mended()] * 4
        # In the text of the first row, and in its cell.
        path.write_bytes(saved.replace(b",two,", b",2,", 2))
        chosen, made, _ = match(rows, read_csv(path))
        assert [each.cells and each.cells["note"] for each in made.values()] == [ODD, None, None, None]
    replay(warehouse, chosen, made, by="ann")
    (row,) = warehouse.rows("SELECT transaction_id, _extra FROM raw.transactions")
    assert (row["transaction_id"], json.loads(row["_extra"])) == ("T0", {"note": ODD})
    assert {row.record for row in find(warehouse, Filter())} == {*bad[1:], short}


def test_an_export_of_before_says_what_was_changed_in_it(warehouse: Warehouse, tmp_path: Path) -> None:
    """A line that was sent back half-mended is mended further by another copy of its export, whichever way."""
    short = GOOD.removesuffix(",store")
    take(warehouse, tmp_path, f"{HEADER}\n{short}\n")
    exported = tmp_path / "mend.csv"
    with exported.open("w", encoding="utf-8", newline="") as out:
        write_csv(find(warehouse, Filter()), out)
    (key, line_of_it) = next(iter(read_csv(exported).items()))
    half, whole = {"quantity": "2"}, {RECORD: f"{short},web"}

    def send(changes: dict[str, str]) -> list[tuple[int, int]]:
        chosen, made, _ = match(find(warehouse, Filter(status=None)), {key: line_of_it | changes})
        done = replay(warehouse, chosen, made, by="ann", why=str(changes)) if chosen else []
        return [(each.batch.rows_accepted, each.batch.rows_quarantined) for each in done if each.batch]

    assert send(half) == [(0, 1)]
    # Neither the same again nor an export in which nothing was mended says anything more.
    assert send(half) == send({}) == []
    assert send({RECORD: f"{short},web,x"}) == [(0, 1)]
    assert send(half | {"product_id": "P9"}) == [(0, 1)]
    rows = find(warehouse, Filter(status=None))
    (made,) = match(rows, {key: line_of_it | half | whole})[1].values()
    assert made.cells and made.cells["product_id"] == "P1" and made.cells["channel"] == "web"
    assert send(whole) == [(1, 0)] and send(whole) == send(half) == []
    (row,) = warehouse.rows("SELECT transaction_id, product_id, channel FROM raw.transactions")
    assert row == {"transaction_id": "T1", "product_id": "P1", "channel": "web"}
    assert not find(warehouse, Filter())


def test_numbers_that_nobody_mended_keep_their_words(warehouse: Warehouse, tmp_path: Path) -> None:
    row = json.dumps(
        {**dict(zip(HEADER.split(","), GOOD.split(","), strict=True)), "product_id": 0, "quantity": "two"}
    )
    row = row.replace('"product_id": 0', '"product_id": 1.10, "note": [1e5, 2.50, "\\u00e9"]')
    take(warehouse, tmp_path, row + "\n", "in.jsonl")
    rows, path = find(warehouse, Filter()), tmp_path / "mend.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        write_csv(rows, out)
    (key, cells), *_ = read_csv(path).items()
    assert (cells["product_id"], cells["note"]) == ("1.10", '[1e5, 2.50, "\\u00e9"]')
    replay(warehouse, rows, match(rows, {key: cells | {"quantity": "2"}})[1], by="ann")
    (found,) = warehouse.rows("SELECT product_id, quantity, _extra FROM raw.transactions")
    assert (found["product_id"], found["quantity"]) == ("1.10", 2)
    assert found["_extra"].replace(" ", "") == '{"note":[1e5,2.50,"é"]}'


def test_numbers_go_back_as_they_were_written_by_the_map(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "comma.yaml").write_text('dataset: transactions\ndecimal: ","\n')
    good = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | {"quantity": "two"}
    texts, numbers = good | {"unit_price": "1.234,5"}, good | {"transaction_id": "T2", "unit_price": 1.125}
    (tmp_path / "in.json").write_text(
        json.dumps([texts | {"discount_amount": None}, numbers | {"discount_amount": 0.5}])
    )
    cells = good | {"transaction_id": "T3", "unit_price": "1.125", "discount_amount": "0,5"}
    (tmp_path / "in.csv").write_text("\n".join(";".join(values) for values in (cells, cells.values())))
    for name in ("in.json", "in.csv"):
        land(str(tmp_path / name), None, tmp_path / "comma.yaml")
    ingest(warehouse)
    rows, path = find(warehouse, Filter()), tmp_path / "mend.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        write_csv(rows, out)
    changed = {key: cells | {"quantity": "2"} for key, cells in read_csv(path).items()}
    # What is a number in the file is one when it is mended; what is a text is written as those of the file.
    (one,) = (cells for cells in changed.values() if cells["transaction_id"] == "T2")
    one["discount_amount"] = "0.250"
    chosen, mended, _ = match(rows, changed)
    replay(warehouse, chosen, mended, by="ann")
    found = warehouse.rows(
        "SELECT transaction_id, unit_price, discount_amount FROM raw.transactions ORDER BY 1"
    )
    assert [tuple(row.values())[1:] for row in found] == [
        (Decimal("1234.5"), None), (Decimal("1.125"), Decimal("0.25")), (Decimal("1125"), Decimal("0.5")),
    ]  # fmt: skip

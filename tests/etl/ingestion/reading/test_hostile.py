# ruff: noqa: RUF001
"""Files that are broken, huge or meant to harm: told what they are, in bounded memory, and nothing of them lost."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.etl.ingestion.reading.opening import read, workbook
from workbench.etl.ingestion.converting import json_values
from workbench.etl.ingestion.converting.encodings import tell_encoding
from workbench.etl.ingestion.converting.json_values import JsonValues
from workbench.etl.ingestion.converting.nested import Unnested
from workbench.etl.ingestion.reading import UnreadableFile
from workbench.etl.ingestion.reading.columns import columns_of
from workbench.sources.dialect import Dialect


def test_rows_that_cannot_be_decoded_are_set_aside_and_the_others_are_read(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    text = "id,name,qty\n1,a,2\n2,b,3\n3,c,4\n"
    lone = text.encode("utf-16-le").replace("b".encode("utf-16-le"), b"\x00\xd8")
    good, bad, _ = read(connection, tmp_path, lone)
    assert (list(good), list(bad), bad[2][1]) == ([1, 3], [2], "line:not_utf8")
    assert r"\x00\xd8" in bad[2][0]
    good, bad, _ = read(connection, tmp_path, text.encode("utf-16") + b"\x31")
    assert (list(good), list(bad)) == ([1, 2, 3], [4])
    good, bad, _ = read(connection, tmp_path, text.encode().replace(b"b", b"\x81"), encoding="cp1252")
    assert (list(good), list(bad)) == ([1, 3], [2])
    assert r"\x81" in bad[2][0]
    good, bad, _ = read(connection, tmp_path, text.encode("utf-16").replace(b"b\0", b"\0\0"))
    assert (list(good), bad) == ([1, 3], {2: (r"2,\x00,3", "line:nul_byte")})


@pytest.mark.parametrize(
    ("text", "written", "told"),
    [
        ("Müller;Straße;Köln", "cp1252", "cp1252"), ("Café, crème brûlée — 5 €", "cp1252", "cp1252"),
        ("Año, Piñata, ¿Qué? 20 °C, 5 m²", "cp1252", "cp1252"), ("Åse Sørensen, São Paulo, Coração", "cp1252", "cp1252"),
        ("Łódź, Żółty, Kraków", "cp1250", None), ("Dvořák, Němec, Příliš žluťoučký kůň", "cp1250", None), ("Молоко, Хлеб", "cp1251", None),
        ("Γάλα, Τυρί", "cp1253", None), ("Şeker, İnce, ığdır, Güneş", "cp1254", None), ("牛乳, パン", "shift_jis", None),
        ("牛乳, パン, Müller", "utf-8", "utf-8"), ("Müller", "utf-16-le", "utf-16-le"), ("plain", "ascii", "utf-8"),
    ],
)  # fmt: skip
def test_an_encoding_is_told_or_left_open(text: str, written: str, told: str | None) -> None:
    for times in (1, 500):
        content = f"id,name\n1,{text}\n".encode(written) * times
        assert tell_encoding(io.BytesIO(content), content[:4096]) == told


def test_one_value_that_is_no_utf8_among_others_that_are_is_set_aside(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    content = "id,name,qty\n1,Müller,2\n".encode() + "2,Köln,3\n".encode("cp1252")
    good, bad, notes = read(connection, tmp_path, content)
    assert (good[1][1], bad[2][1]) == ("Müller", "line:not_utf8")
    assert notes == ("not all of it is UTF-8; a map may say its encoding (encoding: windows-1250)",)


def test_an_element_of_an_array_is_an_island(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    content = '[{"id": 1, "name": "a],[{\\"\\\\"}, 2, {"id": 3,, }, {"id": 4, "name": "x\ny"}, {"id": 5, "id": 6},\n\n{"id": 7},]'
    good, bad, _ = read(connection, tmp_path, content.encode(), "in.json")
    assert {n: row[0] for n, row in good.items()} == {1: "1", 6: "7"}
    assert good[1][1] == 'a],[{"\\'
    assert {n: why for n, (_, why) in bad.items()} == {
        2: "line:not_an_object", 3: "line:not_json", 4: "line:not_json", 5: "line:duplicate_key",
    }  # fmt: skip
    for broken, told in {
        '[{"id": 1}, {"id": ': "ends inside a value or before the array is closed",
        '[{"id": 1}, {"id": 2}': "before the array is closed",
        '[{"id": 1}}]': "closes a bracket that it never opened",
    }.items():
        with pytest.raises(UnreadableFile, match=told):
            read(connection, tmp_path, broken.encode(), "in.json")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    elements=st.lists(values, max_size=6),
    indent=st.sampled_from([None, 1]),
    plain=st.booleans(),
    block=st.integers(1, 40),
)
def test_an_array_has_its_elements_wherever_blocks_end(
    monkeypatch: pytest.MonkeyPatch, elements: list[Any], indent: int | None, plain: bool, block: int
) -> None:
    monkeypatch.setattr(json_values, "_BLOCK", block)
    document = json.dumps(elements, indent=indent, ensure_ascii=plain).encode()
    lines = io.BufferedReader(JsonValues(io.BytesIO(document), 1)).read().splitlines()
    assert [json.loads(line) for line in lines if line.strip()] == elements
    objects = [{"a": each} for each in elements]
    document = "".join(json.dumps(each, indent=indent, ensure_ascii=plain) for each in objects).encode()
    lines = io.BufferedReader(JsonValues(io.BytesIO(document), 0)).read().splitlines()
    assert [json.loads(line) for line in lines if line.strip()] == objects


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "c"]), values) | st.fixed_dictionaries({"cart": st.lists(values, max_size=3)}, optional={"a": values}),
        max_size=5,
    ),
)  # fmt: skip
def test_a_list_in_each_record_is_as_many_rows(records: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(record) + "\n" for record in records).encode()
    found = [json.loads(line) for line in io.BufferedReader(Unnested(io.BytesIO(text), "cart"))]
    wanted: list[dict[str, Any]] = []
    for number, record in enumerate(records, 1):
        cart = record.get("cart")
        if isinstance(cart, list) and cart:
            wanted += [
                {**record, "cart": each, "_record": number, "_element": place}
                for place, each in enumerate(cart, 1)
            ]
        else:
            empty = {"cart": None} if isinstance(cart, list) else {}
            wanted.append({**record, **empty, "_record": number, "_element": None})
    assert found == wanted


def test_what_is_unnested_keeps_digits_and_faults(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lines = (
        '{"id": 1, "cart": [{"x": 1.10}, {"x": 12345678901234567890}]}\n{broken\n\n{"id": 4, "cart": []}\n'
    )
    good, bad, _ = read(connection, tmp_path, lines.encode(), "in.jsonl", unnest="cart")
    assert {n: row[0] for n, row in good.items()} == {1: "1", 2: "1", 5: "4"}
    assert bad == {3: ("{broken", "line:not_json"), 4: ("", "line:blank")}
    _, _, notes = read(connection, tmp_path, lines.encode(), "other.jsonl", unnest="carts")
    assert notes == ("no record has a list 'carts', which the map says to unnest",)
    read(connection, tmp_path, lines.encode(), "in.jsonl", unnest="cart")
    (records,) = zip(
        *connection.execute("SELECT coalesce(record, line) FROM objects ORDER BY n").fetchall(), strict=True
    )
    assert records[:2] == (
        '{"id": 1, "cart": {"x": 1.10},"_record":1,"_element":1}',
        '{"id": 1, "cart": {"x": 12345678901234567890},"_record":1,"_element":2}',
    )


def test_lists_in_parquet_are_rows(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    carts = [[{"x": 1}, {"x": 2}], [], None, [{"x": 3}]]
    target = io.BytesIO()
    pq.write_table(pa.table({"id": ["a", "b", "c", "d"], "cart": carts}), target)
    good, bad, _ = read(connection, tmp_path, target.getvalue(), "in.parquet", unnest="cart")
    assert (good, bad) == ({1: ("a",), 2: ("a",), 3: ("b",), 4: ("c",), 5: ("d",)}, {})
    found = connection.execute("SELECT c1.x, c2, c3 FROM landed").fetchall()
    assert found == [(1, 1, 1), (2, 1, 2), (None, 2, None), (None, 3, None), (3, 4, 1)]
    columns = columns_of(tmp_path / "in.parquet", ["cart", "_element"], Dialect(unnest="cart"))
    assert columns.types == {"cart": "STRUCT(x BIGINT)", "_element": "BIGINT"}
    with pytest.raises(UnreadableFile, match=r"without a column of lists 'carts'.*; lists are in cart"):
        read(connection, tmp_path, target.getvalue(), "in.parquet", unnest="carts")
    with pytest.raises(UnreadableFile, match="it is CSV, and the map says unnest"):
        read(connection, tmp_path, b"id,name\n", unnest="cart")


def test_a_large_array_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    element = json.dumps({"id": 1, "name": "x" * 50, "inner": {"a": [1, 2, {"b": "]}"}]}}).encode() + b",\n"
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        file.write(b"[")
        for _ in range(100):
            file.write(element * 11_000)
        file.write(b'{"id": 2}]')
    assert path.stat().st_size > 100e6
    tracemalloc.start()
    with io.BufferedReader(JsonValues(path.open("rb"), 1), 1 << 20) as lines:
        count = 0
        while block := lines.read(1 << 20):
            count += block.count(b"\n")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100 * 11_000 + 1
    assert most < 64 << 20


def test_a_workbook_is_read_as_people_see_it(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    content = workbook(
        ["Report"], [], [None, "ID", "Name", "Qty"], [None, 1, 'x "y"\nz', 2.0], [], [None, "007", "#N/A", 1e-7], [None, True, "", 0.1]
    )  # fmt: skip
    good, bad, notes = read(connection, tmp_path, content, "in.xlsx")
    assert good == {4: ("1", 'x "y"\nz', "2"), 6: ("007", "#N/A", "0.0000001"), 7: ("true", "", "0.1")}
    assert not bad
    assert notes == ("sheet S", "2 lines above the header left out: Report")
    book, target = openpyxl.Workbook(), io.BytesIO()
    book.active["C5"], book.active["D5"], book.active["C7"], book.active["D7"] = "id", "qty", 1, 2
    book.save(target)
    good, _, _ = read(connection, tmp_path, target.getvalue(), "in.xlsx")
    assert good == {7: ("1", "2")}
    for broken, told in [(workbook(), "without a value in any sheet"), (content[:-200], "cut short")]:
        with pytest.raises(UnreadableFile, match=told):
            read(connection, tmp_path, broken, "in.xlsx")
    with pytest.raises(UnreadableFile, match="the sheets S, and the map says sheet: Sales"):
        read(connection, tmp_path, content, "in.xlsx", sheet="Sales")

"""The same small table in many forms, as others write them."""

from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NAMES = ["product_id", "updated_at", "description", "brand", "list_price", "currency"]
ROWS = [
    ["007", "2024-03-01 10:00:00", 'Käse "alt", 5 €', "Müller", "1234.5", "EUR"],
    ["P2", "2024-03-01 10:00:00", "Crème\nbrûlée", None, "0.07", "EUR"],
    ["P3", "2024-03-02 00:00:00", "Piñata", "Niño", "12", "USD"],
]
MAP = dict(zip(NAMES, NAMES, strict=True))


def text(
    delimiter: str = ",",
    end: str = "\n",
    header: bool = True,
    rows: list[list[Any]] | None = None,
    **options: Any,
) -> str:
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter, lineterminator=end, **options)
    writer.writerows([*([NAMES] if header else []), *(rows or ROWS)])
    return target.getvalue()


def objects() -> list[dict[str, Any]]:
    return [dict(zip(NAMES, row, strict=True)) for row in ROWS]


def zipped(name: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/" + name, content)
        archive.writestr("__MACOSX/folder/._" + name, b"x")
    return target.getvalue()


def parquet() -> bytes:
    return _as_parquet({name: [row[i] for row in ROWS] for i, name in enumerate(NAMES)})


def _as_parquet(columns: dict[str, list[Any]]) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def workbook(above: int = 0, name: str = "Sheet1", more: Callable[[Any], None] = lambda book: None) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = name
    for _ in range(above):
        book.active.append(["Report"])
    book.active.append(NAMES)
    for product, moment, *others, price, currency in ROWS:
        book.active.append(
            [product, dt.datetime.fromisoformat(str(moment)), *others, float(str(price)), currency]
        )
    more(book)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def foreign(decimal: str, thousands: str) -> str:
    """Return it with numbers as others write them."""
    rows = [[*row[:4], _foreign(row[4], decimal, thousands), row[5]] for row in ROWS]
    return text(";", rows=rows)


def foreign_objects(decimal: str, thousands: str) -> list[dict[str, Any]]:
    """Return objects whose prices are texts with numbers as others write them."""
    return [
        each | {"list_price": _foreign(each["list_price"], decimal, thousands)}
        if each.get("list_price")
        else each
        for each in objects()
    ]


def _foreign(value: Any, decimal: str, thousands: str) -> str:
    return str(value).replace(".", decimal).replace("1234", f"1{thousands}234")


def _hide(book: Any) -> None:
    book.create_sheet("Empty", 0)
    hidden = book.create_sheet("Lists", 0)
    hidden.append(NAMES)
    hidden.sheet_state = "hidden"


UTF8 = text().encode()
FORMS: dict[str, tuple[bytes, dict[str, Any] | None]] = {
    "plain.csv": (UTF8, None),
    "bom.csv": (b"\xef\xbb\xbf" + UTF8, None),
    "bom within.csv": (UTF8.replace(b"\nP", b"\n\xef\xbb\xbfP"), None),
    "bom before quotes.csv": (text(end="\r\n", quoting=csv.QUOTE_ALL).replace('\r\n"', '\r\n\ufeff"').encode("utf-16"), None),
    "crlf.csv": (text(end="\r\n").encode(), None),
    "cr.csv": (text(end="\r", quoting=csv.QUOTE_ALL).encode(), None),
    "semicolon.csv": (text(";").encode(), None),
    "tab.tsv": (text("\t").encode(), None),
    "bar.txt": (text("|").encode(), None),
    "caret.txt": (text("^").encode(), None),
    "hive.txt": (text("\x01").encode(), None),
    "hash.csv": (text("#").encode(), {"delimiter": "#"}),
    "tab said.csv": (text("\t").encode(), {"delimiter": "tab"}),
    "apostrophe.csv": (text(quotechar="'").encode(), {"quote": "'"}),
    "sep.csv": (b"sep=;\r\n" + text(";").encode(), None),
    "utf16.csv": (text("\t", "\r\n").encode("utf-16"), None),
    "utf16be.csv": (b"\xfe\xff" + text().encode("utf-16-be"), None),
    "utf16 bare.csv": (text().encode("utf-16-le"), None),
    "utf16 said.csv": (text().encode("utf-16-be"), {"encoding": "utf-16-be"}),
    "utf32.csv": (text().encode("utf-32"), None),
    "western.csv": (text(";").encode("cp1252"), None),
    "dos.csv": (text(";").replace("€", "EUR").encode("cp850"), {"encoding": "cp850", "columns": MAP | {"description": "replace(description, 'EUR', '€')"}}),
    "mac.csv": (text(";", "\r", quoting=csv.QUOTE_ALL).encode("mac_roman"), {"encoding": "mac_roman"}),
    "above.csv": (f"Prices\n;;\n{text(';')}".encode(), None),
    "skip.csv": (f'"stray\nPrices\n{text(";")}'.encode(), {"skip": 2}),
    "headless.csv": (text(header=False).encode(), {"header": "none", "names": NAMES}),
    "by place.csv": (text(";", header=False).encode(), {"header": "none", "columns": {name: f"column{i}" for i, name in enumerate(NAMES, 1)}}),
    "headless below.csv": (f"x\ny\n{text(header=False)}".encode(), {"header": "none", "skip": 2, "names": NAMES}),
    "comma.csv": (foreign(",", ".").encode(), {"decimal": ","}),
    "comma mapped.csv": (foreign(",", ".").encode(), {"decimal": ",", "columns": MAP | {"list_price": "cast(list_price as decimal(18, 4)) * 1"}}),
    "swiss.csv": (foreign(".", "\u2019").encode(), {"thousands": "'"}),
    "french.csv": (foreign(",", "\u202f").encode(), {"decimal": ",", "thousands": " "}),
    "null.csv": (text().replace(",,", r",\N,").encode(), {"null": [r"\N", "n/a"]}),
    "null mapped.csv": (text().replace(",,", ",n/a,").encode(), {"null": "n/a", "columns": MAP}),
    "lines.jsonl": ("\n".join(map(json.dumps, objects())).encode(), None),
    "bom within.jsonl": ("\n\ufeff".join(map(json.dumps, objects())).encode(), None),
    "lines16.jsonl": ("\n".join(map(json.dumps, objects())).encode("utf-16"), None),
    "array.json": (json.dumps(objects()).encode(), None),
    "pretty.json": (json.dumps(objects(), indent=2, ensure_ascii=False).encode(), None),
    "trailing.json": (f"[{', '.join(map(json.dumps, objects()))},\n]\n".encode(), None),
    "spread.json": ("\n".join(json.dumps(each, indent=1) for each in objects()).encode(), None),
    "rows.json": (json.dumps({"rows": objects(), "next": None}).encode(), {"unnest": "rows", "columns": {name: f"rows.{name}" for name in NAMES}}),
    "nested.json": (json.dumps([{"a": {"b": objects()[:2]}}, {"a": {"b": objects()[2:]}}], indent=1).encode(), {"unnest": "a.b", "columns": {name: f"a.b.{name}" for name in NAMES}}),
    "comma.json": (json.dumps(foreign_objects(",", ".")).encode(), {"decimal": ","}),
    "comma numbers.json": (json.dumps([each | {"list_price": float(each["list_price"])} for each in objects()]).encode(), {"decimal": ","}),
    "comma mapped.jsonl": ("\n".join(map(json.dumps, foreign_objects(",", "\u00a0"))).encode(), {"decimal": ",", "thousands": " ", "columns": MAP | {"list_price": "cast(list_price as decimal(18, 4)) * 1"}}),
    "comma nested.json": (json.dumps([{"a": {"b": foreign_objects(",", ".")}}], indent=1).encode(), {"decimal": ",", "unnest": "a.b", "columns": {name: f"a.b.{name}" for name in NAMES}}),
    "table.parquet": (parquet(), None),
    "lists.parquet": (_as_parquet({"k": [1, 2], "cart": [objects()[:2], objects()[2:]]}), {"unnest": "cart", "columns": {name: f"cart.{name}" for name in NAMES}}),
    "gzip.csv.gz": (gzip.compress(UTF8), None),
    "twice.csv.gz": (gzip.compress(gzip.compress(UTF8)), None),
    "members.csv.gz": (gzip.compress(UTF8[:40]) + gzip.compress(UTF8[40:]), None),
    "zstd.csv.zst": (pa.compress(UTF8, codec="zstd", asbytes=True), None),
    "lz4.csv": (pa.compress(UTF8, codec="lz4", asbytes=True), None),
    "bzip2.csv.bz2": (bz2.compress(UTF8), None),
    "xz.csv.xz": (lzma.compress(UTF8), None),
    "zip.zip": (zipped("a.csv", UTF8), None),
    "gz.zip": (zipped("a.csv.gz", gzip.compress(text(";").encode("utf-16"))), None),
    "parquet.zip": (zipped("a.parquet", parquet()), None),
    "json.zst": (pa.compress(json.dumps(objects()).encode(), codec="zstd", asbytes=True), None),
    "book.xlsx": (workbook(), None),
    "above.xlsx": (workbook(3, more=_hide), None),
    "second.xlsx": (workbook(name="B", more=lambda book: book.create_sheet("A", 0).append(NAMES[:2])), {"sheet": "B"}),
    "comma.xlsx": (workbook(), {"decimal": ",", "sheet": 1}),
    "book.xlsx.gz": (gzip.compress(workbook()), None),
    "misnamed.csv": (workbook(name="Other"), None),
}  # fmt: skip
"""Name, content, and what a map says of it."""

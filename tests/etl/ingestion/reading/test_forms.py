"""A file of a form that isn't read is refused whole, and the message says what it looks like and what to do."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import sqlite3
import tarfile
import zipfile
from functools import reduce
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

from tests.etl.lines import GOOD, HEADER
from workbench.etl.ingest import ingest
from workbench.etl.ingestion.converting.faults import ForeignForm
from workbench.etl.ingestion.reading.forms import look_at
from workbench.settings import Settings
from workbench.warehouse import Warehouse

CSV = f"{HEADER}\n{GOOD}\n"
ROW = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
TABLE = pa.table({name: [value] for name, value in ROW.items()})


def zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return target.getvalue()


def parquet() -> bytes:
    target = io.BytesIO()
    pq.write_table(TABLE, target)
    return target.getvalue()


def written(folder: Path, kind: str) -> bytes:
    """Return a file as another program writes it."""
    path = folder / f"made.{kind}"
    if kind == "sqlite":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE t (a)")
        connection.close()
    elif kind == "duckdb":
        with duckdb.connect(path) as database:
            database.execute("CREATE TABLE t (a INT)")
    elif kind == "feather":
        feather.write_feather(TABLE, str(path))
    elif kind == "orc":
        orc.write_table(TABLE, str(path))
    elif kind == "tar":
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo("a.csv"), io.BytesIO())
    return path.read_bytes()


FOREIGN: dict[str, tuple[str | bytes, str]] = {
    "page.csv": ("\n<!DOCTYPE html><html><body>404</body></html>", "a page in HTML.*Download the data"),
    "page.parquet": ("<html>\n<body>", "a page in HTML"),
    "page.csv.gz": (gzip.compress(b"<HTML><head></head></HTML>"), "a page in HTML"),
    "data.xml": ('<?xml version="1.0"?><rows/>', "an XML document.*convert"),
    "sheet.csv": (zipped("mimetype", "content.xml"), "OpenDocument"),
    "old.csv": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "old Excel"),
    "n.ipynb": (json.dumps({"cells": [], "nbformat": 4}, indent=1), "a Jupyter notebook"),
    "zeros.csv": (b"\0" * 5000, "nothing but zeros"),
    "two.zip": (zipped("a.csv", "b/c.csv"), r"a zip archive of 2 files \(a.csv, b/c.csv\): unpack it"),
    "none.zip": (zipped("__MACOSX/._a", "b/"), "a zip archive without a file"),
    "word.docx": (zipped("[Content_Types].xml", "word/document.xml"), "an Office document"),
    "binary.xlsb": (zipped("[Content_Types].xml", "xl/workbook.bin"), "a binary Excel workbook"),
    "zip.csv.gz": (gzip.compress(zipped("a.csv")), "a zip archive inside gzip"),
    "deep.csv.gz": (reduce(lambda inner, _: gzip.compress(inner), range(4), b"x"), "packed more than 3 times"),
    "locked.xlsx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "an Excel workbook with a password"),
    "tar.gz": (gzip.compress(b"x" * 257 + b"ustar"), "a tar archive"),
    "a.pdf": (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
    "a.png": (b"\x89PNG\r\n\x1a\n\0\0", "a picture"),
    "a.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture"),
    "a.pickle": (pickle.dumps(ROW, protocol=4), "pickle"),
    "secret.parquet": (b"PARE" + b"x" * 50, "encrypted"),
    **{f"made.{kind}": (kind, what) for kind, what in {
        "sqlite": "an SQLite database", "duckdb": "a DuckDB database", "feather": "Feather", "orc": "an ORC file", "tar": "a tar archive",
    }.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_form_is_told(tmp_path: Path, name: str) -> None:
    content, told = FOREIGN[name]
    path = tmp_path / name
    if name.startswith("made."):
        content = written(tmp_path, str(content))
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ForeignForm, match=rf"(?s)^it is .*{told}"):
        look_at(path)


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.csv", CSV, "csv"),
        ("a.parquet", CSV, "csv"),
        ("a.json", CSV, "csv"),
        ("a.csv", parquet(), "parquet"),
        ("a.txt", json.dumps(ROW) + "\n", "json"),
        ("a.csv", "\ufeff" + json.dumps(ROW) + "\r" + json.dumps(ROW), "json"),
        ("a.jsonl", "oops\n" + json.dumps(ROW), "json"),
        ("a.csv", "[id],b\n1,2\n", "csv"),
        ("a.csv", "", "empty"),
        ("a.csv", "\ufeff", "empty"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "empty"),
        ("a.csv", "<5,b\n1,2\n", "csv"),
    ],
)
def test_a_file_is_read_as_what_it_is_whatever_its_name(
    tmp_path: Path, name: str, content: str | bytes, form: str
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert look_at(tmp_path / name).form == form


def test_such_files_are_refused_and_the_others_are_in(warehouse: Warehouse, settings: Settings) -> None:
    folder = settings.landing / "transactions"
    folder.mkdir(parents=True)
    above = f"Sales of May\r\n\r\nprinted today\r\n{CSV}"
    texts = {
        "above.csv": above,
        "bare.csv": f"{GOOD}\n{GOOD}\n",
        "blank.csv": f"\n{GOOD}\n",
        "other.csv": "id,sku,price\nA,B,2\n",
        "page.csv": "<html><body>error</body></html>\n",
        "good.parquet": CSV,
        "sep.csv": "sep=;\r\n" + CSV.replace(",", ";"),
        "foreign.csv": "Beleg;Menge\nA;2\n",
        "single.csv": "Sales\n",
        "inner.json": json.dumps({"answer": {"items": [ROW]}, "next": None}),
        "none.json": "[]",
        "broken.jsonl": "{a\n{b\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, newline="")
    book = openpyxl.Workbook()
    book.active.append(["Cover"])
    book.create_sheet("Sales").append(HEADER.split(","))
    book.save(folder / "book.xlsx")
    (folder / "zeros.csv").write_bytes(CSV.encode() + b"\0" * 3000)
    packed = gzip.compress(CSV.encode())
    damaged = {
        "cut.gz": packed[:-9],
        "more.gz": packed + b"<html>",
        "other.gz": packed[:20] + b"x" + packed[21:],
    }
    for name, content in damaged.items():
        (folder / name).write_bytes(content)
        # Written just now, it would be taken for one that somebody still writes.
        os.utime(folder / name, (1.7e9, 1.7e9))
    batches = {Path(batch.uri).name: batch for batch in ingest(warehouse).batches}
    assert {name: batch.status for name, batch in batches.items()} == {
        "above.csv": "loaded", "bare.csv": "rejected", "blank.csv": "rejected", "other.csv": "rejected", "page.csv": "rejected",
        "cut.gz": "rejected", "more.gz": "rejected", "other.gz": "rejected",
        "foreign.csv": "rejected", "single.csv": "rejected", "book.xlsx": "rejected",
        "inner.json": "rejected", "none.json": "empty", "broken.jsonl": "rejected",
        "good.parquet": "loaded", "sep.csv": "loaded", "zeros.csv": "partial",
    }  # fmt: skip
    told = {name: batch.message or "" for name, batch in batches.items()}
    assert "3 lines above the header left out: Sales of May / printed today" in told["above.csv"]
    assert (
        "the first line seems to be a row; put a header above it: transaction_id,line_number"
        in told["bare.csv"]
    )
    assert "in the first line: it is blank" in told["blank.csv"]
    assert all("it is damaged, or was cut short" in told[name] for name in damaged)
    assert "its columns are id, sku, price; rename them, or write a map" in told["other.csv"]
    assert "its columns are Beleg, Menge; rename" in told["foreign.csv"]
    assert "nothing in it parts columns: Sales; a map may say the delimiter" in told["single.csv"]
    assert "a map may say the sheet" in told["book.xlsx"] and "sheet Sheet (not Sales)" in told["book.xlsx"]
    assert "the list 'answer.items' holds them: a map says unnest: answer.items" in told["inner.json"]
    assert told["broken.jsonl"] == "no line of it is a record: line:not_json 2"
    assert "a page in HTML" in told["page.csv"]
    counted = [batches[name].rows_landed for name in ("above.csv", "bare.csv", "other.csv", "page.csv")]
    assert counted == [1, 2, 2, 1]
    assert all(
        batch.rows_landed == batch.rows_accepted + batch.rows_quarantined for batch in batches.values()
    )

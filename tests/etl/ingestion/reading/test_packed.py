"""What is packed is unpacked as far as it is whole, in bounded memory, or refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import zipfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.etl.ingestion.reading.opening import NAMES, read, workbook
from workbench.etl.ingestion.converting import packed
from workbench.etl.ingestion.reading import UnreadableFile


def test_a_bomb_is_given_up_in_bounded_memory(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "_MOST", 16 << 20)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as file:
        file.write(b"id,name,qty\n")
        for _ in range(32):
            file.write(b"1,a,2\n" * 200_000)
    for content, name in [
        (target.getvalue(), "in.zip"),
        (gzip.compress(b"id,name,qty\n" + b"1,a,2\n" * 4_000_000), "in.csv.gz"),
    ]:
        with pytest.raises(UnreadableFile, match=r"unpacked it takes more than .* and 200 times its size"):
            read(connection, tmp_path, content, name)


def test_a_zip_with_a_password_is_told(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.csv", "id\n1\n")
    content = bytearray(target.getvalue())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    with pytest.raises(UnreadableFile, match="a zip archive with a password"):
        read(connection, tmp_path, bytes(content), "in.zip")


def test_whatever_breaks_in_a_packed_file_it_is_refused_or_read(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    text = ("id,name,qty\n" + "".join(f"{i},ü{i},2\n" for i in range(500))).encode()
    table = io.BytesIO()
    pq.write_table(pa.table({name: ["1"] * 50 for name in NAMES}), table)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", text)
    dice = random.Random(5)
    refused = 0
    for whole in (
        pa.compress(text, codec="zstd", asbytes=True),
        gzip.compress(text, mtime=0),
        zipped.getvalue(),
        workbook(list(NAMES), [1, 2, 3]),
    ):
        for _ in range(8):
            content = bytearray(whole[: dice.choice([len(whole), dice.randrange(6, len(whole))])])
            for _ in range(dice.randrange(4)):
                content[dice.randrange(4, len(content))] = dice.randrange(256)
            try:
                read(connection, tmp_path, bytes(content), "in.csv")
            except UnreadableFile:
                refused += 1
    assert refused > 8


@pytest.mark.parametrize("name", ["gzip", "zstd", "lz4", "bzip2", "xz"])
def test_what_follows_a_packed_stream_is_read_or_the_file_is_refused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, name: str
) -> None:
    pack = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}.get(
        name, lambda content: pa.compress(content, codec=name, asbytes=True)
    )
    first, second = pack(b"id,name,qty\n1,a,1\n"), pack(b"2,b,2\n")
    padding = {"gzip": b"\0" * 8, "xz": b"\0" * 8, "bzip2": b"\0" * 512}.get(name)
    # A frame to be skipped, as parallel packers put before each of theirs.
    skipped = bytes.fromhex("532a4d1804000000") + b"size"
    padding, before = (skipped, skipped) if padding is None else (padding, b"")
    rows, bad, _ = read(connection, tmp_path, before + first + padding + second)
    assert (rows, bad) == ({1: ("1", "a", "1"), 2: ("2", "b", "2")}, {})
    broken = bytearray(second)
    broken[0 if name in ("gzip", "xz") else 3] ^= 0xFF
    for after in (bytes(broken) + second, b"garbage", second[: len(second) // 2]):
        with pytest.raises(UnreadableFile, match=f"damaged, or was cut short: the {name}"):
            read(connection, tmp_path, first + after)

"""What a spreadsheet made of rows that were exported is read again, or it is said how to save it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.etl.mending import BATCH, ROW, read_csv


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

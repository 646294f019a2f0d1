"""Cutting a file into records: a record's number is its place, whatever the bytes between."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from workbench.etl.lines import PLACEHOLDER, cut, first_line


def cut_csv(
    folder: Path, content: bytes, columns: int = 2
) -> tuple[list[str], list[tuple[int, str, object]]]:
    """Return the plain lines (None where a placeholder stands) and the special records."""
    path = folder / "in.csv"
    path.write_bytes(content)
    found = cut(path, folder / "plain", delimiter=",", columns=columns, header=True)
    data = gzip.decompress(found.path.read_bytes()) if found.gzipped else found.path.read_bytes()
    lines = data.decode().split("\n")[found.skip :]
    return lines, [(s.number, s.record, s.fields or s.error) for s in found.specials]


def test_a_plain_file_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"a,b\n1,caf\xc3\xa9\n")
    found = cut(path, tmp_path / "plain", delimiter=",", columns=2, header=True)
    assert (found.path, found.skip, found.specials) == (path, 1, [])
    assert not (tmp_path / "plain").exists()


@pytest.mark.parametrize(
    ("content", "specials"),
    [
        (b'"1",2\n3,4\n', [(1, '"1",2', ["1", "2"])]),
        (b'3,4\n"1\n\n2",x\n5,6\n', [(2, '"1\n\n2",x', ["1\n\n2", "x"])]),
        (b'"1,2\n3,4\n', [(1, '"1,2', "line:bad_quoting")]),
        (b'3,4\n"1,2\n5,6\n7,"8"\n', [(2, '"1,2', "line:bad_quoting"), (4, '7,"8"', ["7", "8"])]),
        (b"3,\xff\n", [(1, "3,\\xff", "line:not_utf8")]),
        (b"3,\0\n", [(1, "3,\\x00", "line:nul_byte")]),
        (b"3,\x1e\n", [(1, "3,\x1e", ["3", "\x1e"])]),
    ],
)
def test_a_record_that_needs_care_is_parsed_in_its_place(
    tmp_path: Path, content: bytes, specials: list[tuple[int, str, object]]
) -> None:
    lines, found = cut_csv(tmp_path, b"a,b\n" + content)
    assert found == specials
    assert [n for n, line in enumerate(lines, 1) if line == PLACEHOLDER] == [n for n, _, _ in specials]


def test_windows_line_ends_are_no_part_of_a_record(tmp_path: Path) -> None:
    lines, found = cut_csv(tmp_path, b"a,b\r\n1,2\r\n\r\n3,4")
    assert (lines, found) == (["1,2", "", "3,4", ""], [])


def test_a_quoted_field_may_lie_across_two_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"".join(b'%d,"x\ny"\n' % n for n in range(50))
    whole = cut_csv(tmp_path, b"a,b\n" + body)
    for size in (7, 16, 33):
        monkeypatch.setattr("workbench.etl.lines._CHUNK", size)
        assert cut_csv(tmp_path, b"a,b\n" + body) == whole
    assert [fields for _, _, fields in whole[1]] == [[str(n), "x\ny"] for n in range(50)]


def test_the_first_line_is_read_without_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "in.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfa,b\r\n1,2"))
    assert first_line(path) == ("a,b", True)

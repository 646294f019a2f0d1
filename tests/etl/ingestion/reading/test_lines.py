"""Cutting a file into records: a record's number is its place, whatever the bytes between."""

from __future__ import annotations

import csv
import gzip
import io
import random
from pathlib import Path

import pytest

from workbench.etl.ingestion.reading.cutter import PLACEHOLDER, Layout, Special
from workbench.etl.ingestion.reading.forms import look_at
from workbench.etl.ingestion.reading.header import read_header
from workbench.etl.ingestion.reading.lines import cut

ENDS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}


def cut_csv(
    folder: Path, content: bytes, columns: int = 2, longest: int = 1 << 20
) -> tuple[list[str], list[tuple[int, str, object]]]:
    """Return the plain lines (the placeholder where one stands) and the special records."""
    path = folder / "in.csv"
    path.write_bytes(content)
    head = read_header(look_at(path), ["a", "b"], longest).size
    specials: list[Special] = []
    found = cut(look_at(path), folder / "plain", Layout(",", columns, head, longest), specials.extend)
    lines = found.path.read_bytes().decode().removesuffix("\n").split("\n")[found.skip :]
    assert len(lines) == found.records or not found.records
    return lines, [(s.number, s.record, s.fields or s.error) for s in specials]


def test_a_plain_file_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"a,b\n1,caf\xc3\xa9\n")
    found = cut(look_at(path), tmp_path / "plain", Layout(",", 2, 4, 100), pytest.fail)
    assert (found.path, found.skip, found.records) == (path, 1, 1)
    assert not (tmp_path / "plain").exists()


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
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
        # A record over two lines that has another fault is one record.
        (b'"1\n2",x,y\n5,6\n', [(1, '"1\n2",x,y', ["1\n2", "x", "y"])]),
        (b'"1\n2"\n5,6\n', [(1, '"1\n2"', ["1\n2"])]),
        (b'"1\n2"x,y,z\n5,6\n', [(1, '"1\n2"x,y,z', "line:bad_quoting")]),
        (b'"1"x,"2\n3"\n5,6\n', [(1, '"1"x,"2\n3"', "line:bad_quoting")]),
        (b'"1\n\xff",x\n5,6\n', [(1, '"1\n\\xff",x', "line:not_utf8")]),
        (b'\xff,"1\n2"\n5,6\n', [(1, '\\xff,"1\n2"', "line:not_utf8")]),
        (b'"1\n\0",x\n5,6\n', [(1, '"1\n\\x00",x', "line:nul_byte")]),
        (b'"1\n2","3\n4"\n5,6\n', [(1, '"1\n2","3\n4"', ["1\n2", "3\n4"])]),
    ],
)
def test_a_record_that_needs_care_is_parsed_in_its_place(
    tmp_path: Path, content: bytes, specials: list[tuple[int, str, object]], end: bytes
) -> None:
    def ended(value: object) -> object:
        if isinstance(value, list):
            return [ended(each) for each in value]
        return value.replace("\n", end.decode()) if isinstance(value, str) else value

    lines, found = cut_csv(tmp_path, (b"a,b\n" + content).replace(b"\n", end))
    assert found == [(number, ended(record), ended(rest)) for number, record, rest in specials]
    assert [n for n, line in enumerate(lines, 1) if line == PLACEHOLDER] == [n for n, _, _ in specials]


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_line_ends_of_every_kind_are_no_part_of_a_record(tmp_path: Path, end: bytes) -> None:
    lines, found = cut_csv(tmp_path, end.join([b"a,b", b"1,2", b"", b"3,4"]))
    assert (lines, found) == (["1,2", "", "3,4"], [])


def test_line_ends_may_be_mixed(tmp_path: Path) -> None:
    lines, found = cut_csv(tmp_path, b"a,b\r1,2\n3,4\r\n5,6\r\r\n7,8")
    assert (lines, found) == (["1,2", "3,4", "5,6", "", "7,8"], [])


def test_a_record_may_lie_across_two_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"a,b\r\n" + b"".join(b'%d,"x\r\ny"\r\n%d,z\r' % (n, n) for n in range(50))
    whole = cut_csv(tmp_path, content)
    for size in (1, 2, 7, 16, 33):
        monkeypatch.setattr("workbench.etl.ingestion.reading.lines._CHUNK", size)
        assert cut_csv(tmp_path, content) == whole
    assert [fields for _, _, fields in whole[1]] == [[str(n), "x\r\ny"] for n in range(50)]


@pytest.mark.parametrize("size", [1, 64, 4 << 20])
def test_a_line_that_is_too_long_is_kept_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("workbench.etl.ingestion.reading.lines._CHUNK", size)
    long = b"x" * 3000
    content = b"a,b\r\n1,2\r\n" + long + b"\r\n3,4\n" + b'"' + long + b"\r5,6\n" + b"y" * 101
    lines, found = cut_csv(tmp_path, content, longest=100)
    assert lines == ["1,2", PLACEHOLDER, "3,4", PLACEHOLDER, "5,6", PLACEHOLDER]
    assert found == [
        (2, "x" * 1000 + " … (cut: 3000 bytes)", "line:too_long"),
        (4, '"' + "x" * 999 + " … (cut: 3001 bytes)", "line:too_long"),
        (6, "y" * 101 + " … (cut: 101 bytes)", "line:too_long"),
    ]


def test_records_agree_with_an_independent_reader_whatever_the_line_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Well-formed records, quoted or not, with line ends in them: as many as Python's reader finds, field by field."""
    dice = random.Random(5)
    cells = [
        "1",
        "x y",
        "",
        'say "hi"',
        "a,b",
        "two\nlines",
        "two\r\nlines",
        "cr\rin",
        "Käse",
        '"',
        "\n",
        "\x1e",
        "end\r",
    ]
    for size, end in [(4 << 20, "\n"), (5, "\r\n"), (9, "\r"), (17, None)]:
        monkeypatch.setattr("workbench.etl.ingestion.reading.lines._CHUNK", size)
        for _ in range(40):
            rows = [[dice.choice(cells), dice.choice(cells)] for _ in range(dice.randrange(12))]
            text = io.StringIO(newline="")
            for row in [["a", "b"], *rows]:
                # Python's writer leaves a CR without quotes where lines end at LF, and the reverse.
                many = any(set(cell) & {"\r", "\n"} for cell in row)
                quoting = csv.QUOTE_ALL if many else csv.QUOTE_MINIMAL
                ended = end or dice.choice(["\n", "\r", "\r\n"])
                csv.writer(text, lineterminator=ended, quoting=quoting).writerow(row)
            content = text.getvalue().encode()
            lines, found = cut_csv(tmp_path, content)
            fields = {number: fields for number, _, fields in found}
            assert [n for n, line in enumerate(lines, 1) if line == PLACEHOLDER] == list(fields)
            read = [fields.get(n) or line.split(",") for n, line in enumerate(lines, 1)]
            assert read[: len(rows)] == rows, content
            assert len(lines) == len(rows) or not rows


def test_the_header_is_read_without_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "in.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfa,b\r\n1,2"))
    header = read_header(look_at(path), ["a"], 100)
    assert (header.names, header.size, header.known) == (("a", "b"), 8, 1)


@pytest.mark.parametrize(
    ("content", "names", "delimiter", "rest"),
    [
        (b'a,"b\r\nof two lines"\r\n1,2', ("a", "b\r\nof two lines"), ",", b"1,2"),
        (b"sep=;\r\na;b\r\n1;2", ("a", "b"), ";", b"1;2"),
        (b"A;x;X;x;;a\r1", ("A", "x", "X", "x.4", "column5", "a"), ";", b"1"),
        (b'a,"b\n1,2\n3,4\n', ("a", '"b'), ",", b"1,2\n3,4\n"),
        (b"a,b", ("a", "b"), ",", b""),
    ],
)
def test_the_header_is_the_first_record(
    tmp_path: Path, content: bytes, names: tuple[str, ...], delimiter: str, rest: bytes
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    header = read_header(look_at(path), ["a", "b"], 1000)
    assert (header.names, header.delimiter, content[header.size :]) == (names, delimiter, rest)

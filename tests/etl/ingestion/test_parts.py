"""A file judged in parts comes to the rows, numbers, records and reasons of one that is judged whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.etl.ingestion.parts import Rows, landed, planned, whole, written
from tests.etl.lines import GOOD, HEADER, line
from workbench.etl.ingestion.parts.borders import count_records, parts_of, ranges
from workbench.etl.ingestion.parts.judging import judge_part
from workbench.sources.maps import Map

RECORDS = [
    GOOD.encode(),
    line(transaction_id="T9", customer_id="").encode(),
    line(customer_id='"C, 1"').encode(),
    line(customer_id='"two\nlines"').encode(),
    line(customer_id='"three\r\nlines, and ""quotes""\nof them"').encode(),
    line(customer_id='a "stray" quote').encode(),
    b'T1,"1' + GOOD[4:].encode(),
    b'"never closed' + GOOD.encode(),
    b"T1,1",
    GOOD.encode() + b",more",
    b"",
    b" ",
    line(currency="eur ", quantity=" 3").encode(),
    line(quantity="two", currency="ABC").encode(),
    line(customer_id="M\u00fcller").encode(),
    line(customer_id="M\u00fcller").encode("latin-1"),
    line(customer_id="a\0b").encode(),
    line(customer_id="a\x1eb").encode(),
    line(customer_id="x" * 3000).encode(),
    line(customer_id='"' + "y\n" * 800 + '"').encode(),
    line(transaction_timestamp="2024-01-01T10:00:00+02:00").encode(),
    HEADER.encode(),
]


def in_parts(path: Path, folder: Path, size: int, mapping: Map | None = None) -> Rows | None:
    """What the parts of a file come to; None if it isn't divided."""
    found = planned(landed(path, mapping), folder, size)
    if found is None:
        return None
    request = found.request
    if not (cut := ranges(path, request.head, request.size)):
        return None
    counts = [count_records(path, each, request.layout) for each in cut]
    parts = parts_of(cut, counts, lambda each: count_records(path, each, request.layout))
    assert [each.range.stop for each in parts[:-1]] == [each.range.start for each in parts[1:]]
    for number, part in enumerate(parts):
        assert not judge_part(request, number, part, 256).problem
    return written(request.out)


@settings(
    max_examples=int(os.environ.get("WORKBENCH_SEQUENCES", "12")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(
    records=st.lists(st.sampled_from(RECORDS), min_size=1, max_size=25),
    ends=st.lists(st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]), min_size=1, max_size=4),
    size=st.integers(60, 900),
    finished=st.booleans(),
)
def test_parts_of_any_file_come_to_what_the_whole_comes_to(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    records: list[bytes],
    ends: list[bytes],
    size: int,
    finished: bool,
) -> None:
    monkeypatch.setenv("WORKBENCH_LONGEST_LINE", "1024")
    body = b"".join(record + ends[place % len(ends)] for place, record in enumerate(records))
    path = tmp_path / "file.csv"
    path.write_bytes(HEADER.encode() + b"\n" + (body if finished else body.rstrip(b"\r\n")))
    assert (found := in_parts(path, tmp_path, size)) is None or found == whole(landed(path))
    # Where it is taken for windows-1252, or has no record, it is read as a whole.
    assert found is not None or b"\xfc" in body or not body.strip(b"\r\n ")


def test_a_nasty_file_is_divided_and_one_that_cannot_be_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    lines = [each for each in RECORDS if b"never closed" not in each] * 12
    path.write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b",Shop\n" + b",x\n".join(lines) + b",x\n")
    mapping = Map(
        dataset="transactions",
        columns={
            "transaction_id": "'T-' || transaction_id", "line_number": "1", "transaction_timestamp": "transaction_timestamp",
            "product_id": "product_id", "store_id": "coalesce(Shop, store_id)", "quantity": "try_cast(quantity AS DECIMAL(18, 4)) * 2",
            "unit_price": "unit_price", "currency": "'GBP'",
        },
    )  # fmt: skip
    for said in (None, mapping):
        accepted, refused = whole(landed(path, said))
        assert len(accepted) > 100 and len(refused) > 50
        assert in_parts(path, tmp_path, 700, said) == (accepted, refused)
    numbered = mapping.model_copy(
        update={"columns": {**mapping.columns, "line_number": "row_number() over ()"}}
    )
    assert in_parts(path, tmp_path, 700, numbered) is None
    path.write_text("transaction_id,price\n1,2\n")
    assert in_parts(path, tmp_path, 700) is None

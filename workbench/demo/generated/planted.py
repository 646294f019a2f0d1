"""Faults planted into generated sales, each a line with exactly one thing wrong, counted by reason code.

SQL plants faults of a value. Faults of a line can't be written as values, so SQL writes a private character
that :func:`break_lines` replaces by other bytes when the file is put together.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, BinaryIO

# What stands in the column instead of its value, by reason code.
_VALUES = {
    "quantity:not_a_number": ("quantity", "two"),
    "quantity:zero": ("quantity", "0"),
    "unit_price:not_a_number": ("unit_price", "n/a"),
    "unit_price:negative": ("unit_price", "-1.99"),
    "transaction_timestamp:invalid": ("transaction_timestamp", "2024-02-30 25:00:00"),
    "currency:unknown": ("currency", "ZZZ"),
    "store_id:missing": ("store_id", None),
    "transaction_id:missing": ("transaction_id", None),
}
# What stands in the last column, its private character in UTF-8, and the bytes that this becomes.
_LINES = {
    "line:too_few_columns": ("\ue001", b",\xee\x80\x81", b";web"),
    "line:too_many_columns": ("store\ue002", b"\xee\x80\x82", b",x1"),
    "line:not_utf8": ("march\ue003", b"\xee\x80\x83", b"\xe9 \xe9"),
    "line:bad_quoting": ("\ue004tore", b"\xee\x80\x84", b'"s"'),
}
REASONS = (
    "quantity:not_a_number", "line:too_few_columns", "currency:unknown", "line:not_utf8", "quantity:zero",
    "line:too_many_columns", "store_id:missing", "unit_price:negative", "line:bad_quoting",
    "transaction_timestamp:invalid", "unit_price:not_a_number", "transaction_id:missing",
)  # fmt: skip
# All marks are one of these after two bytes that they share, the first with what comes before it.
_MARK = b"\xee\x80"
_INSTEAD = {mark[-1:]: (mark[: mark.index(_MARK)], instead) for _, mark, instead in _LINES.values()}
_CHUNK = 8 << 20


def choose(lines: int, bad: int, repeats: int, seed: int) -> tuple[dict[str, list[Any]], dict[str, int]]:
    """Choose which of ``lines`` lines are spoilt and which are written twice.

    Returns:
        Columns ``n`` (from 0), ``fault`` (a reason code or none) and ``is_again``, with two rows for a line that is
        written twice; and the number of faults by reason.
    """
    rng = random.Random(f"faults/{seed}/{lines}")  # noqa: S311  invented data
    chosen = rng.sample(range(lines), bad + repeats)
    faults = [REASONS[number % len(REASONS)] for number in range(bad)]
    counts = {reason: faults.count(reason) for reason in REASONS if reason in faults}
    columns: dict[str, list[Any]] = {
        "n": chosen + chosen[bad:],
        "fault": faults + [None] * (2 * repeats),
        "is_again": [False] * len(chosen) + [True] * repeats,
    }
    return columns, counts


def spoil(column: str, value: str) -> str:
    """Return SQL for a column's value or, where table column ``fault`` says so, for what is wrong instead."""
    wrong: dict[str, str | None] = {}
    wrong |= {reason: text for reason, (name, text) in _VALUES.items() if name == column}
    if column == "channel":
        wrong |= {reason: text for reason, (text, _, _) in _LINES.items()}
    if not wrong:
        return value
    texts = {reason: "NULL" if text is None else f"'{text}'" for reason, text in wrong.items()}
    cases = " ".join(f"WHEN '{reason}' THEN {text}" for reason, text in texts.items())
    return f"CASE WHEN fault IS NULL THEN {value} ELSE CASE fault {cases} ELSE {value} END END"


def break_lines(source: Path, target: BinaryIO) -> None:
    """Append a file to ``target``, the marks in it replaced."""
    with source.open("rb") as file:
        # A piece ends where a line ends, so that no mark is cut in two.
        while chunk := file.read(_CHUNK) + file.readline():
            target.write(_broken(chunk))


def _broken(chunk: bytes) -> bytes:
    """Replace the marks in a piece of a file, in one pass."""
    first, *others = chunk.split(_MARK)
    parts = [first]
    for other in others:
        before, instead = _INSTEAD[other[:1]]
        parts[-1] = parts[-1].removesuffix(before)
        parts += [instead, other[1:]]
    return b"".join(parts)

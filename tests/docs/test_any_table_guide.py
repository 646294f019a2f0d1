"""Tables and columns that the guides name to ``workbench detect`` are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workbench.schema import TABLES

ROOT = Path(__file__).resolve().parents[2]
CALL = re.compile(r"^ +workbench detect (--table .+)$", re.MULTILINE)
CALLS = [
    call
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    for call in CALL.findall(path.read_text())
]


@pytest.mark.parametrize("call", CALLS)
def test_what_a_guide_detects_in_is_declared(call: str) -> None:
    given = dict(re.findall(r"--([a-z-]+) (\S+)", call))
    name = given["table"]
    table = TABLES.get(name) or TABLES.get(f"marts.{name}") or TABLES.get(f"core.{name}")
    assert table is not None, name
    asked = {given[option] for option in ("date-column", "measure", "by") if option in given}
    assert asked <= set(table.column_names)


def test_the_guides_have_such_calls() -> None:
    assert len(CALLS) >= 4

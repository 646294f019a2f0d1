"""The restore drill sees what a restored warehouse lacks, has twice, or has otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.project import ROOT
from workbench.warehouse import Warehouse, connect

_TABLES = ("raw.exchange_rates", "core.dim_store")


def test_a_lost_a_doubled_and_an_altered_row_are_seen(
    warehouse: Warehouse, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "drills"))
    from checksums import compare

    warehouse.execute(
        "INSERT INTO raw.exchange_rates SELECT DATE '2024-01-01' + CAST(i AS INTEGER), 'EUR', 1 + i, NULL, 'b', i, "
        "TIMESTAMP '2024-02-01' FROM range(3) AS rows(i)"
    )
    warehouse.execute("CHECKPOINT")
    shutil.copy(home / "warehouse.duckdb", tmp_path / "restored.duckdb")
    restored = connect(f"duckdb:///{tmp_path / 'restored.duckdb'}")

    def seen() -> list[tuple[str, tuple[int, int], int, int]]:
        found = compare(warehouse, restored, _TABLES)
        assert [each.table for each in found] == list(_TABLES)
        return [(each.table, each.rows, each.lost, each.added) for each in found if not each.is_equal]

    restored.execute("UPDATE raw.exchange_rates SET _ingested_at = TIMESTAMP '2025-01-01'")
    assert seen() == []
    restored.execute("DELETE FROM raw.exchange_rates WHERE _row_number = 2")
    assert seen() == [("raw.exchange_rates", (3, 2), 1, 0)]
    # As many rows as before, of which one is there twice.
    restored.execute("INSERT INTO raw.exchange_rates SELECT * FROM raw.exchange_rates WHERE _row_number = 1")
    assert seen() == [("raw.exchange_rates", (3, 3), 1, 1)]
    # The same rows, and the same values in each column, of which two have changed places.
    restored.execute("DELETE FROM raw.exchange_rates")
    restored.execute(
        "INSERT INTO raw.exchange_rates SELECT DATE '2024-01-01' + CAST(i AS INTEGER), 'EUR', 3 - i, NULL, 'b', i, "
        "TIMESTAMP '2024-02-01' FROM range(3) AS rows(i)"
    )
    assert seen() == [("raw.exchange_rates", (3, 3), 2, 2)]

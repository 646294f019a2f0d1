"""The committed sample is what the code writes, and holds what its README says."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.demo.generated import sample
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.warehouse.duckdb import DuckDBWarehouse

SAMPLES = Path(__file__).parents[2] / "samples"


def test_the_committed_sample_is_what_the_code_writes(tmp_path: Path) -> None:
    sample.write(tmp_path / "retail_data.csv")
    assert (tmp_path / "retail_data.csv").read_bytes() == (SAMPLES / "retail_data.csv").read_bytes()


def test_the_readme_names_each_bad_line_of_the_sample(warehouse: DuckDBWarehouse) -> None:
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")
    told = {
        int(n): reason for n, reason in re.findall(r"^\| (\d+) \| `([a-z_0-9:]+)` \|", readme, re.MULTILINE)
    }
    land(str(SAMPLES / "retail_data.csv"), "transactions")
    counts = ingest(warehouse).counts
    assert (counts["rows_landed"], counts["rows_accepted"], counts["rows_duplicate"]) == (400, 388, 3)
    found = warehouse.query("SELECT row_number, reasons FROM ops.quarantine").to_pylist()
    assert {row["row_number"]: row["reasons"] for row in found} == {n: [reason] for n, reason in told.items()}
    days = warehouse.query(
        "SELECT CAST(transaction_timestamp AS DATE) AS day, count(*) AS n FROM raw.transactions "
        "GROUP BY 1 ORDER BY n DESC"
    ).to_pylist()
    assert len(days) == 60
    assert str(days[0]["day"]) == "2024-11-27" and days[0]["n"] > 2 * days[1]["n"]
